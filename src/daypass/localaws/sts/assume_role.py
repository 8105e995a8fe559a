"""AssumeRole: the session of a role that an administrator or another session begins.

The decision is `daypass.sts.assume_role`; here its facts are gathered and its answer is carried out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from daypass.localaws.faults import Fault, Protocol
from daypass.localaws.iam.managed import managed_policy
from daypass.localaws.iam.state import PARTITION
from daypass.localaws.sessions import Session
from daypass.localaws.sts.call import wire_error
from daypass.localaws.sts.credentials import shown
from daypass.names import RoleArn
from daypass.sts.assume_role.caller import Caller
from daypass.sts.assume_role.decide import decide
from daypass.sts.assume_role.request import read_request
from daypass.sts.decide import Role
from daypass.sts.refusal import Refusal

if TYPE_CHECKING:
    from daypass.localaws.faults import AwsError
    from daypass.localaws.iam.state import IamRole
    from daypass.localaws.sts.call import Call
    from daypass.sts.assume_role.decide import Granted

_NOT_HERE = ("ProvidedContexts", "MinimumSessionTokenSize")


def assume_role(call: Call) -> dict[str, Any] | AwsError:
    """AssumeRole."""
    for name in _NOT_HERE:
        if name in call.given:
            return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, f"The local AWS does not implement {name}.")
    request = read_request(call.given)
    if isinstance(request, Refusal):
        return wire_error(request)
    account = call.sts.iam.to_read(request.role_arn.account)
    kept = account.roles.get(request.role_arn.name.lower())
    if kept is not None and kept.arn != request.role_arn:
        kept = None
    outcome = decide(
        request,
        _caller(call),
        role=None if kept is None else Role(kept.arn, kept.role_id, kept.trust_policy, kept.max_session_seconds),
        keys={**call.keys, **_resource_keys(request.role_arn, kept)},
        managed_policies=[arn for arn in request.policy_arns if managed_policy(account, arn) is not None],
        observed=call.sts.observed,
    )
    return wire_error(outcome) if isinstance(outcome, Refusal) else _session(call, outcome, request.role_arn)


def _caller(call: Call) -> Caller:
    who = call.caller
    identity = call.sts.authorizer.identity(who)
    if not isinstance(who, Session):
        return Caller(PARTITION, who.account, who.arn, keys=identity.keys)
    role = RoleArn.parse(who.role)
    transitive = {key.lower() for key in who.transitive_tag_keys}
    return Caller(
        partition=role.partition,
        account=who.account,
        arn=who.arn,
        role=role,
        role_id=who.role_id,
        policies=identity.policies,
        keys=identity.keys,
        multivalued=identity.multivalued,
        source_identity=who.source_identity,
        transitive_tags={key: value for key, value in who.tags if key.lower() in transitive},
    )


def _resource_keys(arn: RoleArn, role: IamRole | None) -> dict[str, tuple[str, ...]]:
    tags = () if role is None else role.tags
    return {
        "aws:ResourceAccount": (arn.account,),
        **{f"{prefix}:ResourceTag/{key}": (value,) for key, value in tags for prefix in ("aws", "iam")},
    }


def _session(call: Call, granted: Granted, role: RoleArn) -> dict[str, Any]:
    issued_at = call.now.replace(microsecond=0)
    credentials = call.sts.sessions.issue(
        Session(
            account=role.account,
            arn=granted.session_arn,
            user_id=granted.assumed_role_id,
            expires_at=issued_at + timedelta(seconds=granted.duration_seconds),
            issued_at=issued_at,
            role=str(role),
            source_identity=granted.source_identity,
            tags=tuple(granted.tags.items()),
            policy=granted.policy,
            policy_arns=granted.policy_arns,
            transitive_tag_keys=granted.transitive_keys,
        )
    )
    return {
        "Credentials": shown(credentials),
        "AssumedRoleUser": {"AssumedRoleId": granted.assumed_role_id, "Arn": granted.session_arn},
        "PackedPolicySize": granted.packed_policy_size,
        "SourceIdentity": granted.source_identity,
    }
