"""What AWS asks of a token's claims before any trust policy is read.

Each check gives the first fault, or None; who asks makes AWS's answer or a sentence of it. Rules and their order were
observed on AWS in September 2026.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.errors import ArnInvalid
from daypass.names import RoleArn
from daypass.trust.context import audiences
from daypass.trust.session import ROLES_CLAIM, ClaimFault, has_roles, read_source_identity, read_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.tokens.strict_json import JsonValue

REQUIRED_CLAIMS: Final = ("iss", "sub", "aud", "iat", "exp")

TOLERANCE_SECONDS: Final = 300
"""How far AWS lets clocks be apart, either way (read from the times it prints, observed 2026-09)."""

LOGIN: Final = "sts:AssumeRoleWithWebIdentity"

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


class Problem(StrEnum):
    """What is wrong with a claim."""

    CLAIM_MISSING = "claim_missing"
    ISSUER_FORM = "issuer_form"
    SUBJECT_NULL = "subject_null"
    SUBJECT_FORM = "subject_form"
    AUDIENCE_EMPTY = "audience_empty"
    AUDIENCE_FORM = "audience_form"
    AUDIENCE_SEVERAL = "audience_several"
    TIME_FORM = "time_form"
    AUDIENCE_NOT_REGISTERED = "audience_not_registered"
    ISSUED_IN_FUTURE = "issued_in_future"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    TAGS_FORM = "tags_form"
    SOURCE_IDENTITY_FORM = "source_identity_form"
    ROLES_FORM = "roles_form"
    ROLES_NONE_VALID = "roles_none_valid"
    ROLE_NOT_LISTED = "role_not_listed"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a claim: `detail` is a sentence for people, `fields` what AWS's own text repeats."""

    problem: Problem
    detail: str
    fields: Mapping[str, object] = field(default_factory=dict)


def timestamp(value: JsonValue) -> int | None:
    """Seconds since 1970, of an integer or the text of one; None when it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def check_forms(claims: Mapping[str, JsonValue], *, required: Sequence[str] = REQUIRED_CLAIMS) -> Fault | None:
    """Presence and types of the claims that AWS reads of every token; missing claims come before anything else."""
    for claim in required:
        if claim not in claims:
            return Fault(Problem.CLAIM_MISSING, f"the token has no `{claim}`", {"claim": claim})
    return _issuer(claims) or _subject(claims) or _audience(claims) or _timestamps(claims)


def effective_audience(claims: Mapping[str, JsonValue]) -> str:
    """What AWS compares with the client ids. `azp` takes the place of `aud`, also when it is of no use."""
    if "azp" in claims:
        authorized_party = claims["azp"]
        return authorized_party if isinstance(authorized_party, str) else ""
    return next(iter(audiences(claims)), "")


def check_audience(claims: Mapping[str, JsonValue], client_ids: Sequence[str]) -> Fault | None:
    """The token is for one of the provider's client ids."""
    audience = effective_audience(claims)
    if audience and audience in client_ids:
        return None
    name = "azp" if "azp" in claims else "aud"
    registered = ", ".join(f"`{client_id}`" for client_id in client_ids) or "no audience"
    return Fault(
        Problem.AUDIENCE_NOT_REGISTERED,
        f"`{name}` is `{audience}`, and the provider has {registered} registered as client id",
    )


def check_times(claims: Mapping[str, JsonValue], now: int) -> Fault | None:
    """Issued, valid, not expired at `now`, in seconds since 1970. What AWS prints has the tolerance in it."""
    issued, expires = timestamp(claims.get("iat")), timestamp(claims.get("exp"))
    not_before = timestamp(claims["nbf"]) if "nbf" in claims else None
    if issued is None or expires is None:
        return Fault(Problem.TIME_FORM, "`iat` or `exp` is not a whole number of seconds")
    if issued > now + TOLERANCE_SECONDS:
        return Fault(Problem.ISSUED_IN_FUTURE, f"`iat` is {issued - now} seconds ahead", {"iat": issued})
    if not_before is not None and not_before > now + TOLERANCE_SECONDS:
        detail = f"`nbf` is {not_before - now} seconds ahead"
        return Fault(Problem.NOT_YET_VALID, detail, {"now": now + TOLERANCE_SECONDS, "nbf": not_before})
    if now - TOLERANCE_SECONDS >= expires:
        detail = f"the token expired {now - expires} seconds ago"
        return Fault(Problem.EXPIRED, detail, {"now": now - TOLERANCE_SECONDS, "exp": expires})
    return None


def check_session_claims(claims: Mapping[str, JsonValue]) -> Fault | None:
    """The claims that AWS carries into the session: tags and source identity."""
    tags, source_identity = read_tags(claims), read_source_identity(claims)
    if isinstance(tags, ClaimFault):
        return Fault(Problem.TAGS_FORM, tags.detail)
    if isinstance(source_identity, ClaimFault):
        return Fault(Problem.SOURCE_IDENTITY_FORM, source_identity.detail)
    return None


def check_roles(claims: Mapping[str, JsonValue], role: RoleArn) -> Fault | None:
    """A token that lists roles lists this one. Names are compared whole: there are no wildcards."""
    if not has_roles(claims):
        return None
    value = claims[ROLES_CLAIM]
    if not isinstance(value, str | list):
        return Fault(Problem.ROLES_FORM, "the roles claim is neither text nor an array")
    entries = value.split(";") if isinstance(value, str) else value
    listed = {entry.strip() for entry in entries if isinstance(entry, str) and _is_role(entry.strip())}
    if not listed:
        return Fault(Problem.ROLES_NONE_VALID, "the roles claim holds no role ARN")
    if str(role) not in listed:
        return Fault(Problem.ROLE_NOT_LISTED, f"the token is for {', '.join(sorted(listed))}, not for {role}")
    return None


def actions_of(claims: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Every action that the trust policy has to allow for this token, and what in the token asks for it.

    Source: IAM User Guide, "Pass session tags in AWS STS", "Monitor and control actions taken with assumed roles".
    """
    yield LOGIN, "a web identity"
    tags, source_identity = read_tags(claims), read_source_identity(claims)
    if not isinstance(tags, ClaimFault) and tags:
        yield "sts:TagSession", "session tags"
    if isinstance(source_identity, str):
        yield "sts:SetSourceIdentity", "a source identity"


def _issuer(claims: Mapping[str, JsonValue]) -> Fault | None:
    if isinstance(claims.get("iss", ""), str):
        return None
    return Fault(Problem.ISSUER_FORM, "`iss` is not text")


def _subject(claims: Mapping[str, JsonValue]) -> Fault | None:
    value = claims.get("sub", "")
    if value is None:
        return Fault(Problem.SUBJECT_NULL, "`sub` is null")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Fault(Problem.SUBJECT_FORM, "`sub` is neither text nor a number")
    return None


def _audience(claims: Mapping[str, JsonValue]) -> Fault | None:
    audience = claims.get("aud", "")
    entries = audience if isinstance(audience, list) else [audience]
    if not entries:
        return Fault(Problem.AUDIENCE_EMPTY, "`aud` is an empty array", {"claim": "aud"})
    if not all(isinstance(entry, str) for entry in entries):
        return Fault(Problem.AUDIENCE_FORM, "`aud` is neither text nor an array of texts")
    if len(entries) > 1 and "azp" not in claims:
        return Fault(Problem.AUDIENCE_SEVERAL, f"`aud` has {len(entries)} entries and there is no `azp`")
    return None


def _timestamps(claims: Mapping[str, JsonValue]) -> Fault | None:
    for claim in ("iat", "exp", "nbf"):
        if claim in claims and timestamp(claims[claim]) is None:
            return Fault(Problem.TIME_FORM, f"`{claim}` is not a whole number of seconds")
    return None


def _is_role(text: str) -> bool:
    try:
        RoleArn.parse(text)
    except ArnInvalid:
        return False
    return "*" not in text and "?" not in text
