"""Private keys in files, encrypted at rest.

One folder holds `protection.json`, which tells how the wrapping key is found and proves it is the right one, and one
`<kid>.json` per key: its PKCS #8, sealed, with kid, algorithm and format as associated data, so that no file can take
another's place.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from daypass import files
from daypass.errors import FileUnavailable, JsonMalformed, KeyRefused, KeyUnavailable
from daypass.idp.model import KeyState, SigningKey
from daypass.signers.sealing import KEY_BYTES, ScryptParameters, WrappingKey
from daypass.tokens import strict_json
from daypass.tokens.jwk import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from daypass.idp.ports import Clock
    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonObject

FORMAT: Final = 1
PROTECTION: Final = "protection.json"
SCRYPT_COST: Final = 2**17  # OWASP's advice for scrypt with r = 8 and p = 1

_CHECK: Final = f"daypass wrapping key, format {FORMAT}"
_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Keys are sealed under 32 random bytes in the file `path` (0600), made when the folder is new."""

    path: Path


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Keys are sealed under what scrypt makes of `passphrase`. `cost` (a power of two) is for a new folder."""

    passphrase: Secret
    cost: int = SCRYPT_COST


@final
class EncryptedFileSigner:
    """A `Signer` whose keys are encrypted files in one folder (0700; files 0600).

    Raises:
        FileUnsafe: when the key file or a file in the folder may be opened by others, or is not ours.
        KeyUnavailable: on a wrong passphrase or key file, or a file that is missing or not as it was written.
    """

    def __init__(self, folder: Path, protection: KeyFile | Passphrase, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._keys: dict[str, PrivateKey] = {}
        files.private_folder(folder)
        self._wrapping = self._open(protection)

    def create_key(self, algorithm: str) -> SigningKey:
        """See `Signer`."""
        key = PrivateKey.generate(algorithm)
        while key.kid.startswith("-"):  # it would be an option on the command line of an emergency
            key = PrivateKey.generate(algorithm)
        sealed = self._wrapping.seal(key.to_pkcs8(), _about(key.kid, algorithm), secrets.token_bytes)
        self._write(f"{key.kid}.json", {"format": FORMAT, "kid": key.kid, "algorithm": algorithm, **sealed})
        self._keys[key.kid] = key
        return SigningKey(
            kid=key.kid,
            algorithm=algorithm,
            state=KeyState.NEXT,
            public_jwk=key.public.to_jwk(),
            created_at=self._clock(),
        )

    def kids(self) -> Collection[str]:
        """See `Signer`."""
        try:
            return {path.stem for path in self._folder.glob("*.json") if _KID.fullmatch(path.stem)}
        except OSError as error:
            raise KeyUnavailable(f"`{self._folder}` cannot be listed: {error.strerror}") from None

    def discard_key(self, kid: str) -> None:
        """See `Signer`."""
        self._keys.pop(kid, None)
        if _KID.fullmatch(kid):
            try:
                files.remove(self._folder / f"{kid}.json")
            except FileUnavailable as error:
                raise KeyUnavailable(error.message, advice=error.advice) from None

    def sign(self, kid: str, signing_input: bytes) -> bytes:
        """See `Signer`. The first signature of a key reads its file."""
        key = self._keys.get(kid)
        if key is None:
            key = self._keys[kid] = self._load(kid)
        return key.sign(signing_input)

    def _load(self, kid: str) -> PrivateKey:
        members = self._read(f"{kid}.json") if _KID.fullmatch(kid) else None
        if members is None:
            raise KeyUnavailable(
                f"there is no private key `{kid[:64]}` in `{self._folder}`",
                advice="Restore the folder from a backup.",
                kid=kid[:64],
            )
        algorithm = str(members.get("algorithm"))
        content = self._wrapping.unseal(members, _about(kid, algorithm))
        if content is None:
            raise self._damaged(f"{kid}.json")
        try:
            key = PrivateKey.from_pkcs8(content, algorithm=algorithm)
        except KeyRefused:
            raise self._damaged(f"{kid}.json") from None
        if key.kid != kid:
            raise self._damaged(f"{kid}.json")
        return key

    def _open(self, protection: KeyFile | Passphrase) -> WrappingKey:
        members = self._read(PROTECTION)
        if members is None:
            return self._protect(protection)
        kind = "passphrase" if isinstance(protection, Passphrase) else "key_file"
        if members.get("kind") != kind:
            raise KeyUnavailable(
                f"the keys in `{self._folder}` are protected by a {str(members.get('kind')).replace('_', ' ')}",
                advice="Set that one.",
            )
        if isinstance(protection, Passphrase):
            try:
                wrapping = ScryptParameters.read(members.get("scrypt")).wrapping_key(protection.passphrase)
            except ValueError:
                raise self._damaged(PROTECTION) from None
        else:
            wrapping = WrappingKey(_key_file(protection.path))
        if wrapping.unseal(members, _CHECK) is None:
            raise KeyUnavailable(
                "the passphrase is not the one the keys are protected by"
                if isinstance(protection, Passphrase)
                else f"the key file `{protection.path}` is not the one the keys are protected by",
                advice=f"Restore the right one; or, if nothing else helps, `{self._folder}` from a backup.",
            )
        return wrapping

    def _protect(self, protection: KeyFile | Passphrase) -> WrappingKey:
        """Choose the wrapping key of a new folder."""
        if any(_KID.fullmatch(path.stem) for path in self._folder.glob("*.json")):
            raise KeyUnavailable(f"`{self._folder / PROTECTION}` is missing", advice="Restore it from a backup.")
        members: dict[str, object] = {"format": FORMAT}
        if isinstance(protection, Passphrase):
            if not protection.passphrase:
                raise KeyUnavailable("the passphrase is empty")
            parameters = ScryptParameters.new(protection.cost, secrets.token_bytes)
            wrapping = parameters.wrapping_key(protection.passphrase)
            members |= {"kind": "passphrase", "scrypt": parameters.members()}
        else:
            try:
                key = _key_file(protection.path)
            except KeyUnavailable as error:
                if not error.facts.get("missing"):
                    raise
                key = secrets.token_bytes(KEY_BYTES)
                files.write_atomic(protection.path, key)
            wrapping = WrappingKey(key)
            members |= {"kind": "key_file"}
        self._write(PROTECTION, members | wrapping.seal(b"", _CHECK, secrets.token_bytes))
        return wrapping

    def _write(self, name: str, members: dict[str, object]) -> None:
        try:
            files.write_atomic(self._folder / name, strict_json.dump(members))
        except FileUnavailable as error:
            raise KeyUnavailable(error.message, advice=error.advice) from None

    def _read(self, name: str) -> JsonObject | None:
        try:
            members = strict_json.parse(
                files.read_private(self._folder / name, max_bytes=_MAX_BYTES), max_bytes=_MAX_BYTES
            )
        except FileUnavailable as error:
            if error.facts.get("missing"):
                return None
            raise KeyUnavailable(error.message, advice=error.advice) from None
        except JsonMalformed:
            raise self._damaged(name) from None
        if not isinstance(members, dict) or members.get("format") != FORMAT:
            raise self._damaged(name)
        return members

    def _damaged(self, name: str) -> KeyUnavailable:
        return KeyUnavailable(
            f"`{self._folder / name}` is not as it was written", advice="Restore it from a backup.", file=name
        )


def _key_file(path: Path) -> bytes:
    try:
        key = files.read_private(path, max_bytes=KEY_BYTES)
    except FileUnavailable as error:
        raise KeyUnavailable(
            error.message,
            advice="Restore the key file; without it the keys cannot be used.",
            missing=bool(error.facts.get("missing")),
        ) from None
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(f"the key file `{path}` does not hold {KEY_BYTES} bytes")
    return key


def _about(kid: str, algorithm: str) -> str:
    """The associated data of a key's file."""
    return f"daypass signing key, format {FORMAT}, algorithm {algorithm}, kid {kid}"
