"""Session policies: what AWS asks of them, and how much of a session they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.permissions.document import PermissionsPolicy
from daypass.sts import answers
from daypass.sts.refusal import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

MAX_PLAIN_CHARACTERS: Final = 2_048
"""Of the inline policy and the ARNs of managed ones together (AWS STS API reference, AssumeRoleWithWebIdentity)."""


def check_length(policy: str | None, policy_arns: Sequence[str]) -> Refusal | None:
    """The plain text of all session policies together is short enough.

    Of a managed policy the session carries only its ARN: a new version of it holds for sessions that there are
    (observed on AWS, September 2026).
    """
    characters = len(policy or "") + sum(map(len, policy_arns))
    if characters <= MAX_PLAIN_CHARACTERS:
        return None
    detail = f"session policies have {characters} characters together"
    return refuse(answers.POLICIES_TOO_LONG, detail, characters=characters, most=MAX_PLAIN_CHARACTERS)


def check_policies(policy: str | None, policy_arns: Sequence[str], managed: Container[str]) -> Refusal | None:
    """The inline policy can be read, and every managed one is there."""
    if policy is not None:
        try:
            PermissionsPolicy.parse(policy)
        except (PolicyMalformed, PolicyUnsupported) as fault:
            told = str(fault.facts.get("aws_message") or fault.message)
            return refuse(answers.POLICY_MALFORMED, fault.message, message=told)
    for arn in policy_arns:
        if arn not in managed:
            return refuse(answers.POLICY_ARN_UNKNOWN, f"there is no managed policy {arn} in the account", arn=arn)
    return None


def characters_carried(policy: str | None, policy_arns: Sequence[str]) -> int:
    """What the session carries of its policies: white space of the inline one is packed away."""
    return len("".join((policy or "").split())) + sum(map(len, policy_arns))


def check_packed(percent: int, *, with_policies: bool) -> Refusal | None:
    """The whole fits into a session; `percent` of the room is taken."""
    if percent <= 100:
        return None
    text = answers.PACKED_POLICY if with_policies else answers.PACKED_SIZE
    return refuse(text, "the session would carry more than AWS lets it", percent=percent)
