"""Issuing: the one pipeline that every token passes.

Audience offered, lifetime in range, claims made, size checked, signed, audit row committed; only then the token leaves.
A refusal leaves a row too.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from daypass.errors import (
    AudienceNotOffered,
    ClaimsTooLarge,
    Invalid,
    Refused,
    RequestInvalid,
    SubjectTaken,
    TokenExpired,
    TokenReplayed,
)
from daypass.idp.aws_claims import claims_asked
from daypass.idp.forms import asked
from daypass.idp.ids import new_jti
from daypass.idp.key_times import MAX_TOKEN_LIFETIME_SECONDS
from daypass.idp.model import DEFAULT_AUDIENCE, AuditEntry
from daypass.subjects.claims import claims_for
from daypass.subjects.facts import WorkloadFacts
from daypass.subjects.formats import AWS_SUBJECT_LIMIT, AudienceForm
from daypass.subjects.identity import owner_of
from daypass.subjects.registry import format_named
from daypass.tokens.mint import compact, signing_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daypass.errors import DaypassError
    from daypass.idp.aws_claims import AwsRequest
    from daypass.idp.forms import ChosenForm, Form
    from daypass.idp.key_rings import Issuing, KeyRings
    from daypass.idp.limits import Limits
    from daypass.idp.model import Organization, Project, SigningKey, TokenUse, Workload
    from daypass.idp.ports import AuditLog, Clock
    from daypass.idp.subject_ledger import SubjectLedger
    from daypass.secret import Secret
    from daypass.subjects.formats import TokenFormat

MIN_TOKEN_LIFETIME_SECONDS: Final = 60
MAX_TOKEN_CHARACTERS: Final = 20_000
"""What AWS STS reads (AssumeRoleWithWebIdentity, WebIdentityToken: 4 to 20000)."""
DEFAULT_ALGORITHM: Final = "RS256"  # the one that every relying party takes

_SCOPE: Final = re.compile(r"[\x20-\x7e]{1,1000}")


UPSTREAM_CLAIM: Final = "urn:daypass:upstream"
"""The one claim that tells of the token that another was exchanged for."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The token that this one is exchanged for, and through which connection.

    What comes out lives no longer than what came in (`expires_at`), nor than the connection allows
    (`max_lifetime_seconds`). `use` is the one that the exchange makes of it. `token_sha256` and `unknown_claims`, which
    the platform was not known to make, are for the audit row alone, as is the id.
    """

    connection_id: str
    connection: str
    issuer: str
    subject: str
    jti: str | None
    expires_at: datetime
    max_lifetime_seconds: int
    token_sha256: str
    use: TokenUse
    unknown_claims: tuple[str, ...] = ()

    @property
    def claim(self) -> dict[str, str]:
        """The value of `UPSTREAM_CLAIM`."""
        told = {"iss": self.issuer, "sub": self.subject, "connection": self.connection}
        return told if self.jti is None else {**told, "jti": self.jti}


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """What a workload asks for. None means: as the operator and the organization's token format have it.

    `request_id` and `source_ip` are for the audit row. `upstream` is set where a token is exchanged. `form` is which
    form of tokens, in a period in which there are two; `aws` what is to be told to AWS beside the subject.
    """

    audience: tuple[str, ...]
    lifetime_seconds: int | None
    algorithm: str | None
    scope: str | None
    request_id: str
    source_ip: str | None
    upstream: Upstream | None = None
    form: Form | None = None
    aws: AwsRequest | None = None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, and what a caller wants to know of it without reading it.

    `jti` names the issuing in the audit log also when the token format carries none.
    """

    token: Secret
    expires_at: datetime
    jti: str
    kid: str
    subject: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A token that lacks only its signature."""

    issuing: Issuing
    key: SigningKey
    signing_input: bytes
    subject: str
    owner: str
    jti: str
    expires_at: datetime


class Issuer:
    """Makes tokens for workloads that the registry has authenticated."""

    def __init__(
        self,
        key_rings: KeyRings,
        audit: AuditLog,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        *,
        subjects: SubjectLedger,
        algorithms: Sequence[str] = (DEFAULT_ALGORITHM,),
        usual_lifetime_seconds: int | None = None,
        max_lifetime_seconds: int = MAX_TOKEN_LIFETIME_SECONDS,
        subject_limit: int = 0,
        limits: Limits | None = None,
    ) -> None:
        """Put the pipeline together.

        Args:
            key_rings: the issuers and their keys.
            audit: where every token and every refusal is recorded.
            clock: now.
            random_bytes: that many bytes nobody can guess.
            subjects: whose every subject is.
            algorithms: for requests that name none: the first of these that has an active key.
            usual_lifetime_seconds: for requests that name none; None for what the token format has.
            max_lifetime_seconds: the longest lifetime of any token, 60 to 3600.
            subject_limit: characters of `sub`, when the operator allows more than the token format does; at most 255.
            limits: how often one workload and one organization may ask; None for as often as they like.

        Raises:
            ValueError: for a `subject_limit` or a lifetime out of range.
        """
        if not MIN_TOKEN_LIFETIME_SECONDS <= max_lifetime_seconds <= MAX_TOKEN_LIFETIME_SECONDS:
            # Beyond it a key would leave the key set before its last token has died.
            raise ValueError(f"max_lifetime_seconds is {MIN_TOKEN_LIFETIME_SECONDS} to {MAX_TOKEN_LIFETIME_SECONDS}")
        if not 0 <= subject_limit <= AWS_SUBJECT_LIMIT:
            raise ValueError(f"subject_limit is at most {AWS_SUBJECT_LIMIT}")
        self._key_rings = key_rings
        self._audit = audit
        self._clock = clock
        self._random_bytes = random_bytes
        self._subjects = subjects
        self._algorithms = algorithms
        self._usual_lifetime = usual_lifetime_seconds
        self._max_lifetime = max_lifetime_seconds
        self._subject_limit = subject_limit
        self._limits = limits
        self._process_hash = urlsafe_b64encode(random_bytes(16)).rstrip(b"=").decode()

    async def issue(
        self,
        workload: Workload,
        project: Project,
        organization: Organization,
        request: IssueRequest,
    ) -> IssuedToken:
        """A token for that workload, which `Registry.authenticate_workload` or the exchange has just named.

        The use of an upstream token is committed with the audit row: a request that was wrong, or that nobody could
        sign for, does not use it up.

        Raises:
            RateLimited: when workload or organization ask too often; there is no audit row of it.
            TokenReplayed: when the upstream token was exchanged before.
            RequestInvalid: no audience; a lifetime out of range; a scope that cannot be.
            AudienceNotOffered, AlgorithmNotOffered: with what is `offered` among the facts.
            ClaimUnavailable, SubjectTooLong, ClaimsTooLarge: when the token format cannot be filled.
            SubjectTaken: when the subject was something else's before.
            AwsClaimsRefused, FormNotOffered: for what was asked and is not to be had.
            StoreUnavailable: when it is not known whose the subject is.
            KeyUnavailable: when the signer does not sign.
            AuditUnavailable: when the row could not be committed; no token then.
        """
        if self._limits is not None:
            self._limits.token(workload.id, organization.id)
        now = self._clock()
        if organization.own_issuer:
            await self._key_rings.open(organization)  # another process may have made it
        issuing = self._key_rings.of(organization)
        try:
            prepared = self._prepare(issuing, workload, project, organization, request, now)
            await self._subjects.demand(
                str(issuing.url), prepared.subject, prepared.owner, organization_id=organization.id, now=now
            )
        except (Refused, Invalid) as refusal:
            await self._audit.append(self._refused(issuing, workload, request, now, refusal))
            raise
        token = compact(prepared.signing_input, await issuing.key_ring.sign(prepared.key, prepared.signing_input))
        use = None if request.upstream is None else request.upstream.use
        try:
            await self._audit.append(self._issued(workload, request, now, prepared, token), use=use)
        except TokenReplayed as refusal:
            await self._audit.append(self._refused(issuing, workload, request, now, refusal))
            raise
        return IssuedToken(token, prepared.expires_at, prepared.jti, prepared.key.kid, prepared.subject, now)

    def _prepare(  # noqa: PLR0917 (whose token it is, what was asked, and when)
        self,
        issuing: Issuing,
        workload: Workload,
        project: Project,
        organization: Organization,
        request: IssueRequest,
        now: datetime,
    ) -> _Prepared:
        _demand_offered(request.audience, organization)
        form = asked(organization, request.form, now)
        token_format, facts = format_named(form.token_format), _facts(workload, project, organization)
        lifetime_seconds = _within(request.upstream, self._lifetime(request.lifetime_seconds, token_format), now)
        jti = new_jti(self._random_bytes)
        claims = claims_for(
            token_format,
            facts,
            subject_claims=form.subject_claims,
            audience=request.audience,
            issuer=issuing.url,
            issued_at=now,
            lifetime_seconds=lifetime_seconds,
            jti=jti,
            scope=_scope(request.scope),
            process_hash=self._process_hash,
            subject_limit=self._subject_limit,
        )
        subject = str(claims["sub"])
        if request.aws is not None:
            claims |= claims_asked(request.aws, organization.aws_claims, facts, subject)
        if request.upstream is not None:
            claims[UPSTREAM_CLAIM] = request.upstream.claim
        key = issuing.key_ring.active(request.algorithm or self._usual_algorithm(issuing), now)
        content = signing_input(claims, algorithm=key.algorithm, kid=key.kid, typ=token_format.typ)
        _demand_readable(content)
        return _Prepared(
            issuing=issuing,
            key=key,
            signing_input=content,
            subject=subject,
            owner=owner_of(token_format, facts, form.subject_claims, exchanged=request.upstream is not None),
            jti=jti,
            expires_at=datetime.fromtimestamp(int(now.timestamp()) + lifetime_seconds, UTC),
        )

    def imagined(
        self, workload: Workload, project: Project, organization: Organization, form: ChosenForm
    ) -> dict[str, object]:
        """The claims that a token of that form would have for AWS now. Nothing is signed, and nobody is given anything.

        Raises:
            ClaimUnavailable, SubjectTooLong, RequestInvalid: when the form cannot be filled for that workload.
        """
        issuing, token_format = self._key_rings.of(organization), format_named(form.token_format)
        fixed = token_format.audience_form in {AudienceForm.THE_ISSUER, AudienceForm.NONE}
        audiences = organization.audiences
        usual = DEFAULT_AUDIENCE if DEFAULT_AUDIENCE in audiences or not audiences else audiences[0]
        return claims_for(
            token_format,
            _facts(workload, project, organization),
            subject_claims=form.subject_claims,
            audience=(str(issuing.url) if fixed else usual,),
            issuer=issuing.url,
            issued_at=self._clock(),
            lifetime_seconds=self._lifetime(None, token_format),
            jti="jti",
            process_hash=self._process_hash,
            subject_limit=self._subject_limit,
        )

    def _usual_algorithm(self, issuing: Issuing) -> str:
        active = issuing.key_ring.algorithms
        return next((algorithm for algorithm in self._algorithms if algorithm in active), self._algorithms[0])

    def _lifetime(self, asked: int | None, token_format: TokenFormat) -> int:
        if asked is None:
            return min(self._usual_lifetime or token_format.lifetime_seconds, self._max_lifetime)
        if not MIN_TOKEN_LIFETIME_SECONDS <= asked <= self._max_lifetime:
            raise RequestInvalid(
                f"`{asked}` seconds is not a token's lifetime here",
                advice=f"It is from {MIN_TOKEN_LIFETIME_SECONDS} to {self._max_lifetime} seconds.",
                members=["lifetime_seconds"],
                found=asked,
            )
        return asked

    def _issued(
        self, workload: Workload, request: IssueRequest, now: datetime, prepared: _Prepared, token: Secret
    ) -> AuditEntry:
        return AuditEntry(
            at=now,
            event="token.issue",
            outcome="issued",
            request_id=request.request_id,
            organization_id=workload.organization_id,
            project_id=workload.project_id,
            workload_id=workload.id,
            actor=workload.id,
            issuer=str(prepared.issuing.url),
            subject=prepared.subject,
            audience=request.audience,
            jti=prepared.jti,
            kid=prepared.key.kid,
            token_sha256=hashlib.sha256(token.reveal().encode()).hexdigest(),
            expires_at=prepared.expires_at,
            source_ip=request.source_ip,
            detail=_told(request),
        )

    def _refused(
        self, issuing: Issuing, workload: Workload, request: IssueRequest, now: datetime, refusal: DaypassError
    ) -> AuditEntry:
        return AuditEntry(
            at=now,
            event="token.issue",
            outcome="refused",
            request_id=request.request_id,
            organization_id=workload.organization_id,
            project_id=workload.project_id,
            workload_id=workload.id,
            actor=workload.id,
            issuer=str(issuing.url),
            # What a refused caller sent is theirs to choose, and rows are kept: a little of it is enough.
            audience=tuple(audience[:255] for audience in request.audience[:10]),
            source_ip=request.source_ip,
            reason=refusal.code,
            detail=_told(request) | _refused_subject(refusal),
        )


def _within(upstream: Upstream | None, lifetime_seconds: int, now: datetime) -> int:
    """The lifetime, cut to what an upstream token and its connection leave."""
    if upstream is None:
        return lifetime_seconds
    left = int(upstream.expires_at.timestamp()) - int(now.timestamp())
    if left <= 0:
        # Within the leeway for clocks a token is still read; nothing that outlives it can be made of it.
        raise TokenExpired("the upstream token has expired", exp=int(upstream.expires_at.timestamp()))
    return min(lifetime_seconds, upstream.max_lifetime_seconds, left)


def _told(request: IssueRequest) -> dict[str, str]:
    """What the audit row tells of what was asked for AWS, and of an upstream token."""
    upstream, told = request.upstream, {} if request.aws is None else request.aws.told
    if upstream is None:
        return told
    return {
        **told,
        "connection_id": upstream.connection_id,
        "connection": upstream.connection,
        "upstream_issuer": upstream.issuer,
        "upstream_subject": upstream.subject[:1024],
        "upstream_token_sha256": upstream.token_sha256,
        **({} if upstream.jti is None else {"upstream_jti": upstream.jti[:255]}),
        **({"unknown_claims": ", ".join(upstream.unknown_claims)[:1024]} if upstream.unknown_claims else {}),
    }


def _refused_subject(refusal: DaypassError) -> dict[str, str]:
    """Which subject it was, for whoever has to decide about it."""
    return {"subject": str(refusal.facts["subject"])} if isinstance(refusal, SubjectTaken) else {}


def _demand_offered(audience: tuple[str, ...], organization: Organization) -> None:
    if not audience or not all(audience):
        raise RequestInvalid(
            "`audience` is missing or empty",
            advice=f"Name who the token is for; for AWS that is `{DEFAULT_AUDIENCE}`.",
            members=["audience"],
            offered=list(organization.audiences),
        )
    if len(set(audience)) != len(audience):
        raise RequestInvalid("an audience is named twice")
    foreign = next((each for each in audience if each not in organization.audiences), None)
    if foreign is not None:
        raise AudienceNotOffered(
            f"the audience `{foreign[:255]}` is not offered",
            advice=f"Offered: {', '.join(organization.audiences) or 'none'}. An administrator offers others with:"
            " daypass org update ORG --audience …, which names all of them.",
            offered=list(organization.audiences),
        )


def _scope(asked: str | None) -> str | None:
    if asked is not None and not _SCOPE.fullmatch(asked):
        raise RequestInvalid("a scope has 1 to 1000 printable ASCII characters")
    return asked


def _facts(workload: Workload, project: Project, organization: Organization) -> WorkloadFacts:
    return WorkloadFacts(
        organization_id=organization.id,
        organization_slug=organization.slug,
        organization_name=organization.name,
        project_id=project.id,
        project_slug=project.slug,
        project_name=project.name,
        workload_id=workload.id,
        workload_kind=workload.kind,
        workload_name=workload.name,
        attributes=workload.attributes,
        own_issuer=organization.own_issuer,
    )


def _demand_readable(content: bytes) -> None:
    """The longest signature (RSA of 8192 bits) has 1366 characters, and a dot goes before it."""
    if len(content) + 1367 > MAX_TOKEN_CHARACTERS:
        raise ClaimsTooLarge(
            f"the token would be longer than {MAX_TOKEN_CHARACTERS} characters",
            advice="Give the workload shorter attributes, or ask for fewer audiences.",
        )
