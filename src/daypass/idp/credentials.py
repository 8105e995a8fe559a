"""The secrets of workloads and administrators.

A secret is 256 random bits, so a fast hash of it is enough: there is nothing to guess. Only the hash is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

WORKLOAD: Final = "dpw_"
ADMIN: Final = "dpa_"
_SHAPE: Final = re.compile(r"(dpw_|dpa_)[A-Za-z0-9_-]{43}")


def new_secret(prefix: str, random_bytes: Callable[[int], bytes]) -> Secret:
    """`prefix` and 43 characters of base64url: 256 random bits."""
    return Secret(prefix + base64.urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode())


def secret_hash(secret: Secret) -> str:
    """The hex SHA-256 of the secret as it is sent."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()


def presented_hash(secret: Secret, prefix: str) -> str | None:
    """The hash of what a caller sent, or None when it has not even the shape of such a secret."""
    found = _SHAPE.fullmatch(secret.reveal())
    return secret_hash(secret) if found is not None and found[1] == prefix else None


def same_hash(one: str, other: str) -> bool:
    """Compare two hashes in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)
