"""Whether a connection takes a token: signature, claims, context, rules, in that order, and nothing of it twice.

Pure: the keys and the time are given. What a forger wrote is never judged, because the signature comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import ClaimRulesUnmet, ContextRefused, DaypassError, TokenChained
from daypass.idp.exchange.contexts import untrusted_contexts
from daypass.idp.exchange.presets import preset_named
from daypass.idp.exchange.rules import mismatches
from daypass.idp.issue import UPSTREAM_CLAIM
from daypass.tokens.verify import verify

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.idp.exchange.connection import Connection
    from daypass.idp.exchange.rules import Mismatch
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.peek import UnverifiedToken
    from daypass.tokens.verify import VerifiedClaims

LEEWAY_SECONDS: Final = 30
MAX_TOKEN_CHARACTERS: Final = 16 * 1024
MAX_LIFETIME_SECONDS: Final = 31 * 24 * 3600
"""Longest life of an upstream token: it is remembered that long. GitLab's tokens live as long as their job may."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a connection makes of a token.

    Attributes:
        connection: whose verdict it is.
        claims: of the token, None while its signature is not known to be the issuer's.
        refusal: why it is not taken, None when it is.
        unmet: the rules that do not hold; for the connection's owner alone.
        unknown: names of claims that the preset's platform is not known to make: reported, and used by nothing.
    """

    connection: Connection
    claims: VerifiedClaims | None = None
    refusal: DaypassError | None = None
    unmet: tuple[Mismatch, ...] = ()
    unknown: tuple[str, ...] = ()


def judge(connection: Connection, token: UnverifiedToken, keys: KeySet, now: datetime) -> Verdict:
    """What that connection makes of that token, with the issuer's keys as they are known."""
    try:
        claims = verify(
            token,
            keys=keys,
            issuer=connection.terms.issuer,
            audience=connection.terms.audience,
            algorithms=frozenset(connection.terms.algorithms),
            now=now,
            leeway_seconds=LEEWAY_SECONDS,
            max_lifetime_seconds=MAX_LIFETIME_SECONDS,
        )
    except DaypassError as fault:
        return Verdict(connection, refusal=fault)
    refusal, unmet = _judge_claims(connection, claims)
    return Verdict(connection, claims, refusal, unmet, _unknown(connection, claims))


def _unknown(connection: Connection, claims: VerifiedClaims) -> tuple[str, ...]:
    preset = connection.terms.preset
    return () if preset is None else preset_named(preset).unknown(claims)


def _judge_claims(connection: Connection, claims: VerifiedClaims) -> tuple[DaypassError | None, tuple[Mismatch, ...]]:
    if UPSTREAM_CLAIM in claims:
        chained = TokenChained(
            "the token came out of an exchange itself",
            advice="Bring the token of the platform that the job runs on.",
        )
        return chained, ()
    unwanted = untrusted_contexts(connection.terms.preset, claims) - connection.terms.contexts
    if unwanted:
        names = sorted(unwanted)
        refused = ContextRefused(
            f"the job runs in the context `{names[0]}`, which this connection does not let in",
            advice=f"If such jobs may have access, allow `{names[0]}` on the connection by name.",
            contexts=names,
        )
        return refused, ()
    unmet = mismatches(connection.terms.rules, claims)
    if unmet:
        first = unmet[0]
        rules = ClaimRulesUnmet(
            f"the rule `{first.rule}` does not hold: received {first.received}",
            advice="Change the rule if this workload may have access.",
            unmet=[one.to_json() for one in unmet],
        )
        return rules, unmet
    return None, ()
