"""May the session do that? Every signed request of a role's session is asked here, once, before it is carried out.

What a request needs is read in `needs`, what the session has is gathered here, and `daypass.permissions` decides.
Administrators of an account may do everything in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daypass.localaws.faults import AwsError, Fault, Protocol
from daypass.localaws.iam.managed import managed_policy
from daypass.localaws.needs import cloudformation, query, resource_policies
from daypass.localaws.needs.model import Here, Unreadable
from daypass.localaws.needs.read import read
from daypass.localaws.services import state
from daypass.localaws.sessions import Session
from daypass.names import ProviderArn, RoleArn
from daypass.permissions.decision import Request
from daypass.permissions.document import PermissionsPolicy
from daypass.permissions.evaluate import Attached, Policies, allows, evaluate
from daypass.permissions.explain import message
from daypass.trust.claim_keys import keys_for
from daypass.trust.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from daypass.localaws.cloudformation.state import CloudFormationState
    from daypass.localaws.iam.state import Account, IamRole, IamState
    from daypass.localaws.needs.model import Need
    from daypass.localaws.services.catalogue import Behind
    from daypass.localaws.sessions import Administrator
    from daypass.localaws.signature import Caller
    from daypass.localaws.wire import WireRequest

# Of a chain of services that call each other there is one here, so it is the first and the last.
_CALLS: Final = ("", "First", "Last")
# What moto hands on to Docker, which would run code of the caller's on this machine, beyond all permissions here.
_IN_DOCKER: Final = frozenset({"lambda:InvokeFunction", "batch:SubmitJob"})
_CALLED_VIA: Final = frozenset({"aws:CalledVia"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a request beside its text: time, the caller's address, and whether it came over TLS.

    `called_via` is the service that makes the request with the caller's rights, such as
    `cloudformation.amazonaws.com`; None for the caller itself.
    """

    now: datetime
    source_ip: str | None
    secure_transport: bool
    called_via: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a caller brings to every request: policies (None: may do everything), and condition keys."""

    policies: Policies | None
    keys: Mapping[str, tuple[str, ...]]
    multivalued: frozenset[str] = frozenset()


class Authorizer:
    """Decides by what IAM says now: a change of a role holds at once, for sessions that there are too."""

    def __init__(self, iam: IamState, stacks: CloudFormationState, log: Callable[[str], object] | None = None) -> None:
        self._iam = iam
        self._stacks = stacks
        self._log = log
        self._told: set[str] = set()

    def knows(self, who: Administrator | Session) -> bool:
        """Whether there is still what the credentials were given out for."""
        return not isinstance(who, Session) or _role_of(who, self._iam.to_read(who.account)) is not None

    def identity(self, who: Administrator | Session) -> Identity:
        """What a caller brings, by what IAM says now."""
        if not isinstance(who, Session):
            return Identity(None, _administrator_keys(who))
        account = self._iam.to_read(who.account)
        role = _role_of(who, account)
        return Identity(_policies(who, role, account), _session_keys(who, role), _multivalued(who.provider))

    def operation(
        self, caller: Caller, request: WireRequest, action: str, given: Mapping[str, str], facts: Facts
    ) -> AwsError | None:
        """Why an operation of IAM, STS or CloudFormation may not be carried out, or None."""
        if not isinstance(caller.who, Session):
            return None
        service, number = caller.scope.service, caller.who.account
        if service == "cloudformation":
            region = caller.scope.region
            needed = cloudformation.needs(action, given, account=number, region=region, stacks=self._stacks)
        else:
            needed = query.needs(service, action, given, self._iam.to_read(number))
        return self._refusal(caller.who, needed, request_keys(caller, request, facts), Protocol.QUERY)

    def need(self, caller: Caller, request: WireRequest, need: Need, facts: Facts) -> AwsError | None:
        """Why a caller of a query service may not do one thing more that a request leads to, or None."""
        if not isinstance(caller.who, Session):
            return None
        return self._refusal(caller.who, (need,), request_keys(caller, request, facts), Protocol.QUERY)

    def behind(self, caller: Caller, request: WireRequest, behind: Behind, facts: Facts) -> WireRequest | AwsError:
        """The request as it may go on to a service behind, or why it may not. The service must be ready."""
        who, region, protocol = caller.who, caller.scope.region, behind.protocol
        here = Here(region, who.account, lambda name: state.find(behind.model, who.account, region, name))
        reading = read(behind, request, here)
        if isinstance(reading, Unreadable):
            if reading.answer is not None:
                return reading.answer
            if not isinstance(who, Session):
                # An administrator may do everything, but no more than what is understood; S3 understands it all.
                if protocol is Protocol.S3:
                    return request
                detail = f"The local AWS cannot read this request: {reading.detail}."
                return Fault.NOT_IMPLEMENTED.error(protocol, detail)
            detail = f"what permission the request needs cannot be told: {reading.detail}"
            return Fault.ACCESS_DENIED.error(protocol, "Access Denied", why=detail)
        if in_docker := [need.action for need in reading.needs if need.action in _IN_DOCKER]:
            detail = f"The local AWS starts no containers, in which moto would carry out {in_docker[0]}."
            return Fault.NOT_IMPLEMENTED.error(protocol, detail)
        if isinstance(who, Session):
            if not reading.known:
                self._tell_once(
                    f"{reading.needs[0].action}: the resources of {behind.signing} are not known here,"
                    " so only statements on all resources count"
                )
            refusal = self._refusal(who, reading.needs, request_keys(caller, request, facts), protocol)
            if refusal is not None:
                return refusal
        if reading.policy is not None:
            ignored = resource_policies.not_to_be_ignored(behind.model, reading.policy, who.account)
            if ignored is not None:
                detail = f"The local AWS does not evaluate policies of resources, and will not store {ignored}."
                return Fault.NOT_IMPLEMENTED.error(protocol, detail)
            self._tell_once(f"{behind.signing}: the policy of a resource was stored; what it allows is not evaluated")
        return reading.request

    def _tell_once(self, line: str) -> None:
        if self._log is not None and line not in self._told:
            self._told.add(line)
            self._log(line)

    def _refusal(
        self, who: Session, needed: tuple[Need, ...], of_request: Mapping[str, tuple[str, ...]], protocol: Protocol
    ) -> AwsError | None:
        if not needed:
            return None
        account = self._iam.to_read(who.account)
        role = _role_of(who, account)
        policies = _policies(who, role, account)
        common = {**_session_keys(who, role), **of_request}
        multivalued = _multivalued(who.provider)
        for need in needed:
            if need.unknown and (untold := _untold(policies, need)):
                told = message(
                    evaluate(Policies(()), Request(need.action, need.resource, Context({}))),
                    who.arn,
                    resource=need.shown,
                )
                detail = (
                    f"{need.action}: a statement depends on {untold}, which AWS would tell and the local AWS cannot"
                )
                return Fault.ACCESS_DENIED.error(protocol, told, why=detail)
            owner = who.account if need.bucket is None else state.bucket_owner(need.bucket) or who.account
            if owner != who.account:
                # The policy of the other account's bucket would have to allow it too, and none is evaluated.
                policies = replace(policies, resource=())
            keys = {**common, "aws:ResourceAccount": (owner,), **need.keys}
            context = Context(keys, multivalued | need.multivalued | _CALLED_VIA)
            asked = Request(need.action, need.resource, context)
            if not allows(policies, asked):
                authorization = evaluate(policies, asked)
                told = message(authorization, who.arn, resource=need.shown)
                gone = "" if role is not None else f"the role {who.role} of this session is not there any more; "
                detail = f"{gone}{need.action} on {need.resource or 'a resource that is not known here'} is not allowed"
                return Fault.ACCESS_DENIED.error(protocol, told, why=detail, authorization=authorization)
        return None


def _untold(policies: Policies, need: Need) -> str | None:
    """The condition key of a statement on this action that AWS would fill and that is not known here, or None."""
    return next(
        (
            condition.key
            for _, attached in policies.layers()
            for each in attached
            for statement in each.policy.statements
            for condition in statement.conditions
            if need.is_unknown(condition.key) and statement.names_action(need.action)
        ),
        None,
    )


def _role_of(who: Session, account: Account) -> IamRole | None:
    """The session's role, unless it was deleted; one of the same name that was made later is another."""
    role = account.roles.get(RoleArn.parse(who.role).name.lower())
    return role if role is not None and role.role_id == who.role_id else None


def _policies(who: Session, role: IamRole | None, account: Account) -> Policies:
    if role is None:
        return Policies(())
    managed = _managed(account, role.attached)
    inline = tuple(Attached(f"inline policy {name}", policy) for name, policy in role.inline_policies)
    session = None
    if who.policy is not None or who.policy_arns:
        own = () if who.policy is None else (Attached("the session's policy", _parsed(who.policy)),)
        session = (*own, *_managed(account, who.policy_arns))
    return Policies(
        (*inline, *managed), None if role.boundary is None else _managed(account, (role.boundary,)), session
    )


def _managed(account: Account, arns: tuple[str, ...]) -> tuple[Attached, ...]:
    found = ((arn, managed_policy(account, arn)) for arn in arns)
    return tuple(Attached(arn, each.policy) for arn, each in found if each is not None)


_parsed = lru_cache(maxsize=256)(PermissionsPolicy.parse)


def _administrator_keys(who: Administrator) -> dict[str, tuple[str, ...]]:
    """Of an account's root: no session, so neither an issue time nor anything about multi-factor authentication."""
    return {
        "aws:PrincipalArn": (who.arn,),
        "aws:PrincipalAccount": (who.account,),
        "aws:PrincipalType": ("Account",),
        "aws:PrincipalIsAWSService": ("false",),
        "aws:userid": (who.user_id,),
    }


def _session_keys(who: Session, role: IamRole | None) -> dict[str, tuple[str, ...]]:
    """Keys of the principal (IAM User Guide, "AWS global condition context keys", "Properties of the principal").

    A session tag takes the place of a tag of the role; letter case does not tell their keys apart.
    """
    tags = {key.lower(): (key, value) for key, value in (*(role.tags if role else ()), *who.tags)}
    return {
        "aws:PrincipalArn": (who.role,),
        "aws:PrincipalAccount": (who.account,),
        "aws:PrincipalType": ("AssumedRole",),
        "aws:PrincipalIsAWSService": ("false",),
        "aws:userid": (who.user_id,),
        **({"aws:FederatedProvider": (who.provider,)} if who.provider else {}),
        "aws:TokenIssueTime": (_time(who.issued_at),),
        "aws:MultiFactorAuthPresent": ("false",),
        **({"aws:SourceIdentity": (who.source_identity,)} if who.source_identity else {}),
        **{f"aws:PrincipalTag/{key}": (value,) for key, value in tags.values()},
        **dict(who.federated),
    }


@lru_cache(maxsize=256)
def _multivalued(provider: str | None) -> frozenset[str]:
    if provider is None:
        return frozenset()
    keys = keys_for(ProviderArn.parse(provider).issuer)
    return frozenset(keys.prefixed(key) for key in keys.keys if key.multivalued)


def request_keys(caller: Caller, request: WireRequest, facts: Facts) -> dict[str, tuple[str, ...]]:
    """Condition keys of the request, whoever makes it."""
    agent, referer = request.header("user-agent"), request.header("referer")
    return {
        "aws:CurrentTime": (_time(facts.now),),
        "aws:EpochTime": (str(int(facts.now.timestamp())),),
        "aws:RequestedRegion": (caller.scope.region,),
        "aws:SecureTransport": ("true" if facts.secure_transport else "false",),
        "aws:ViaAWSService": ("true" if facts.called_via else "false",),
        **({f"aws:CalledVia{which}": (facts.called_via,) for which in _CALLS} if facts.called_via else {}),
        **({"aws:SourceIp": (facts.source_ip,)} if facts.source_ip else {}),
        **({"aws:UserAgent": (agent,)} if agent else {}),
        **({"aws:Referer": (referer,)} if referer else {}),
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
