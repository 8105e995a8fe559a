"""What the identity provider keeps things in, as its settings have it: the store and the signer."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.config import SignerKind, database_url
from daypass.errors import SettingInvalid, StoreUnavailable
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.config import Settings
    from daypass.idp.ports import Clock, Signer
    from daypass.store import Store

KEYS: Final = "keys"


def opened_store(settings: Settings) -> Store:
    """The database of the settings, open and migrated.

    Raises:
        FileUnavailable, FileUnsafe: when the data folder cannot be used; for SQLite also when another process has it.
        StoreUnavailable: when the database cannot be used, or is not the one that was used before.
        PartMissing: when the database's driver is not installed.
    """
    from daypass.store import open_database, open_store
    from daypass.store.opening import DATABASE

    folder = settings.data_folder
    url = database_url(settings)
    if url is None:
        _demand_database(folder, DATABASE)
        return open_store(folder)
    if (folder / DATABASE).exists():
        raise StoreUnavailable(
            f"`{folder / DATABASE}` has been used here, and nothing of it is in the database of `database_url`",
            advice="Name another data folder to begin anew, or leave `database_url` out.",
        )
    return open_database(url)


@contextlib.contextmanager
def opened_signer(settings: Settings, clock: Clock) -> Iterator[Signer]:
    """The signer of the settings.

    Raises:
        KeyUnavailable, FileUnavailable, FileUnsafe: when its keys cannot be used.
        PartMissing: when what it needs is not installed.
        SettingInvalid: when a file with a passphrase or PIN is empty or not text.
    """
    from daypass.signers import AwsKmsSigner, EncryptedFileSigner, KeyFile, Passphrase, Pkcs11Signer

    issuer = str(settings.issuer)
    match settings.signer:
        case SignerKind.FILE:
            folder = settings.data_folder
            protection = (
                KeyFile(settings.key_file or folder / "wrapping-key")
                if settings.passphrase_file is None
                else Passphrase(_line("passphrase_file", settings.passphrase_file))
            )
            yield EncryptedFileSigner(folder / KEYS, protection, clock)
        case SignerKind.AWS_KMS:
            assert settings.aws_kms_region is not None, "checked with the settings"
            kms = AwsKmsSigner(
                issuer=issuer, region=settings.aws_kms_region, endpoint=settings.aws_kms_endpoint, clock=clock
            )
            with contextlib.closing(kms):
                yield kms
        case SignerKind.PKCS11:
            library, token, pin = settings.pkcs11_library, settings.pkcs11_token, settings.pkcs11_pin_file
            assert library is not None, "checked with the settings"
            assert token is not None, "likewise"
            assert pin is not None, "likewise"
            hsm = Pkcs11Signer(
                issuer=issuer, library=library, token=token, pin=_line("pkcs11_pin_file", pin), clock=clock
            )
            with contextlib.closing(hsm):
                yield hsm


def _demand_database(folder: Path, name: str) -> None:
    """Refuse to begin anew in a folder that has keys: whoever lost a database must hear of it, and not its audit log.

    The database is made before the first key.
    """
    database = folder / name
    if any((folder / KEYS).glob("*.json")) and not (database.exists() and database.stat().st_size):
        raise StoreUnavailable(
            f"`{database}` is gone, and the signing keys beside it are there",
            advice="Restore it from a backup, or name another data folder to begin anew.",
        )


def _line(setting: str, path: Path) -> Secret:
    """The secret in a file, without the end of its line."""
    content = files.read_private(path, max_bytes=4096)
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text:
        reason = "it is empty or not UTF-8 text"
        raise SettingInvalid(
            f"`{setting}`: `{path}`: {reason}",
            advice="Write the secret into it, as one line of UTF-8.",
            file=str(path),
            key=setting,
            reason=reason,
        )
    return Secret(text)
