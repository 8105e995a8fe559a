"""Pickles of what moto keeps, under a MAC: written here, and opened only when nobody has touched them since.

A pickle runs code when it is opened, and one of another moto or Python may mean something else. So each begins with the
versions that wrote it, and with a MAC over all of it.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import marshal
import pickle
import sys
import threading
from collections import defaultdict
from importlib import import_module
from importlib.metadata import version
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from daypass.errors import FileUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

MAC_BYTES: Final = 32
_ATTEMPTS: Final = 20
_RLOCK: Final = type(threading.RLock())
_LOCK: Final = type(threading.Lock())
_KEYS: Final = (RSAPrivateKey, EllipticCurvePrivateKey, Ed25519PrivateKey)


def pickled(kept: object, key: bytes) -> bytes:
    """A thing as bytes that `opened` takes.

    Raises:
        StoreUnavailable: when it cannot be written, or is changed all the time meanwhile.
    """
    for _ in range(_ATTEMPTS):
        buffer = io.BytesIO()
        buffer.write(_header())
        try:
            _Pickler(buffer, protocol=5).dump(kept)
        except RuntimeError:
            continue  # another request changed a dictionary meanwhile
        except (pickle.PicklingError, TypeError, AttributeError, ValueError) as error:
            raise StoreUnavailable(
                f"this state of a service cannot be kept: {error}", advice="Run without --data to use this."
            ) from None
        data = buffer.getvalue()
        return hmac.digest(key, data, hashlib.sha256) + data
    raise StoreUnavailable("the service does not stand still to be saved", advice="Ask again.")


def opened(data: bytes, key: bytes, name: str) -> Any:
    """What `pickled` was given.

    Args:
        data: the bytes.
        key: of the MAC.
        name: of the file, for messages.

    Raises:
        FileUnavailable: when they are not as they were written under this key, or other versions wrote them.
    """
    mac, content = data[:MAC_BYTES], data[MAC_BYTES:]
    if not hmac.compare_digest(mac, hmac.digest(key, content, hashlib.sha256)):
        raise FileUnavailable(
            f"`{name}` is not as it was written here",
            advice="Put it back from a copy, or start with another folder; nothing was changed in this one.",
            path=name,
        )
    header, newline, body = content.partition(b"\n")
    if header + newline != _header():
        raise FileUnavailable(
            f"`{name}` was written by {header.decode()}, and this is {_header().decode().strip()}",
            advice="Run those versions, or start with another folder.",
            path=name,
        )
    return pickle.loads(body)  # noqa: S301 - its MAC was checked above


class _Pickler(pickle.Pickler):
    """Writes also what moto has and pickle refuses: locks, private keys, and functions without a name."""

    def reducer_override(self, thing: Any) -> Any:
        """How a thing is written (`pickle.Pickler.reducer_override`)."""
        if isinstance(thing, _RLOCK):
            return threading.RLock, ()
        if isinstance(thing, _LOCK):
            return threading.Lock, ()
        if isinstance(thing, _KEYS):
            return _private_key, (thing.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        if isinstance(thing, FunctionType) and "<locals>" in thing.__qualname__ and thing.__closure__ is None:
            return _function, (marshal.dumps(thing.__code__), thing.__module__)
        if isinstance(thing, defaultdict) and type(thing) is not defaultdict:
            # One whose `__init__` takes something else is otherwise made with what a plain one takes.
            return _bare, (type(thing), thing.default_factory), vars(thing), None, iter(list(thing.items()))
        return NotImplemented


def _function(code: bytes, module: str) -> Callable[..., Any]:
    return FunctionType(marshal.loads(code), vars(import_module(module)))  # noqa: S302 - under the MAC, as all of it


def _private_key(der: bytes) -> Any:
    return load_der_private_key(der, None)


def _bare(kind: type[defaultdict[Any, Any]], factory: Callable[[], Any] | None) -> defaultdict[Any, Any]:
    made = kind.__new__(kind)
    defaultdict.__init__(made, factory)
    return made


def _header() -> bytes:
    return f"moto {version('moto')}, Python {sys.version_info.major}.{sys.version_info.minor}\n".encode()
