"""The limit: raw `cryptography` signatures on one core."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE = b"x" * 900


def _rate(call: Callable[[], object], seconds: float) -> float:
    for _ in range(50):
        call()
    count, begin = 0, time.process_time()
    while True:
        for _ in range(20):
            call()
        count += 20
        used = time.process_time() - begin
        if used >= seconds:
            return count / used


def sign_per_second(algorithm: str, seconds: float = 1.0) -> float:
    """Raw signatures per CPU second."""
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return _rate(lambda: key.sign(MESSAGE, padding.PKCS1v15(), SHA256()), seconds)
    curve_key = ec.generate_private_key(ec.SECP256R1())
    return _rate(lambda: curve_key.sign(MESSAGE, ec.ECDSA(SHA256())), seconds)


def verify_per_second(seconds: float = 1.0) -> float:
    """Raw RS256 verifications per CPU second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature, public = key.sign(MESSAGE, padding.PKCS1v15(), SHA256()), key.public_key()
    return _rate(lambda: public.verify(signature, MESSAGE, padding.PKCS1v15(), SHA256()), seconds)
