"""Whose a resource is: an ARN of another account is refused before anything is looked up in one's own.

A caller acts in its own account alone. IAM answers for a provider or policy of another one as for something that the
caller may not touch, whether it is there or not. AWS's own managed policies can be read by everybody, and changed by
nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Call

_OF_AWS: Final = "aws"
_READS: Final = ("Get", "List")
# Their resource is the role; a policy that it cannot have is answered by their own texts.
_ON_A_ROLE: Final = frozenset({"AttachRolePolicy", "DetachRolePolicy"})


def foreign(call: Call) -> AwsError | None:
    """Why the caller may not name this ARN, or None."""
    if call.action in _ON_A_ROLE:
        return None
    policy, provider = call.given.get("PolicyArn"), call.given.get("OpenIDConnectProviderArn")
    arn = policy or provider
    if arn is None:
        return None
    owner = _account(arn)
    if owner in {"", call.account.number} or (owner == _OF_AWS and call.action.startswith(_READS)):
        return None
    # IAM puts the kind of resource before the ARN of a policy.
    shown = f"policy {arn}" if policy else arn
    text = f"User: {call.caller} is not authorized to perform: iam:{call.action} on resource: {shown}"
    return AwsError("AccessDenied", 403, text, detail=f"{arn} is not of the caller's account {call.account.number}")


def _account(arn: str) -> str:
    """The account in an ARN, empty when there is none to read."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[2] == "iam" else ""
