"""Make compact JWTs (RFC 7519 section 7.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from daypass.secret import Secret
from daypass.tokens import base64url, strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.jwk import PrivateKey


def signing_input(claims: Mapping[str, object], *, algorithm: str, kid: str, typ: str | None = "JWT") -> bytes:
    """What is to be signed: header and payload, encoded, with the dot between them.

    For a signer that is elsewhere; `mint` does it all with a key that is here.

    Raises:
        TypeError: for a claim that JSON has no form for.
    """
    return _header(algorithm, kid, typ) + base64url.encode(strict_json.dump(claims))


def compact(signing_input: bytes, signature: bytes) -> Secret:
    """The token, of what was signed and the JWS signature over it."""
    return Secret((signing_input + b"." + base64url.encode(signature)).decode())


def mint(claims: Mapping[str, object], key: PrivateKey, *, typ: str | None = "JWT") -> Secret:
    """Make a token of these claims, as they are: nothing is added.

    Raises:
        TypeError: for a claim that JSON has no form for.
    """
    content = signing_input(claims, algorithm=key.algorithm, kid=key.kid, typ=typ)
    return compact(content, key.sign(content))


@lru_cache(maxsize=128)
def _header(algorithm: str, kid: str, typ: str | None) -> bytes:
    header = {"alg": algorithm, "kid": kid} | ({} if typ is None else {"typ": typ})
    return base64url.encode(strict_json.dump(header)) + b"."
