"""The plan: what to change so that an account has what a file wants. Pure.

Nothing is removed that the tags do not call ours, and what would let more in says so. What is alike by its form, or
admits the same requests, is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.aws.provisioning.changes import Blocked, Change, Plan
from daypass.aws.provisioning.plan_provider import plan_provider
from daypass.aws.provisioning.plan_role import plan_role
from daypass.aws.provisioning.trust_policies import provider_arn, trust_policy

if TYPE_CHECKING:
    from daypass.aws.provisioning.account import Seen, TrustingRole
    from daypass.aws.provisioning.desired import Desired


def plan(desired: Desired, seen: Seen, *, adopt: bool = False) -> Plan:
    """What to do.

    Args:
        desired: with thumbprints that are known (see `thumbprints.resolved`).
        seen: what the account has.
        adopt: take over roles that no stack made.

    Raises:
        RequestInvalid: who may enter cannot be said of an issuer; a file that was read says nothing of the sort.
    """
    account, partition = seen.account, seen.partition
    changes: list[Change] = []
    blocked: list[Blocked] = []
    unchanged: list[str] = []
    notes: dict[str, tuple[str, ...]] = {}
    names = {role.name for role in desired.roles}
    for provider in desired.providers:
        arn = str(provider_arn(provider, account, partition))
        others = [role for role in seen.trusting.get(arn, ()) if role.name not in names]
        found = plan_provider(provider, seen.providers.get(arn), arn=arn, stack=desired.stack, others=others)
        notes |= {role.name: (_left_over(role),) for role in others if role.stack == desired.stack}
        changes += found
        unchanged += [] if found else [arn]
    for role in desired.roles:
        trust = trust_policy(role, desired.provider_of(role), account, partition)
        there = seen.roles.get(role.name)
        outcome = plan_role(role, there, trust.text, seen=seen, stack=desired.stack, adopt=adopt)
        if isinstance(outcome, Blocked):
            blocked.append(outcome)
            continue
        changes += outcome
        if trust.notes:
            notes[role.name] = trust.notes
        if there is not None and not outcome:
            unchanged.append(there.arn)
    return Plan(account, partition, desired.stack, tuple(changes), tuple(blocked), tuple(unchanged), notes)


def _left_over(role: TrustingRole) -> str:
    if not role.made:
        return "It was taken over by this stack and is no longer in the file. It stays, and lets in whom it did."
    return (
        "It was made by this stack and is no longer in the file. It still lets in whom it did;"
        " `daypass aws destroy --left-over` removes it."
    )
