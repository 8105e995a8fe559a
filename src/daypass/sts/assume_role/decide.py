"""AssumeRole, decided: one small step after the other. A refusal ends it and is an ordinary value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from daypass.sts.assume_role import texts
from daypass.sts.assume_role.authorize import Verdict, judge
from daypass.sts.decide import check_duration
from daypass.sts.observed import AS_OBSERVED, Administrator, DurationCheck, Observed
from daypass.sts.refusal import Refusal, refuse
from daypass.sts.session_policies import characters_carried, check_packed, check_policies
from daypass.trust.context import Context

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from daypass.sts.assume_role.caller import Caller
    from daypass.sts.assume_role.request import AssumeRoleRequest
    from daypass.sts.decide import Role

CHAIN_SECONDS: Final = 3_600
"""The longest session that a session can get (AWS STS API reference, AssumeRole)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A session may be made of this.

    Attributes:
        session_arn: `arn:…:sts::…:assumed-role/<role>/<session name>`.
        assumed_role_id: `<role id>:<session name>`.
        duration_seconds: as requested.
        packed_policy_size: percent; None when the session carries neither policies nor tags, as AWS answers.
        source_identity: of the calling session, otherwise as requested; None without.
        tags: the transitive ones of the calling session, and those requested.
        transitive_keys: which of them go on again.
        policy: the text of the session policy; None without.
        policy_arns: of the managed session policies.
    """

    session_arn: str
    assumed_role_id: str
    duration_seconds: int
    packed_policy_size: int | None
    source_identity: str | None
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    transitive_keys: tuple[str, ...] = ()
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()


def decide(
    request: AssumeRoleRequest,
    caller: Caller,
    *,
    role: Role | None,
    keys: Mapping[str, tuple[str, ...]],
    managed_policies: Container[str] = (),
    observed: Observed = AS_OBSERVED,
) -> Granted | Refusal:
    """Whether the caller may assume the role.

    Args:
        request: from `read_request`.
        caller: who signed.
        role: the one of `request.role_arn`; None without. AWS answers as if it did not trust the caller.
        keys: condition keys of the request and of the role: time, address, `aws:ResourceTag/…`.
        managed_policies: the ARNs of those of `request.policy_arns` that there are.
        observed: the choices where AWS is not known.
    """
    if not caller.is_session and observed.administrator is Administrator.REFUSED:
        return refuse(texts.ROOT, "the administrator's key is a root user's by the setting `administrator`")
    if no := _check_what_stays(request, caller):
        return no
    source_identity = caller.source_identity or request.source_identity
    too_long = None if role is None else check_duration(request.duration_seconds, role)
    if too_long and observed.duration_check is DurationCheck.BEFORE_TRUST:
        return too_long
    if no := _check_permission(request, caller, role, _context(request, caller, source_identity, keys)):
        return no
    assert role is not None, "without a role nothing is permitted"
    if no := too_long or _check_chain(request, caller):
        return no
    if no := check_policies(request.policy, request.policy_arns, managed_policies):
        return no
    tags = {**caller.transitive_tags, **request.tags}
    packed = packed_size(tags, characters_carried(request.policy, request.policy_arns))
    carries_policies = request.policy is not None or bool(request.policy_arns)
    if no := check_packed(packed or 0, with_policies=carries_policies):
        return no
    return Granted(
        session_arn=role.arn.session_arn(request.session_name),
        assumed_role_id=f"{role.role_id}:{request.session_name}",
        duration_seconds=request.duration_seconds,
        packed_policy_size=packed,
        source_identity=source_identity,
        tags=MappingProxyType(tags),
        transitive_keys=(*caller.transitive_tags, *request.transitive_keys),
        policy=request.policy,
        policy_arns=request.policy_arns,
    )


def packed_size(tags: Mapping[str, str], policies: int) -> int | None:
    """The share, in percent, of what a session can carry; `policies` in characters. None: it carries nothing.

    How AWS packs is not told; 16 was observed (February 2026) for one short policy. That a policy has a fixed share
    beside its characters, and that a character of a tag takes as much, is our assumption.
    """
    carried = sum(len(key) + len(value) for key, value in tags.items())
    if not carried and not policies:
        return None
    return 1 + (carried + policies + (360 if policies else 0)) // 30


def _check_what_stays(request: AssumeRoleRequest, caller: Caller) -> Refusal | None:
    """Transitive tags and the source identity of a session cannot be changed by the next one."""
    inherited = {key.lower() for key in caller.transitive_tags}
    for key in request.tags:
        if key.lower() in inherited:
            return refuse(texts.TAG_OF_CALLER, f"the calling session has the transitive tag `{key}`")
    if request.source_identity is not None and caller.source_identity not in (None, request.source_identity):
        return refuse(texts.SOURCE_IDENTITY_SET, f"the calling session's source identity is {caller.source_identity}")
    return None


def _actions(request: AssumeRoleRequest, caller: Caller, source_identity: str | None) -> Iterator[str]:
    """What has to be allowed. That `sts:AssumeRole` is asked for last was observed on AWS, July 2026."""
    if request.tags or caller.transitive_tags:
        yield "sts:TagSession"
    if source_identity is not None:
        yield "sts:SetSourceIdentity"
    yield "sts:AssumeRole"


def _check_permission(
    request: AssumeRoleRequest, caller: Caller, role: Role | None, context: Context
) -> Refusal | None:
    source_identity = caller.source_identity or request.source_identity
    for action in _actions(request, caller, source_identity):
        verdict = Verdict(False, f"there is no role {request.role_arn}")
        if role is not None and role.arn == request.role_arn:
            verdict = judge(caller, role, action, context)
        if not verdict.allowed:
            named = {"user": caller.arn, "action": action, "role": request.role_arn}
            no = refuse(texts.NOT_AUTHORIZED, verdict.detail, decision=None, **named)
            return replace(no, decision=verdict.decision, authorization=verdict.authorization)
    return None


def _check_chain(request: AssumeRoleRequest, caller: Caller) -> Refusal | None:
    if not caller.is_session or request.duration_seconds <= CHAIN_SECONDS:
        return None
    return refuse(texts.DURATION_OF_CHAIN, f"{request.duration_seconds} seconds are asked for by a session")


def _context(
    request: AssumeRoleRequest, caller: Caller, source_identity: str | None, keys: Mapping[str, tuple[str, ...]]
) -> Context:
    """The condition keys of the request (Service Authorization Reference, STS)."""
    values: dict[str, tuple[str, ...]] = {
        **caller.keys,
        **keys,
        "sts:RoleSessionName": (request.session_name,),
        "sts:ExternalId": () if request.external_id is None else (request.external_id,),
        "sts:SourceIdentity": () if source_identity is None else (source_identity,),
        "aws:TagKeys": tuple(request.tags),
        "sts:TransitiveTagKeys": request.transitive_keys,
        **{f"aws:RequestTag/{key}": (value,) for key, value in request.tags.items()},
    }
    return Context(
        {key: found for key, found in values.items() if found},
        caller.multivalued | {"aws:TagKeys", "sts:TransitiveTagKeys"},
    )
