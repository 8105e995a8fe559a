"""What IAM asks of a trust policy when a role is written, beyond the grammar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from daypass.errors import ArnInvalid, PolicyMalformed
from daypass.names import ProviderArn
from daypass.trust import aws_texts, shared_issuers
from daypass.trust.locate import locate, position
from daypass.trust.shared_issuers import DEFAULT as DEFAULT_CONTROL
from daypass.trust.statement import PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daypass.trust.document import Policy
    from daypass.trust.shared_issuers import Control
    from daypass.trust.statement import Action, Statement

DEFAULT_CHARACTERS: Final = 2_048
"""A role's quota for its trust policy, white space not counted (IAM quotas)."""
RAISED_CHARACTERS: Final = 4_096
"""The most that the quota can be raised to."""

BUILT_IN_PROVIDERS: Final = frozenset(
    {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}
)

STS_ACTIONS: Final = (
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
)
"""What a trust policy can speak of."""

_SID: Final = re.compile(r"[A-Za-z0-9]*")
_SAML_PROVIDER: Final = re.compile(r"arn:aws[a-z0-9-]*:iam::[0-9]{12}:saml-provider/[A-Za-z0-9._-]{1,128}")


class Named(Protocol):
    """A statement of any kind of policy."""

    @property
    def sid(self) -> str | None:
        """Its Sid."""


def check_role_trust(
    policy: Policy, *, max_characters: int = DEFAULT_CHARACTERS, control: Control = DEFAULT_CONTROL
) -> None:
    """Hold a policy to what IAM takes in CreateRole and UpdateAssumeRolePolicy.

    Args:
        policy: as parsed.
        max_characters: the account's quota, without white space: 2048 to 4096.
        control: how the rule for shared issuers is judged.

    Raises:
        PolicyMalformed: with `aws_message`, `aws_code` (`MalformedPolicyDocument`, or `LimitExceeded` for the size) and
            the position in `facts`.
    """
    for path, message, aws in _faults(policy, control):
        line, column = position(policy.text, locate(policy.text, path))
        raise PolicyMalformed(
            f"{message}, line {line} column {column}",
            line=line,
            column=column,
            aws_message=aws,
            aws_code="MalformedPolicyDocument",
        )
    size = len("".join(policy.text.split()))
    if size > max_characters:
        raise PolicyMalformed(
            f"the policy has {size} characters without white space, more than {max_characters}",
            advice="Split the role in two, or ask AWS to raise the quota (4096 at most).",
            aws_message=aws_texts.SIZE.format(limit=max_characters),
            aws_code="LimitExceeded",
        )


def _faults(policy: Policy, control: Control) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Path, message and AWS's text of each fault, in the order of the document."""
    indexed = [(statement.index, statement) for statement in policy.statements]
    sids = {index: (message, aws) for index, message, aws in sid_faults(indexed)}
    for index, statement in indexed:
        path = ("Statement", index)
        if index in sids:
            yield (*path, "Sid"), *sids[index]
        yield from (((*path, "Principal"), message, aws) for message, aws in _principal_faults(statement))
        for action in (*statement.actions, *statement.not_actions):
            if not _is_sts_action(action):
                member = "Action" if statement.actions else "NotAction"
                yield (*path, member), f"IAM does not take the action `{action.text}` here", aws_texts.NOT_AN_STS_ACTION
        for condition in statement.conditions:
            for value in condition.unreadable:
                # Refused when written, observed 2026-09; of the text only the code is known.
                where = (*path, "Condition", condition.operator, condition.key)
                yield where, f"`{condition.operator}` cannot read `{value}`", aws_texts.SYNTAX
    for refusal in shared_issuers.check(policy, control=control):
        yield (
            ("Statement", refusal.statement),
            f"{refusal.issuer.issuer} is shared by many customers, and {' or '.join(refusal.keys)} is not tested",
            refusal.aws_message,
        )


def sid_faults(statements: Iterable[tuple[int, Named]]) -> Iterator[tuple[int, str, str]]:
    """Index, message and AWS's text of each statement whose Sid IAM does not take."""
    sids: set[str] = set()
    for index, statement in statements:
        sid = statement.sid
        if sid is not None and not _SID.fullmatch(sid):
            yield index, f"the Sid `{sid}` is not made of A-Z a-z 0-9", aws_texts.SID_FORM
        elif sid and sid in sids:
            yield index, f"the Sid `{sid}` comes twice", aws_texts.SID_TWICE
        sids.add(sid or "")


def _principal_faults(statement: Statement) -> Iterator[tuple[str, str]]:
    for principal in statement.principals:
        if principal.kind is PrincipalKind.ANYONE:
            yield "IAM does not take everyone as the principal of a role", aws_texts.EVERYONE
        elif principal.kind is PrincipalKind.FEDERATED and not _is_federated(principal.value):
            yield f"`{principal.value}` is not the ARN of an identity provider", aws_texts.FEDERATED


def _is_federated(value: str) -> bool:
    if value in BUILT_IN_PROVIDERS or _SAML_PROVIDER.fullmatch(value):
        return True
    try:
        provider = ProviderArn.parse(value)
    except ArnInvalid:
        return False
    return not any(wildcard in provider.issuer for wildcard in "*?")


def _is_sts_action(action: Action) -> bool:
    """Letter case counts for the writer, and `sts:*` is refused (observed 2026-09)."""
    if "*" in action.text or "?" in action.text:
        return action.text.startswith("sts:Assume") and any(action.covers(name) for name in STS_ACTIONS)
    return action.text in STS_ACTIONS
