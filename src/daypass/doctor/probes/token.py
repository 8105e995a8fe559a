"""What can be told of a token without passing it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.doctor.facts import TokenFacts
from daypass.errors import TokenRefused
from daypass.sts.keys import choose_key
from daypass.sts.refusal import Refusal
from daypass.subjects.recognition import recognise_token, whose
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from daypass.tokens.verify import verify_signature

if TYPE_CHECKING:
    from daypass.secret import Secret
    from daypass.sts.decide import KeysUnavailable


def look_at(token: Secret, source: str, keys: KeySet | KeysUnavailable | None) -> TokenFacts:
    """Take a token apart, and try its signature with the issuer's keys by STS's own rules.

    Args:
        token: maybe with white space around it.
        source: where it is from.
        keys: the issuer's, as fetched.
    """
    text = token.reveal().strip()
    padded = text != token.reveal()
    try:
        unverified = peek(text, duplicates="last")
    except TokenRefused as fault:
        return TokenFacts(source, length=len(text), fault=fault.message, padded=padded)
    signature, detail = "unknown", None
    if isinstance(keys, KeySet):
        key = choose_key(keys, unverified.header)
        if isinstance(key, Refusal):
            signature, detail = "no_key", key.detail
        else:
            try:
                verify_signature(unverified, key, algorithms=ALGORITHMS)
                signature = "valid"
            except TokenRefused as fault:
                signature, detail = "invalid", fault.message
    known = recognise_token(unverified.claims)
    return TokenFacts(
        source,
        length=len(text),
        header=dict(unverified.header),
        claims=dict(unverified.claims),
        signature=signature,
        signature_detail=detail,
        whose=whose(unverified.claims, known),
        padded=padded,
        mistyped=() if known is None else known.mistyped,
    )
