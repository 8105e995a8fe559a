"""What signers outside of this process have in common: the id of a key is made of its public half."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from daypass.errors import KeyRefused, KeyUnavailable
from daypass.idp.model import KeyState, SigningKey
from daypass.tokens.algorithms import BY_NAME

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.tokens.jwk import PublicKey

_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def is_ours(kid: str) -> bool:
    """Whether `kid` can be the id of a key that was made here: a thumbprint (RFC 7638 with SHA-256)."""
    return _KID.fullmatch(kid) is not None


def demand_algorithm(algorithm: str) -> None:
    """Refuse an algorithm there is not.

    Raises:
        KeyRefused: then.
    """
    if algorithm not in BY_NAME:
        raise KeyRefused(f"`{algorithm[:32]}` is not one of {', '.join(BY_NAME)}", reason="algorithm unknown")


def namespace(issuer: str) -> str:
    """What tells the keys of one installation from another's beside it: 16 hex digits made of its root issuer.

    Keys that no database row belongs to are destroyed (`KeyRings.clean`), so nobody may see a neighbour's.
    """
    return hashlib.sha256(issuer.encode()).hexdigest()[:16]


def new_key(public: PublicKey, algorithm: str, now: datetime) -> SigningKey:
    """A key that was just made."""
    return SigningKey(public.kid, algorithm, KeyState.NEXT, public.to_jwk(), now)


def missing(kid: str, where: str) -> KeyUnavailable:
    """There is no such private key."""
    return KeyUnavailable(
        f"there is no private key `{kid[:64]}` in {where}",
        advice="All replicas need the same keys: let them share the signer, or restore it.",
        kid=kid[:64],
    )
