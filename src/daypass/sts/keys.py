"""Which key of the issuer's AWS takes for a token.

AWS reads a key set in its own way, observed in September 2026: a key must have a `kid`; the later of two with the same
`kid` counts; `alg` of a key is ignored and the token's decides; `use` must be `sig` or absent; a key with any `key_ops`
verifies nothing; `x5c` must be the same key as the numbers beside it; with more than 100 keys of a type none of them
can be used.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from daypass.errors import KeyRefused
from daypass.sts import answers
from daypass.sts.refusal import Refusal, refuse
from daypass.tokens import base64url
from daypass.tokens.jwk import PublicKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.key_set import KeySet
    from daypass.tokens.strict_json import JsonValue

MAX_KEYS_OF_A_TYPE: Final = 100


def choose_key(keys: KeySet, header: Mapping[str, JsonValue]) -> PublicKey | Refusal:
    """The key for a token with this header. Its quality is checked by the same rules as every other key's."""
    usable = usable_entries(keys)
    kid = header.get("kid")
    if kid is None or kid == "":
        if len(usable) != 1:
            return _none(f"the token has no `kid`, and the issuer has {len(usable)} usable keys")
        entry = next(iter(usable.values()))
    elif not isinstance(kid, str) or kid not in usable:
        return _none("no usable key of the issuer has the token's `kid`")
    else:
        entry = usable[kid]
    same_type = sum(other["kty"] == entry["kty"] for other in usable.values())
    if same_type > MAX_KEYS_OF_A_TYPE:
        return _none(f"the issuer has {same_type} {entry['kty']} keys, and AWS reads at most {MAX_KEYS_OF_A_TYPE}")
    if "key_ops" in entry:
        return refuse(answers.NOT_VALIDATED, "the issuer's key has `key_ops`, and AWS takes no such key")
    if "x5c" in entry and not certificate_agrees(entry):
        return refuse(answers.NOT_VALIDATED, "the certificate in `x5c` of the issuer's key is not of that key")
    return _public_key(keys, entry, header.get("alg"))


def usable_entries(keys: KeySet) -> dict[str, Mapping[str, JsonValue]]:
    """The entries that AWS would index, by `kid`; a later one takes the place of an earlier one."""
    usable: dict[str, Mapping[str, JsonValue]] = {}
    for entry in keys.entries:
        if entry is None or entry.get("kty") not in ("RSA", "EC") or entry.get("use", "sig") != "sig":
            continue
        kid = entry.get("kid")
        if isinstance(kid, str) and kid:
            usable[kid] = entry
    return usable


def _public_key(keys: KeySet, entry: Mapping[str, JsonValue], algorithm: JsonValue) -> PublicKey | Refusal:
    for key in keys.keys:
        if key.kid == entry["kid"] and isinstance(algorithm, str) and algorithm in key.algorithms:
            return key
    try:
        return PublicKey.from_jwk({name: value for name, value in entry.items() if name != "alg"})
    except KeyRefused as fault:
        return refuse(answers.NOT_VALIDATED, fault.message)


def certificate_agrees(entry: Mapping[str, JsonValue]) -> bool:
    """Whether the first certificate of `x5c` (RFC 7517 section 4.7) is of the key that the entry's numbers are."""
    chain = entry["x5c"]
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return False
    try:
        certified = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True)).public_key()
    except (ValueError, binascii.Error, TypeError):
        return False
    if isinstance(certified, RSAPublicKey):
        numbers = certified.public_numbers()
        return _number(entry.get("n")) == numbers.n and _number(entry.get("e")) == numbers.e
    if isinstance(certified, EllipticCurvePublicKey):
        point = certified.public_numbers()
        return _number(entry.get("x")) == point.x and _number(entry.get("y")) == point.y
    return False


def _number(value: JsonValue) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return int.from_bytes(base64url.decode(value))
    except ValueError:
        return None


def _none(detail: str) -> Refusal:
    return refuse(answers.NO_VERIFICATION_KEY, detail)
