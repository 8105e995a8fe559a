"""Ids: a prefix that tells the kind, and 100 random bits. Immutable, never given twice."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from daypass.subjects.facts import WorkloadKind

if TYPE_CHECKING:
    from collections.abc import Callable

ORGANIZATION: Final = "org"
PROJECT: Final = "prj"
ADMIN: Final = "adm"
CONNECTION: Final = "con"
WORKLOAD: Final = {WorkloadKind.WORKSPACE: "wsp", WorkloadKind.ENVIRONMENT: "env", WorkloadKind.JOB: "job"}


def new_id(prefix: str, random_bytes: Callable[[int], bytes]) -> str:
    """`<prefix>_` and 20 characters of lower-case base32 (RFC 4648 section 6)."""
    return f"{prefix}_{base64.b32encode(random_bytes(13)).decode().lower()[:20]}"


def new_jti(random_bytes: Callable[[int], bytes]) -> str:
    """An id for one token: 128 random bits, 22 characters of base64url (RFC 7519 section 4.1.7)."""
    return base64.urlsafe_b64encode(random_bytes(16)).rstrip(b"=").decode()
