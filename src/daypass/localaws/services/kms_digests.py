"""Let moto's KMS sign and verify a digest as one: it hashes what says `MessageType=DIGEST` once more (moto 5.2).

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

if TYPE_CHECKING:
    from collections.abc import Callable

_HASHES: Final = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_DONE: Final = "daypass_knows_digests"


class _Digest(bytes):
    """A message that is hashed already."""


def teach() -> None:
    """Change moto's classes, once in a process. moto is there: its KMS was just imported."""
    from moto.kms import responses, utils  # noqa: PLC0415 - an optional part

    response: Any = responses.KmsResponse
    if hasattr(response, _DONE):
        return
    setattr(response, _DONE, True)
    response._get_param = _reading(response._get_param)  # noqa: SLF001 - where moto decodes the message
    for key in (utils.RSAPrivateKey, utils.ECDSAPrivateKey):
        _let_sign(key)


def _reading(plain: Callable[..., Any]) -> Callable[..., Any]:
    def read(self: Any, name: str, if_none: Any = None) -> Any:
        from moto.kms.exceptions import ValidationException  # noqa: PLC0415 - an optional part

        value = plain(self, name, if_none)
        if name != "Message" or not isinstance(value, bytes) or plain(self, "MessageType") != "DIGEST":
            return value
        algorithm = str(plain(self, "SigningAlgorithm"))
        known = _HASHES.get(algorithm[-3:])
        if known is not None and len(value) != known.digest_size:
            invalid: Callable[[str], Exception] = ValidationException
            raise invalid(f"Digest is invalid length for algorithm {algorithm}.")
        return _Digest(value)

    return read


def _let_sign(key: Any) -> None:
    signs, verifies = key.sign, key.verify

    def sign(self: Any, message: bytes, signing_algorithm: str) -> bytes:
        if not isinstance(message, _Digest):
            done: bytes = signs(self, message, signing_algorithm)
            return done
        signature: bytes = self.private_key.sign(bytes(message), *_scheme(signing_algorithm))
        return signature

    def verify(self: Any, message: bytes, signature: bytes, signing_algorithm: str) -> bool:
        if not isinstance(message, _Digest):
            return bool(verifies(self, message, signature, signing_algorithm))
        try:
            self.private_key.public_key().verify(signature, bytes(message), *_scheme(signing_algorithm))
        except InvalidSignature:
            return False
        return True

    key.sign, key.verify = sign, verify


def _scheme(algorithm: str) -> tuple[Any, ...]:
    """What `cryptography` wants to know of one of KMS's signing algorithms."""
    hashed = _HASHES[algorithm[-3:]]
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(Prehashed(hashed)),)
    if algorithm.startswith("RSASSA_PSS"):
        return padding.PSS(padding.MGF1(hashed), padding.PSS.MAX_LENGTH), Prehashed(hashed)
    return padding.PKCS1v15(), Prehashed(hashed)
