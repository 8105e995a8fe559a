"""The signing keys: which one signs, which ones are published, when they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.idp.caller import Caller
    from daypass.idp.model import SigningKey
    from daypass.idp.ports import AuditLog, Clock, KeyStore, Signer

KEY_SET_MAX_AGE_SECONDS: Final = 300
"""How long a cache may keep the key set: the `max-age` it is served with."""


class KeyRing:
    """The active signing key per algorithm; the published key set, in memory."""

    published: bytes
    published_etag: str

    def __init__(self, store: KeyStore, signer: Signer, clock: Clock, audit: AuditLog) -> None: ...

    async def load(self) -> None:
        """Read the keys and check that the signer can use every active one."""
        raise NotImplementedError

    async def ensure(self, algorithms: Sequence[str]) -> None:
        """Create and activate the first key of each algorithm that has no active one."""
        raise NotImplementedError

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms with an active key, RS256 first when it is among them."""
        raise NotImplementedError

    @property
    def keys(self) -> Sequence[SigningKey]:
        """All keys, also retired ones, oldest first."""
        raise NotImplementedError

    def active(self, algorithm: str) -> SigningKey:
        """The key that signs with `algorithm`; raises AlgorithmNotOffered when there is none."""
        raise NotImplementedError

    async def create(self, caller: Caller, algorithm: str) -> SigningKey:
        """A new key in state NEXT, published at once."""
        raise NotImplementedError

    async def activate(self, caller: Caller, kid: str) -> SigningKey:
        """Sign with `kid` from now on; the key that did so before is retiring and stays published."""
        raise NotImplementedError

    async def sign(self, key: SigningKey, signing_input: bytes) -> bytes:
        """The JWS signature. The caller names the key because the signing input already holds its `kid`."""
        raise NotImplementedError
