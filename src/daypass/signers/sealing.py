"""Seal bytes under a wrapping key: AES-256-GCM, with what they are for as associated data (NIST SP 800-38D)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from daypass.errors import KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
_COSTS: Final = range(2**14, 2**20 + 1)
_BLOCK: Final = 8
_PARALLEL: Final = 1


@final
class WrappingKey:
    """256 bits that other keys are sealed under. Nothing prints it."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnavailable(f"a wrapping key has {KEY_BYTES} bytes, and this one {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, content: bytes, about: str, random_bytes: Callable[[int], bytes]) -> dict[str, str]:
        """The sealed content as JSON members."""
        nonce = random_bytes(_NONCE_BYTES)
        return {"nonce": _text(nonce), "sealed": _text(self._cipher.encrypt(nonce, content, about.encode()))}

    def unseal(self, members: dict[str, JsonValue], about: str) -> bytes | None:
        """The content; None when it was sealed under another key, about something else, or changed since."""
        try:
            return self._cipher.decrypt(_bytes(members["nonce"]), _bytes(members["sealed"]), about.encode())
        except (InvalidTag, KeyError, ValueError):
            return None

    def __repr__(self) -> str:
        return "WrappingKey(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a wrapping key is not pickled")


@dataclass(frozen=True, slots=True)
class ScryptParameters:
    """How a wrapping key is made of a passphrase (RFC 7914). `cost` is N; r is 8 and p is 1."""

    cost: int
    salt: bytes

    @classmethod
    def new(cls, cost: int, random_bytes: Callable[[int], bytes]) -> ScryptParameters:
        """Parameters with a salt of their own."""
        return cls(cost, random_bytes(_SALT_BYTES))

    @classmethod
    def read(cls, value: JsonValue) -> ScryptParameters:
        """From JSON members. A cost out of range is refused before it costs: it would be a way to stop a start.

        Raises:
            ValueError: when they are not such members.
        """
        if not isinstance(value, dict) or (value.get("r"), value.get("p")) != (_BLOCK, _PARALLEL):
            raise ValueError("not scrypt parameters")
        cost, salt = value.get("n"), _bytes(value.get("salt"))
        if not isinstance(cost, int) or cost not in _COSTS or cost.bit_count() != 1 or len(salt) != _SALT_BYTES:
            raise ValueError("scrypt parameters out of range")
        return cls(cost, salt)

    def members(self) -> dict[str, object]:
        """As JSON members."""
        return {"n": self.cost, "r": _BLOCK, "p": _PARALLEL, "salt": _text(self.salt)}

    def wrapping_key(self, passphrase: Secret) -> WrappingKey:
        """The key. Takes about 0.3 s and 128 MiB at a cost of 2**17."""
        derivation = Scrypt(salt=self.salt, length=KEY_BYTES, n=self.cost, r=_BLOCK, p=_PARALLEL)
        return WrappingKey(derivation.derive(passphrase.reveal().encode()))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(value: JsonValue) -> bytes:
    if not isinstance(value, str):
        raise ValueError("not base64 text")  # noqa: TRY004 (the callers' one word for a bad file)
    return base64.b64decode(value, validate=True)
