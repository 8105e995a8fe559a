"""Whether the caller may do one action on a role: its trust policy on one side, the caller's own policies on the other.

Within one account the trust policy must allow, and how closely it names the caller tells what else must; across
accounts both sides must. A Deny anywhere wins (IAM User Guide, "Policy evaluation logic" and "Cross-account policy
evaluation logic").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.permissions.decision import Layer
from daypass.permissions.decision import Request as PermissionRequest
from daypass.permissions.evaluate import evaluate as evaluate_permissions
from daypass.sts.assume_role.caller import Naming
from daypass.trust.decision import Decision, Reason, Request
from daypass.trust.evaluate import evaluate

if TYPE_CHECKING:
    from daypass.permissions.decision import Authorization
    from daypass.sts.assume_role.caller import Caller
    from daypass.sts.decide import Role
    from daypass.trust.context import Context
    from daypass.trust.document import Policy

_MUST_ALLOW: Final = {
    Naming.ACCOUNT: frozenset(Layer),
    Naming.ROLE: frozenset({Layer.BOUNDARY, Layer.SESSION}),
    Naming.SESSION: frozenset[Layer](),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an action is allowed; what the trust policy said, and what the caller's policies said if it came to them.

    `detail` is a sentence for the log when it is not.
    """

    allowed: bool
    detail: str
    decision: Decision | None = None
    authorization: Authorization | None = None


def judge(caller: Caller, role: Role, action: str, context: Context) -> Verdict:
    """Judge one of `sts:AssumeRole`, `sts:TagSession` and `sts:SetSourceIdentity`."""
    decision, naming = _trust(role.trust_policy, caller, action, context)
    if decision.denied_by or naming is Naming.NOT_AT_ALL:
        said = "denies" if decision.denied_by else "does not allow"
        return Verdict(False, f"the trust policy of {role.arn} {said} {action} to {caller.arn}", decision)
    if caller.policies is None:
        return Verdict(True, "", decision)
    here = (caller.account, caller.partition) == (role.arn.account, role.arn.partition)
    required = _MUST_ALLOW[naming if here else Naming.ACCOUNT]
    authorization = evaluate_permissions(caller.policies, PermissionRequest(action, str(role.arn), context))
    silent = [layer for layer in authorization.silent if layer in required]
    if authorization.denied_by or silent:
        where = authorization.denied_by[0].layer if authorization.denied_by else silent[0]
        said = "denies" if authorization.denied_by else "does not allow"
        detail = f"the trust policy of {role.arn} allows {action}, but the caller's {where} {said} it"
        return Verdict(False, detail, decision, authorization)
    return Verdict(True, "", decision, authorization)


def _trust(policy: Policy, caller: Caller, action: str, context: Context) -> tuple[Decision, Naming]:
    """The trust policy's decision, each statement under the closest name it has for the caller, and its Allows' name.

    A statement that names nobody here is shown under the closest of the caller's names.
    """
    names = tuple(caller.names())
    decisions = [(naming, evaluate(policy, Request(principal, action, context))) for principal, naming in names]
    closest = Naming.NOT_AT_ALL
    statements = []
    for index, shown in enumerate(decisions[0][1].statements):
        result = shown
        for naming, decision in decisions:
            if decision.statements[index].principal is Reason.MATCHED:
                result = decision.statements[index]
                if result in decision.allowed_by:
                    closest = max(closest, naming)
                break
        statements.append(result)
    return Decision(decisions[0][1].request, tuple(statements)), closest
