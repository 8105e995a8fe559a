"""The web identity token before its keys are asked for: shape, header, required claims and their types.

Nothing here believes the token. What AWS says of each fault, and that it looks for missing claims before anything
else, was observed in September 2026.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.errors import TokenRefused
from daypass.sts import answers
from daypass.sts.refusal import Refusal, refuse
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.peek import UnverifiedToken, peek

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.strict_json import JsonValue

REQUIRED_CLAIMS: Final = ("iss", "sub", "aud", "iat", "exp")

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def inspect_token(token: str) -> UnverifiedToken | Refusal:
    """Take a token apart and look at all that can be seen without a key, in AWS's order.

    Of a JSON member that comes twice the last one counts, as for AWS.
    """
    try:
        unverified = peek(token, duplicates="last")
    except TokenRefused as fault:
        return refuse(answers.NOT_A_JWT, fault.message)
    return _header(unverified.header) or _claims(unverified.claims) or unverified


def timestamp(value: JsonValue) -> int | None:
    """Seconds since 1970, of an integer or the text of one; None when it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _header(header: Mapping[str, JsonValue]) -> Refusal | None:
    if "crit" in header:
        return refuse(answers.NOT_A_JWT, "the header has `crit`, and AWS understands no extension")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return refuse(answers.NOT_VALIDATED, f"`alg` is not one of {', '.join(sorted(ALGORITHMS))}")
    return None


def _claims(claims: Mapping[str, JsonValue]) -> Refusal | None:
    for claim in REQUIRED_CLAIMS:
        if claim not in claims:
            return refuse(answers.CLAIM_MISSING, f"the token has no `{claim}`", claim=claim)
    return _issuer(claims["iss"]) or _subject(claims["sub"]) or _audience(claims) or _timestamps(claims)


def _issuer(issuer: JsonValue) -> Refusal | None:
    if isinstance(issuer, str):
        return None
    return refuse(answers.NOT_VALIDATED, "`iss` is not text")


def _subject(subject: JsonValue) -> Refusal | None:
    if subject is None:
        return refuse(answers.SUBJECT_NULL, "`sub` is null")
    if isinstance(subject, bool) or not isinstance(subject, str | int | float):
        return refuse(answers.NOT_VALIDATED, "`sub` is neither text nor a number")
    return None


def _audience(claims: Mapping[str, JsonValue]) -> Refusal | None:
    audience = claims["aud"]
    entries = audience if isinstance(audience, list) else [audience]
    if not entries:
        return refuse(answers.CLAIM_EMPTY, "`aud` is an empty array", claim="aud")
    if not all(isinstance(entry, str) for entry in entries):
        return refuse(answers.NOT_VALIDATED, "`aud` is neither text nor an array of texts")
    if len(entries) > 1 and "azp" not in claims:
        return refuse(answers.SEVERAL_AUDIENCES, f"`aud` has {len(entries)} entries and there is no `azp`")
    return None


def _timestamps(claims: Mapping[str, JsonValue]) -> Refusal | None:
    for claim in ("iat", "exp", "nbf"):
        if claim in claims and timestamp(claims[claim]) is None:
            return refuse(answers.TIMESTAMP_INVALID, f"`{claim}` is not a whole number of seconds")
    return None
