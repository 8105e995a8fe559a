"""Remove what a stack made, and nothing else: roles first, providers last, and none that somebody else needs.

IAM removes a provider without asking who trusts it; every role that does is dead from then on, until somebody makes the
provider again, and with it trusts whoever signs for it then. So the roles of the whole account are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.aws.provisioning.account import Seen, read_instance_profiles, read_provider, read_role, roles_trusting
from daypass.aws.provisioning.changes import Blocked, Call, Change, Kind, Plan
from daypass.aws.provisioning.ownership import ADOPTED_BY, MADE_BY, audiences_key, recorded, stacks_using
from daypass.aws.provisioning.trust_policies import provider_arn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.aws.provisioning.account import SeenProvider, SeenRole, TrustingRole
    from daypass.aws.provisioning.calls import AwsClient
    from daypass.aws.provisioning.desired import Desired


def read_to_destroy(
    iam: AwsClient, desired: Desired, account: str, partition: str = "aws"
) -> tuple[Seen, Mapping[str, Sequence[TrustingRole]]]:
    """What the account has of a file, with the roles that the stack made and the file no longer names, and who trusts.

    Raises as `calls.ask` does.
    """
    arns = [str(provider_arn(provider, account, partition)) for provider in desired.providers]
    providers = {arn: found for arn in arns if (found := read_provider(iam, arn)) is not None}
    trusting = roles_trusting(iam, providers)
    names = [role.name for role in desired.roles]
    names += [role.name for each in trusting.values() for role in each if role.stack == desired.stack]
    roles = {name: there for name in dict.fromkeys(names) if (there := read_role(iam, name)) is not None}
    ours = [name for name, role in roles.items() if role.tags.get(MADE_BY) == desired.stack]
    profiles = {name: holding for name in ours if (holding := read_instance_profiles(iam, name))}
    return Seen(account, partition, providers, roles, instance_profiles=profiles), trusting


def plan_to_destroy(
    desired: Desired, seen: Seen, trusting: Mapping[str, Sequence[TrustingRole]], *, left_over: bool = False
) -> Plan:
    """What to remove. Pure.

    Args:
        desired: the file whose stack goes.
        seen: what the account has of it.
        trusting: the account's roles that trust each provider, by its ARN.
        left_over: only the roles that the file no longer names.
    """
    stack = desired.stack
    changes: list[Change] = []
    blocked: list[Blocked] = []
    profiles = seen.instance_profiles
    notes: dict[str, tuple[str, ...]] = {}
    unchanged: list[str] = []
    going: set[str] = set()
    kept = {role.name for role in desired.roles} if left_over else set()
    for name, role in seen.roles.items():
        if name in kept:
            continue
        if role.tags.get(MADE_BY) == stack:
            if profiles.get(name):
                blocked.append(_in_profiles(role, profiles[name]))
                continue
            going.add(role.arn)
            changes += _remove_role(role)
        else:
            unchanged.append(role.arn)
            adopted = role.tags.get(ADOPTED_BY) == stack
            how = "was taken over, and is not removed" if adopted else "was not made by this stack, and stays"
            notes[role.name] = (f"The role {how}.",)
    for arn, provider in ({} if left_over else seen.providers).items():
        left = [role for role in trusting.get(arn, ()) if role.arn not in going]
        if provider.tags.get(MADE_BY) == stack:
            others = [other for other in stacks_using(provider.tags) if other != stack]
            if left or others:
                blocked.append(_needed(arn, left, others))
            else:
                changes.append(_remove_provider(arn))
            continue
        unchanged.append(arn)
        changes += _leave_provider(provider, stack, left)
    return Plan(seen.account, seen.partition, stack, tuple(changes), tuple(blocked), tuple(unchanged), notes)


def _remove_role(role: SeenRole) -> list[Change]:
    """IAM deletes a role only when nothing is attached to it."""
    name = {"RoleName": role.name}
    calls = [Call("DetachRolePolicy", {**name, "PolicyArn": arn}) for arn in role.managed_policies]
    calls += [Call("DeleteRolePolicy", {**name, "PolicyName": policy.name}) for policy in role.inline_policies]
    return [Change(Kind.DELETE_ROLE, role.arn, "delete the role", (*calls, Call("DeleteRole", name)))]


def _in_profiles(role: SeenRole, profiles: Sequence[str]) -> Blocked:
    """IAM would refuse the deletion only after all policies are off, and leave an instance's role without any."""
    named = f"instance profile{'s' * (len(profiles) != 1)} {', '.join(profiles)}"
    return Blocked(
        role.arn,
        f"it is in the {named}, and AWS deletes no such role",
        "Take it out there first: aws iam remove-role-from-instance-profile"
        f" --role-name {role.name} --instance-profile-name {profiles[0]}",
    )


def _remove_provider(arn: str) -> Change:
    call = Call("DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn})
    return Change(Kind.DELETE_PROVIDER, arn, "delete the provider; no role trusts it any more", (call,))


def _leave_provider(provider: SeenProvider, stack: str, left: Sequence[TrustingRole]) -> list[Change]:
    """No longer use somebody else's provider. Our audiences stay with a role that stays: it may need them."""
    key, arn = audiences_key(stack), {"OpenIDConnectProviderArn": provider.arn}
    if key not in provider.tags:
        return []
    changes = [
        Change(
            Kind.REMOVE_CLIENT_ID,
            provider.arn,
            f"no longer take tokens for the audience {client}, which this stack had added",
            (Call("RemoveClientIDFromOpenIDConnectProvider", {**arn, "ClientID": client}),),
        )
        for client in provider.client_ids
        if recorded(provider.tags[key], client) and not left
    ]
    untag = Call("UntagOpenIDConnectProvider", {**arn, "TagKeys": [key]})
    return [*changes, Change(Kind.UNTAG, provider.arn, f"untag {key}", (untag,))]


def _needed(arn: str, left: Sequence[TrustingRole], others: Sequence[str]) -> Blocked:
    whose = [f"{role.name} ({f'of the stack {role.stack}' if role.stack else 'not made by Daypass'})" for role in left]
    parts = [f"these roles trust it: {', '.join(whose)}"] if left else []
    parts += [f"these stacks use it: {', '.join(others)}"] if others else []
    return Blocked(arn, "; ".join(parts), "Remove or change them first: without the provider nobody can enter them.")
