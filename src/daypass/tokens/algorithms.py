"""The signature algorithms there are: the six that AWS takes for web identity tokens (RFC 7518 sections 3.3 and 3.4).

All are asymmetric. `none`, HMAC and encryption are not refused somewhere further on: they are not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from joserfc.jwa import ESAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwa import JWSAlgModel


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One `alg`: its name, the key type it needs, for ECDSA the one curve, and what computes it."""

    name: str
    kty: str
    curve: str | None
    model: JWSAlgModel


_ALL: Final = (
    Algorithm("RS256", "RSA", None, RSAAlgorithm(256)),
    Algorithm("RS384", "RSA", None, RSAAlgorithm(384)),
    Algorithm("RS512", "RSA", None, RSAAlgorithm(512)),
    Algorithm("ES256", "EC", "P-256", ESAlgorithm("ES256", "P-256", 256)),
    Algorithm("ES384", "EC", "P-384", ESAlgorithm("ES384", "P-384", 384)),
    Algorithm("ES512", "EC", "P-521", ESAlgorithm("ES512", "P-521", 512)),
)

BY_NAME: Final[Mapping[str, Algorithm]] = MappingProxyType({algorithm.name: algorithm for algorithm in _ALL})
ALGORITHMS: Final[frozenset[str]] = frozenset(BY_NAME)
"""The names of all algorithms, as an allow-list that allows each."""
