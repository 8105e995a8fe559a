"""Where private keys live."""

from __future__ import annotations

from daypass.signers.encrypted_file import EncryptedFileSigner, KeyFile, Passphrase

__all__ = ["EncryptedFileSigner", "KeyFile", "Passphrase"]
