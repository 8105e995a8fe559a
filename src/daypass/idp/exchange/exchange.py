"""The exchange: the one pipeline that every grant passes (Dex GHSA-7qjx-gp9h-65qj: one grant went round it).

Whose token, which connections, their keys, verdict, single use, then the same issuing as for every other workload. A
stranger is told that it was not accepted; what is behind it is in the audit log, for the connection's owner.
"""

from __future__ import annotations

import hashlib
from asyncio import to_thread
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from daypass.errors import (
    ClaimRulesUnmet,
    ConnectionAmbiguous,
    ConnectionAuditing,
    ConnectionUnknown,
    ContextRefused,
    DaypassError,
    ExchangeRefused,
    Invalid,
    Refused,
    TokenMalformed,
    TokenReplayed,
    TokenTooLarge,
    Unavailable,
)
from daypass.idp import rules
from daypass.idp.exchange.judge import LEEWAY_SECONDS, MAX_TOKEN_CHARACTERS, Verdict, judge
from daypass.idp.exchange.terms import Mode
from daypass.idp.issue import IssueRequest, Upstream
from daypass.idp.model import AuditEntry, Workload, WorkloadKind
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from daypass.idp.exchange.connection import Connection
    from daypass.idp.exchange.directory import Directory
    from daypass.idp.issue import IssuedToken
    from daypass.idp.limits import Limits
    from daypass.idp.model import Organization, Project
    from daypass.idp.ports import AuditLog, Clock, ReplayStore
    from daypass.secret import Secret
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.verify import VerifiedClaims

MAX_CANDIDATES: Final = 16
"""Connections of one organization that one token is tried on, when the request names none."""
_TOLD: Final = (ClaimRulesUnmet, ContextRefused)
"""Refusals whose message holds the connection's terms: their code alone goes to the caller."""


class Grant(StrEnum):
    """How a token was brought."""

    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a name of RFC 8693)
    JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """What is asked. `organization` and `connection` are ids or slugs, None when the request names none."""

    grant: Grant
    token: Secret
    audience: tuple[str, ...]
    organization: str | None
    connection: str | None
    lifetime_seconds: int | None
    algorithm: str | None
    request_id: str
    source_ip: str | None


class UpstreamKeys(Protocol):
    """Where the keys of a connection's issuer come from; kept, and asked again no more than they should be."""

    def keys(self, connection: Connection, kid: str | None) -> Awaitable[KeySet]:
        """The issuer's keys.

        Raises:
            IssuerUnreachable, AddressForbidden: when there are none that may serve.
        """
        ...


class IssueFor(Protocol):
    """The issuing pipeline of an organization."""

    def issue(
        self,
        workload: Workload,
        project: Project,
        organization: Organization,
        request: IssueRequest,
        *,
        admit: Callable[[], Awaitable[None]] | None = None,
    ) -> Awaitable[IssuedToken]:
        """See `daypass.idp.issue.Issuer.issue`."""
        ...


class Exchange:
    """Exchanges tokens."""

    def __init__(
        self,
        *,
        directory: Directory,
        replays: ReplayStore,
        keys: UpstreamKeys,
        issuer: IssueFor,
        audit: AuditLog,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits
        self._directory = directory
        self._replays = replays
        self._keys = keys
        self._issuer = issuer
        self._audit = audit
        self._clock = clock

    async def exchange(self, request: ExchangeRequest) -> IssuedToken:
        """A token of ours for an upstream one.

        Raises:
            ExchangeRefused: when it is not accepted. `reason` among the facts is the code of why, where the caller may
                know it.
            RateLimited: instead of it when too many from that address were not accepted; or when workload or
                organization ask too often.
            TokenMalformed, TokenTooLarge: when it is no JWT.
            RequestInvalid, AudienceNotOffered, AlgorithmNotOffered, ClaimUnavailable, SubjectTooLong, ClaimsTooLarge:
                as for every other token.
            Unavailable: when keys, store, signer or audit log do not do their part.
        """
        now = self._clock()
        candidates: Sequence[Connection] = ()
        try:
            issuer, kid = _whose(request.token)
            candidates = await self._candidates(request, issuer)
            verdict = _one_of([await self._judge(one, request, kid, now) for one in candidates])
            workload, project, organization = await self._workload(verdict, now)
        except (Refused, Invalid) as refusal:
            # A connection in audit mode is there for its rows, and its tokens are good.
            if self._limits is not None and not isinstance(refusal, ConnectionAuditing):
                self._limits.failure(request.source_ip)
            await self._record(request, now, refusal, candidates)
            raise _told(refusal) from None
        except Unavailable as fault:
            await self._record(request, now, fault, candidates)
            raise
        return await self._issue(request, verdict, workload, project, organization)

    async def try_out(self, connection: Connection, token: Secret) -> Verdict:
        """What that connection would make of a token now. Nothing is given out, and no use is counted.

        Raises:
            TokenMalformed, TokenTooLarge: when it is no JWT.
            Unavailable: when the issuer's keys cannot be had.
        """
        _, kid = _whose(token)
        return judge(connection, token.reveal(), await self._keys.keys(connection, kid), self._clock())

    async def forget_expired(self) -> int:
        """Forget the used tokens that nobody could use again; how many they were."""
        return await to_thread(self._replays.forget_expired, self._clock())

    async def _candidates(self, request: ExchangeRequest, issuer: str) -> Sequence[Connection]:
        """The connections to try: to that issuer and no other, so that nothing else is ever fetched."""
        known = await self._directory.connections(issuer, request.organization)
        found = [
            one
            for one in known
            if one.disabled_at is None and (request.connection is None or request.connection in {one.id, one.name})
        ]
        if not found:
            raise ConnectionUnknown("no connection here takes tokens of that issuer")
        if len({one.organization_id for one in found}) > 1 or len(found) > MAX_CANDIDATES:
            raise ConnectionAmbiguous(
                "more than one organization has a connection to that issuer",
                advice="Ask at the organization's own token endpoint, or name the connection by its id.",
            )
        return found

    async def _judge(self, connection: Connection, request: ExchangeRequest, kid: str | None, now: datetime) -> Verdict:
        keys = await self._keys.keys(connection, kid)
        return judge(connection, request.token.reveal(), keys, now)

    async def _workload(self, verdict: Verdict, now: datetime) -> tuple[Workload, Project, Organization]:
        """Whom the token stands for here: nobody who is in the registry, but somebody of a project that is."""
        connection, claims = verdict.connection, verdict.claims
        assert claims is not None
        organization, project = await self._directory.home(connection)
        workload = Workload(
            id=connection.workload_id(claims),
            organization_id=connection.organization_id,
            project_id=connection.project_id,
            kind=WorkloadKind.JOB,
            name=connection.name,
            attributes=rules.attributes(connection.attribute_values(claims)),
            secret_hash="",
            created_at=now,
        )
        if connection.terms.mode is Mode.AUDIT:
            raise ConnectionAuditing(
                "the connection is in audit mode: it would have given out a token",
                advice="Switch it to `enforce` to get one.",
                workload=workload.id,
            )
        return workload, project, organization

    async def _issue(
        self,
        request: ExchangeRequest,
        verdict: Verdict,
        workload: Workload,
        project: Project,
        organization: Organization,
    ) -> IssuedToken:
        connection, claims = verdict.connection, verdict.claims
        assert claims is not None
        expires_at = _expiry(claims)
        asked = IssueRequest(
            audience=request.audience,
            lifetime_seconds=request.lifetime_seconds,
            algorithm=request.algorithm,
            scope=None,
            request_id=request.request_id,
            source_ip=request.source_ip,
            upstream=Upstream(
                connection_id=connection.id,
                connection=connection.name,
                issuer=connection.terms.issuer,
                subject=str(claims["sub"]),
                jti=_identifier(claims),
                expires_at=expires_at,
                max_lifetime_seconds=connection.terms.lifetime_seconds,
                token_sha256=hashlib.sha256(request.token.reveal().encode()).hexdigest(),
                unknown_claims=verdict.unknown,
            ),
        )
        offered = replace(
            organization, audiences=tuple(a for a in organization.audiences if a in connection.terms.audiences)
        )
        return await self._issuer.issue(
            workload,
            project,
            offered,
            asked,
            admit=partial(self._use_once, request, connection, claims, expires_at),
        )

    async def _use_once(
        self,
        request: ExchangeRequest,
        connection: Connection,
        claims: VerifiedClaims,
        expires_at: datetime,
    ) -> None:
        """Count the use. Kept past the leeway, or a token could be used again in its last seconds."""
        # Two JWTs of different text can carry one `jti`, and one `jti` can come of two issuers.
        identity = _identifier(claims) or hashlib.sha256(request.token.reveal().encode()).hexdigest()
        key = hashlib.sha256(
            f"{connection.organization_id}\n{connection.terms.issuer}\n{identity}".encode()
        ).hexdigest()
        until = expires_at + timedelta(seconds=2 * LEEWAY_SECONDS)
        if not await to_thread(self._replays.use_once, key, until=until):
            raise TokenReplayed(
                "this token was exchanged before",
                advice="Let the platform give out a fresh token for each exchange.",
            )

    async def _record(
        self, request: ExchangeRequest, now: datetime, fault: DaypassError, candidates: Sequence[Connection]
    ) -> None:
        one = candidates[0] if len(candidates) == 1 else None
        detail = {"grant": request.grant.name.lower(), "message": fault.message}
        if one is not None:
            detail |= {"connection_id": one.id, "connection": one.name}
        elif candidates:
            detail["connections"] = " ".join(each.id for each in candidates[:MAX_CANDIDATES])
        unmet = fault.facts.get("unmet")
        if isinstance(unmet, list):
            first = unmet[0]
            detail |= {name: str(first[name]) for name in ("rule", "claim", "expected", "received")}
        await self._audit.append(
            AuditEntry(
                at=now,
                event="token.exchange",
                outcome="refused" if not isinstance(fault, Unavailable) else "failed",
                request_id=request.request_id,
                organization_id=candidates[0].organization_id if candidates else None,
                project_id=None if one is None else one.project_id,
                actor=None if one is None else one.id,
                audience=tuple(audience[:255] for audience in request.audience[:10]),
                token_sha256=hashlib.sha256(request.token.reveal().encode()).hexdigest(),
                source_ip=request.source_ip,
                reason=fault.code,
                detail=detail,
            )
        )


def _whose(token: Secret) -> tuple[str, str | None]:
    """`iss` and `kid` of a token, neither of them known to be true: they only choose whose keys are asked."""
    unverified = peek(token.reveal(), max_length=MAX_TOKEN_CHARACTERS)
    kid = unverified.header.get("kid")
    if unverified.issuer is None:
        raise TokenMalformed("the token names no issuer", reason="iss")
    return unverified.issuer, kid if isinstance(kid, str) else None


def _one_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The one verdict that is a yes. Without any, the refusal that came furthest."""
    taken = [verdict for verdict in verdicts if verdict.refusal is None]
    if len(taken) > 1:
        raise ConnectionAmbiguous(
            "more than one connection takes this token",
            advice="Name the connection, or make their rules exclude each other.",
            connections=sorted(verdict.connection.name for verdict in taken),
        )
    if taken:
        return taken[0]
    genuine = [verdict.refusal for verdict in verdicts if verdict.claims is not None]
    refusal = next((one for one in (*genuine, *(verdict.refusal for verdict in verdicts)) if one is not None), None)
    assert refusal is not None
    raise refusal


def _told(refusal: DaypassError) -> DaypassError:
    """What the caller hears: of the connection's terms no more than that they were not met."""
    if isinstance(refusal, TokenMalformed | TokenTooLarge | Invalid | ConnectionAmbiguous):
        return refusal if not isinstance(refusal, ConnectionAmbiguous) else _without_names(refusal)
    if isinstance(refusal, _TOLD):
        return ExchangeRefused(
            "the token was not accepted: it does not meet the terms of the connection",
            advice="The owner of the connection finds the reason in its refusals, under the request id.",
            reason=refusal.code,
        )
    if isinstance(refusal, ConnectionUnknown):
        return ExchangeRefused("the token was not accepted", reason=refusal.code)
    return refusal


def _without_names(refusal: ConnectionAmbiguous) -> ConnectionAmbiguous:
    return ConnectionAmbiguous(refusal.message, advice=refusal.advice)


def _expiry(claims: VerifiedClaims) -> datetime:
    seconds = claims["exp"]
    assert isinstance(seconds, int | float)
    return datetime.fromtimestamp(int(seconds), UTC)


def _identifier(claims: VerifiedClaims) -> str | None:
    jti = claims.get("jti")
    return jti if isinstance(jti, str) and jti else None
