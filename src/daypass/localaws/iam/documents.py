"""Policy documents on their way in and out. One is kept only if it can be evaluated."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.localaws.faults import AwsError
from daypass.permissions.document import PermissionsPolicy
from daypass.trust.document import Policy
from daypass.trust.role_trust import check_role_trust
from daypass.trust.shared_issuers import DEFAULT, Control
from daypass.trust.statement import Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.errors import DaypassError

_Read = TypeVar("_Read")


def trust_policy(text: str, control: Control = DEFAULT) -> Policy | AwsError:
    """A trust policy that a role may have; `control` is how the rule for shared issuers is judged."""
    return _read(text, partial(_role_trust, control=control))


def permissions_policy(text: str) -> PermissionsPolicy | AwsError:
    """A policy of a role, inline or managed."""
    return _read(text, PermissionsPolicy.parse)


def without_name(policy: Policy, arn: str, role_id: str) -> Policy:
    """A trust policy after the role `arn` went: it names the one that was, so that none of the same name is trusted.

    IAM User Guide, "AWS JSON policy elements: Principal", "IAM role principals".
    """
    gone = Principal(PrincipalKind.AWS, arn)
    if all(gone not in statement.principals for statement in policy.statements):
        return policy
    document = json.loads(policy.text)
    for statement in document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]:
        named = statement["Principal"]
        if isinstance(named, dict) and "AWS" in named:
            listed = named["AWS"] if isinstance(named["AWS"], list) else [named["AWS"]]
            told = [role_id if one == arn else one for one in listed]
            named["AWS"] = told if len(told) > 1 else told[0]
    return Policy.parse(json.dumps(document))


def encoded(document: str) -> str:
    """A policy document as IAM gives it back: percent-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")


def size(text: str) -> int:
    """Characters that count for a quota: white space does not."""
    return len("".join(text.split()))


def _role_trust(text: str, *, control: Control) -> Policy:
    policy = Policy.parse(text)
    check_role_trust(policy, control=control)
    return policy


def _read(text: str, parse: Callable[[str], _Read]) -> _Read | AwsError:
    try:
        return parse(text)
    except PolicyMalformed as fault:
        code = str(fault.facts.get("aws_code", "MalformedPolicyDocument"))
        status = 409 if code == "LimitExceeded" else 400
        return AwsError(code, status, str(fault.facts.get("aws_message") or fault.message), detail=_told(fault))
    except PolicyUnsupported as fault:
        text = f"The local AWS cannot evaluate this policy yet: {fault.message}"
        return AwsError("MalformedPolicyDocument", 400, text, detail=_told(fault))


def _told(fault: DaypassError) -> str:
    return f"{fault.message}\n{fault.advice}" if fault.advice else fault.message
