"""The rules for the claims of an ID token (RFC 7519 section 4.1, OpenID Connect Core 3.1.3.7). All are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import (
    TokenAudienceMismatch,
    TokenClaimInvalid,
    TokenClaimMissing,
    TokenExpired,
    TokenIssuerMismatch,
    TokenKindWrong,
    TokenNotYetValid,
)
from daypass.tokens.strict_json import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from daypass.errors import TokenRefused
    from daypass.tokens.strict_json import JsonValue

_TIME_LIMIT: Final = 253402300800  # the year 10000, which no datetime holds
_REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat")
_REQUIRED_WITHOUT_AUDIENCE: Final = tuple(name for name in _REQUIRED if name != "aud")


def refuse_problems(
    claims: Mapping[str, JsonValue],
    *,
    header: Mapping[str, JsonValue],
    issuer: str,
    audience: str | None,
    now: datetime,
    leeway_seconds: int,
    max_lifetime_seconds: int | None,
    typ: str,
) -> None:
    """Raise the first problem, with all of them in `facts["problems"]`. The arguments are those of `verify`."""
    if now.tzinfo is None:
        raise ValueError("now needs its time zone")
    problems = [
        *_kind(header, typ),
        *_issuer(claims, issuer),
        *_audience(claims, audience),
        *_missing(claims, _REQUIRED if audience is not None else _REQUIRED_WITHOUT_AUDIENCE),
        *_subject(claims),
        *_times(claims, now.timestamp(), leeway_seconds, max_lifetime_seconds),
    ]
    if problems:
        first = problems[0]
        first.facts["problems"] = [{"code": problem.code, "message": problem.message} for problem in problems]
        raise first


def _kind(header: Mapping[str, JsonValue], wanted: str) -> Iterator[TokenRefused]:
    if "typ" in header:
        found = header["typ"]
        # A media type, without regard to case; `application/` may be left out (RFC 7515 section 4.1.9).
        if not isinstance(found, str) or found.lower().removeprefix("application/") != wanted.lower():
            yield TokenKindWrong(f"`typ` is {brief(found)}, not `{wanted}`", wanted=wanted)


def _issuer(claims: Mapping[str, JsonValue], wanted: str) -> Iterator[TokenRefused]:
    if "iss" in claims and claims["iss"] != wanted:
        yield TokenIssuerMismatch(f"`iss` is {brief(claims['iss'])}, not `{wanted}`", wanted=wanted)


def _audience(claims: Mapping[str, JsonValue], wanted: str | None) -> Iterator[TokenRefused]:
    if "aud" in claims:
        found = claims["aud"]
        if wanted is None:
            yield TokenAudienceMismatch(f"`aud` is {brief(found)}, and only tokens without one are taken", wanted=None)
            return
        entries = found if isinstance(found, list) else [found]
        if not entries or any(entry != wanted for entry in entries):
            yield TokenAudienceMismatch(f"`aud` is {brief(found)}, not `{wanted}` alone", wanted=wanted)


def _missing(claims: Mapping[str, JsonValue], required: Sequence[str]) -> Iterator[TokenRefused]:
    for name in required:
        if name not in claims:
            yield TokenClaimMissing(f"the claim `{name}` is missing", claim=name)


def _subject(claims: Mapping[str, JsonValue]) -> Iterator[TokenRefused]:
    if "sub" in claims and not (isinstance(claims["sub"], str) and claims["sub"]):
        yield TokenClaimInvalid(f"`sub` is {brief(claims['sub'])}, not text", claim="sub")


def _times(
    claims: Mapping[str, JsonValue], now: float, leeway: int, max_lifetime: int | None
) -> Iterator[TokenRefused]:
    times: dict[str, float] = {}
    for name in ("exp", "iat", "nbf"):
        if name in claims:
            value = claims[name]
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _TIME_LIMIT:
                times[name] = value
            else:
                yield TokenClaimInvalid(f"`{name}` is {brief(value)}, not a time in seconds since 1970", claim=name)
    if "exp" in times and now >= times["exp"] + leeway:
        yield TokenExpired(f"the token expired {now - times['exp']:.0f} seconds ago", exp=times["exp"])
    for name in ("nbf", "iat"):
        if name in times and times[name] > now + leeway:
            ahead = times[name] - now
            yield TokenNotYetValid(f"`{name}` lies {ahead:.0f} seconds in the future", claim=name)
    if max_lifetime is not None and "exp" in times and "iat" in times and times["exp"] - times["iat"] > max_lifetime:
        lifetime = times["exp"] - times["iat"]
        yield TokenClaimInvalid(
            f"the token lives for {lifetime:.0f} seconds, longer than {max_lifetime}", claim="exp", wanted=max_lifetime
        )
