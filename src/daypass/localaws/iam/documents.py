"""Policy documents on their way in and out. One is kept only if it can be evaluated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.localaws.faults import AwsError
from daypass.permissions.document import PermissionsPolicy
from daypass.trust.document import Policy
from daypass.trust.role_trust import check_role_trust
from daypass.trust.shared_issuers import DEFAULT, Control

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
