"""Private keys in files, encrypted at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.idp.model import SigningKey
    from daypass.idp.ports import Clock
    from daypass.secret import Secret


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Keys are wrapped under 32 random bytes in the file `path` (0600), made when it is not there."""

    path: Path


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Keys are wrapped under what scrypt makes of `passphrase`."""

    passphrase: Secret


class EncryptedFileSigner:
    """A `Signer` whose keys are encrypted files in one folder."""

    def __init__(self, folder: Path, protection: KeyFile | Passphrase, clock: Clock) -> None: ...

    def create_key(self, algorithm: str) -> SigningKey:
        """See `Signer`."""
        raise NotImplementedError

    def sign(self, kid: str, signing_input: bytes) -> bytes:
        """See `Signer`."""
        raise NotImplementedError
