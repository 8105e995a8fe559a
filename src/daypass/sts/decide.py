"""AssumeRoleWithWebIdentity, decided: one small step after the other, in AWS's order.

Parameters (`request.py`) and the token's shape (`token.py`) come before. Then: provider, key, signature, audience,
times, the claims that AWS reads besides, the roles claim, role and trust policy, duration. A refusal ends it and is an
ordinary value. Where AWS's order or words are not known, `observed.py` has the choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from daypass.errors import TokenRefused
from daypass.sts import answers
from daypass.sts.claim_faults import refused
from daypass.sts.keys import choose_key
from daypass.sts.observed import AS_OBSERVED, DurationCheck, Observed, OldToken
from daypass.sts.refusal import Refusal, refuse
from daypass.sts.session_policies import characters_carried, check_length, check_packed, check_policies
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.verify import verify_signature
from daypass.trust.attempt import Attempt
from daypass.trust.claim_keys import keys_for
from daypass.trust.compile import compile_policy
from daypass.trust.context import subject, web_identity_context
from daypass.trust.decision import Request
from daypass.trust.evaluate import evaluate
from daypass.trust.session import ClaimFault, read_source_identity, read_tags
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.token_claims import (
    actions_of,
    check_audience,
    check_roles,
    check_session_claims,
    check_times,
    effective_audience,
    timestamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from datetime import datetime

    from daypass.names import ProviderArn, RoleArn
    from daypass.sts.request import WebIdentityRequest
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.peek import UnverifiedToken
    from daypass.tokens.verify import VerifiedClaims
    from daypass.trust.context import Context
    from daypass.trust.document import Policy
    from daypass.trust.session import SessionTags


@dataclass(frozen=True, slots=True)
class Provider:
    """An IAM OIDC provider in the role's account, and the audiences registered with it."""

    arn: ProviderArn
    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A role: `role_id` is its unique id (`AROA…`), `max_session_seconds` its maximum session duration."""

    arn: RoleArn
    role_id: str
    trust_policy: Policy
    max_session_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class KeysUnavailable:
    """The issuer's keys could not be had.

    Attributes:
        reason: for the local log.
        thumbprint: whether it is that neither an authority nor a thumbprint vouches for the issuer's certificate.
    """

    reason: str
    thumbprint: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """A session may be made of this.

    Attributes:
        claims: the token's, verified.
        audience: `azp` if the token has one, otherwise `aud`.
        subject: `sub` as text.
        provider: the IAM OIDC provider (AWS answers with its ARN, observed 2026-09).
        session_arn: `arn:…:sts::…:assumed-role/<role>/<session name>`.
        assumed_role_id: `<role id>:<session name>`.
        duration_seconds: as requested; a session may outlive its token.
        packed_policy_size: percent, never 0.
        source_identity: of the token, None without.
        tags: session tags, maybe none.
        session_keys: the condition keys of the token that the session keeps, with their values.
        policy: the text of the session policy, in order; None without.
        policy_arns: of the managed session policies.
    """

    claims: VerifiedClaims
    audience: str
    subject: str
    provider: ProviderArn
    session_arn: str
    assumed_role_id: str
    duration_seconds: int
    packed_policy_size: int
    source_identity: str | None
    tags: SessionTags
    session_keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()


def decide(
    request: WebIdentityRequest,
    token: UnverifiedToken,
    *,
    provider: Provider | None,
    keys: KeySet | KeysUnavailable | None,
    role: Role | None,
    now: datetime,
    source_ip: str | None = None,
    secure_transport: bool = True,
    region: str | None = None,
    user_agent: str | None = None,
    managed_policies: Container[str] = (),
    observed: Observed = AS_OBSERVED,
) -> Granted | Refusal:
    """Whether the token may assume the role.

    Args:
        request: from `read_request`.
        token: from `inspect_token`, of `request.token`.
        provider: the one whose URL is the token's `iss`, in the account of `request.role_arn`; None without.
        keys: the issuer's, parsed with `duplicates="last"`; may be None when there is no provider.
        role: the one of `request.role_arn`; None without. AWS answers as if its trust policy said no.
        now: the time, with its zone.
        source_ip: the caller's address, for `aws:SourceIp`.
        secure_transport: whether the request came over TLS.
        region: of the endpoint asked, for `aws:RequestedRegion`.
        user_agent: for `aws:UserAgent`.
        managed_policies: the ARNs of those of `request.policy_arns` that there are.
        observed: the choices where AWS is not known.
    """
    if provider is None or not _stands_for(provider.arn, token, request.role_arn):
        return refuse(
            answers.NO_PROVIDER,
            f"account {request.role_arn.account} has no provider with exactly this URL",
            issuer=token.issuer,
        )
    claims = _checked(token, keys, provider, int(now.timestamp()), observed)
    if isinstance(claims, Refusal):
        return claims
    tags, source_identity = read_tags(claims), read_source_identity(claims)
    if no := refused(check_session_claims(claims) or check_roles(claims, request.role_arn), observed):
        return no
    assert not isinstance(tags, ClaimFault)
    assert not isinstance(source_identity, ClaimFault)
    if role is None or role.arn != request.role_arn:
        return refuse(answers.NOT_AUTHORIZED, f"there is no role {request.role_arn}")
    context = web_identity_context(
        claims,
        provider=provider.arn,
        session_name=request.session_name,
        now=now,
        source_ip=source_ip,
        secure_transport=secure_transport,
        region=region,
        user_agent=user_agent,
    )
    too_long = check_duration(request.duration_seconds, role)
    if too_long and observed.duration_check is DurationCheck.BEFORE_TRUST:
        return too_long
    no = _check_trust(request, role, provider, claims, context, now=int(now.timestamp()))
    if no is not None:
        return no
    if no := too_long or check_length(request.policy, request.policy_arns):
        return no
    if no := check_policies(request.policy, request.policy_arns, managed_policies):
        return no
    carried = characters_carried(request.policy, request.policy_arns)
    packed = packed_policy_size(subject(claims) or "", source_identity, tags, policies=carried)
    if no := check_packed(packed, with_policies=carried > 0):
        return no
    return Granted(
        claims=claims,
        audience=effective_audience(claims),
        subject=subject(claims) or "",
        provider=provider.arn,
        session_arn=role.arn.session_arn(request.session_name),
        assumed_role_id=f"{role.role_id}:{request.session_name}",
        duration_seconds=request.duration_seconds,
        packed_policy_size=packed,
        source_identity=source_identity,
        tags=tags,
        session_keys={key: context.get(key) for key in _kept(provider.arn) if context.get(key)},
        policy=request.policy,
        policy_arns=request.policy_arns,
    )


def _kept(provider: ProviderArn) -> tuple[str, ...]:
    keys = keys_for(provider.issuer)
    return tuple(keys.prefixed(key) for key in keys.keys if key.persists)


def packed_policy_size(subject: str, source_identity: str | None, tags: SessionTags, *, policies: int = 0) -> int:
    """The share, in percent, of what a session can carry; `policies` in characters.

    How AWS packs is not told. This line goes through what was observed in September 2026: 24 for a subject of one
    character, 25 for 13, 34 for 300, 26 with a source identity of 12, and no change for one short tag. That a character
    of a session policy, white space left out, takes as much as one of a tag is our assumption.
    """
    carried = policies + len(subject) + sum(len(key) + len(value) for key, value in tags.principal_tags.items())
    if source_identity is not None:
        carried += 30 + len(source_identity)
    return (740 + carried) // 30


def _stands_for(provider: ProviderArn, token: UnverifiedToken, role: RoleArn) -> bool:
    """`iss` is the provider's URL, byte for byte, and provider and role share account and partition."""
    return provider.issuer_url == token.issuer and (provider.account, provider.partition) == (
        role.account,
        role.partition,
    )


def _checked(
    token: UnverifiedToken, keys: KeySet | KeysUnavailable | None, provider: Provider, now: int, observed: Observed
) -> VerifiedClaims | Refusal:
    """The verified claims of a token for this provider that is not expired; or its first fault, in the order chosen.

    Every check is made, whatever the order: without a signature there are no claims to give back.
    """
    claims: VerifiedClaims | None = None
    for check in observed.token_checks.split("-"):
        if check == "signature":
            verified = _verified(token, keys)
            if isinstance(verified, Refusal):
                return verified
            claims = verified
        elif no := _FACTS[check](token, provider, now, observed):
            return no
    assert claims is not None, "the signature is one of the checks in every order"
    return claims


def _audience(token: UnverifiedToken, provider: Provider, _: int, observed: Observed) -> Refusal | None:
    return refused(check_audience(token.claims, provider.client_ids), observed)


def _times(token: UnverifiedToken, _: Provider, now: int, observed: Observed) -> Refusal | None:
    issued = timestamp(token.claims.get("iat"))
    age = 0 if issued is None else now - issued
    no = refused(check_times(token.claims, now), observed)
    if no is None and observed.old_token is OldToken.DAY and age > _DAY_SECONDS:
        return refuse(answers.TOO_OLD, f"the token was issued {age} seconds ago", seconds=age)
    return no


_DAY_SECONDS: Final = 86_400
_FACTS: Final[Mapping[str, Callable[[UnverifiedToken, Provider, int, Observed], Refusal | None]]] = {
    "audience": _audience,
    "times": _times,
}


def _verified(token: UnverifiedToken, keys: KeySet | KeysUnavailable | None) -> VerifiedClaims | Refusal:
    if keys is None or isinstance(keys, KeysUnavailable):
        unavailable = keys or KeysUnavailable("the issuer's keys were not fetched")
        text = answers.THUMBPRINT_DIFFERS if unavailable.thumbprint else answers.NO_VERIFICATION_KEY
        return refuse(text, unavailable.reason)
    key = choose_key(keys, token.header)
    if isinstance(key, Refusal):
        return key
    try:
        return verify_signature(token, key, algorithms=ALGORITHMS)
    except TokenRefused as fault:
        return refuse(answers.NOT_VALIDATED, fault.message)


def _check_trust(
    request: WebIdentityRequest, role: Role, provider: Provider, claims: VerifiedClaims, context: Context, *, now: int
) -> Refusal | None:
    """The trust policy on the login and, when the token brings such, on tags and source identity.

    Only a refusal asks for reasons: most logins are allowed.
    """
    allows = compile_policy(role.trust_policy).allows
    principal = Principal(PrincipalKind.FEDERATED, str(provider.arn))
    for action, what in actions_of(claims):
        asked = Request(principal, action, context)
        if not allows(asked):
            detail = f"the token brings {what}, and the trust policy of {role.arn} does not allow {action}"
            attempt = Attempt(claims, provider.arn, context, provider.client_ids, request.role_arn, now=now)
            no = refuse(answers.NOT_AUTHORIZED, detail, decision=evaluate(role.trust_policy, asked))
            return replace(no, policy=role.trust_policy, attempt=attempt)
    return None


def check_duration(seconds: int, role: Role) -> Refusal | None:
    """The session is not longer than the role's maximum."""
    if seconds <= role.max_session_seconds:
        return None
    detail = f"{seconds} seconds are asked for, and the role allows {role.max_session_seconds}"
    return refuse(answers.DURATION_OVER_MAXIMUM, detail)
