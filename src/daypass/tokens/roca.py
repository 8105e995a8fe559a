"""The fingerprint of RSA keys made by a broken library (ROCA, CVE-2017-15361).

That library chose primes of the form k·M + 65537^a mod M, with M the product of the first primes. So the modulus is a
power of 65537 modulo each small prime; a modulus made otherwise is so for all of them with negligible chance.

Source: Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017, section 3.3.
"""

from __future__ import annotations

from typing import Final

# All primes up to 167: the factors of the smallest M that was in use.
_PRIMES: Final = tuple(n for n in range(3, 168) if all(n % d for d in range(2, n)))
_POWERS: Final = tuple((prime, frozenset(pow(65537, a, prime) for a in range(prime - 1))) for prime in _PRIMES)


def is_fingerprinted(modulus: int) -> bool:
    """Whether an RSA modulus carries the fingerprint."""
    return all(modulus % prime in powers for prime, powers in _POWERS)
