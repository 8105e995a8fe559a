"""Keys and verified claims for tests of every room."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.jwk import PrivateKey
from daypass.tokens.mint import mint
from daypass.tokens.peek import peek
from daypass.tokens.verify import verify_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.verify import VerifiedClaims


@cache
def private_key(algorithm: str = "ES256", name: str = "issuer") -> PrivateKey:
    """A key made once per test run for each algorithm and name."""
    return PrivateKey.generate(algorithm)


def verified(claims: Mapping[str, object]) -> VerifiedClaims:
    """These claims, as they come out of a real token with a real signature."""
    key = private_key()
    return verify_signature(peek(mint(claims, key).reveal()), key.public, algorithms=ALGORITHMS)
