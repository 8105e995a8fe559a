"""Where private keys live."""

from __future__ import annotations

from daypass.signers.aws_kms import AwsKmsSigner
from daypass.signers.encrypted_file import EncryptedFileSigner, KeyFile, Passphrase
from daypass.signers.pkcs11 import Pkcs11Signer

__all__ = ["AwsKmsSigner", "EncryptedFileSigner", "KeyFile", "Passphrase", "Pkcs11Signer"]
