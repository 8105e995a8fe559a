"""Keys: public halves as JWKs (RFC 7517), private halves as things that sign.

Every public key, our own included, passes the same rules in `PublicKey.from_jwk`. A key of unknown quality verifies
nothing: the signature of a broken key is anybody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_der_public_key,
)
from joserfc.jwk import ECKey, RSAKey

from daypass.errors import KeyRefused
from daypass.tokens import base64url, roca
from daypass.tokens.algorithms import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_RSA_BITS: Final = 2048  # RFC 7518 section 3.3
MAX_RSA_BITS: Final = 8192  # a verification costs four times as much with each doubling
MIN_RSA_EXPONENT: Final = 65537  # FIPS 186-5 section 5.4: odd, 2**16 < e < 2**256
MAX_RSA_EXPONENT_BITS: Final = 256

_COORDINATE_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66}
_PRIVATE_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_KID: Final = re.compile(r"[\x20-\x7e]{1,256}")


def private_member(members: Mapping[str, object]) -> str | None:
    """The first private member of a JWK (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1), or None when it has none."""
    return next((name for name in _PRIVATE_MEMBERS if name in members), None)


def is_kid(value: object) -> bool:
    """Whether this may be a key id: 1 to 256 printable ASCII characters. It is a dictionary key and nothing else."""
    return isinstance(value, str) and _KID.fullmatch(value) is not None


@final
@dataclass(frozen=True, slots=True, repr=False)
class PublicKey:
    """A public key that may verify signatures. Made by `from_jwk` or as the public half of a `PrivateKey`.

    Attributes:
        kid: the JWK's `kid`, or the thumbprint when it has none.
        kty: `RSA` or `EC`.
        algorithms: what it may verify: the JWK's `alg`, else what fits: an elliptic curve has one algorithm, an RSA
            key three.
        thumbprint: RFC 7638 with SHA-256, base64url.
    """

    kid: str
    kty: str
    algorithms: frozenset[str]
    thumbprint: str
    _key: RSAKey | ECKey = field(compare=False)

    @classmethod
    def from_jwk(cls, members: Mapping[str, object]) -> PublicKey:
        """Take a public JWK. Certificates in it (`x5c`, `x5t`, `x5u`) and members unknown here are ignored.

        Raises:
            KeyRefused: saying which key, and why it must not be used.
        """
        shown = f"`{members['kid']}`" if is_kid(members.get("kid")) else "without usable `kid`"
        try:
            return cls._from_jwk(members)
        except _Unusable as fault:
            reason = str(fault)
        raise KeyRefused(f"key {shown} is refused: {reason}", reason=reason, kid=_kid_or_none(members))

    @classmethod
    def _from_jwk(cls, members: Mapping[str, object]) -> PublicKey:
        kty = members.get("kty")
        if kty not in ("RSA", "EC"):
            raise _Unusable("a symmetric key is nobody's identity" if kty == "oct" else "`kty` is not RSA or EC")
        if name := private_member(members):
            raise _Unusable(f"it holds the private member `{name}`")
        if "kid" in members and not is_kid(members["kid"]):
            raise _Unusable("`kid` is not 1 to 256 printable ASCII characters")
        _check_purpose(members)
        key = _rsa(members) if kty == "RSA" else _ec(members)
        thumbprint = key.thumbprint()
        return cls(
            kid=str(members.get("kid", thumbprint)),
            kty=key.key_type,
            algorithms=_algorithms(members, key),
            thumbprint=thumbprint,
            _key=key,
        )

    @classmethod
    def from_der(cls, der: bytes, *, algorithm: str) -> PublicKey:
        """Take a SubjectPublicKeyInfo (RFC 5280 section 4.1), or an RSAPublicKey (RFC 8017), that is for `algorithm`.

        Its `kid` is its thumbprint.

        Raises:
            KeyRefused: when it is not one, breaks the rules, or is not for `algorithm`.
        """
        try:
            raw = load_der_public_key(der)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raw = None
        key: RSAKey | ECKey
        if isinstance(raw, RSAPublicKey):
            key = RSAKey.import_key(raw)
        elif isinstance(raw, EllipticCurvePublicKey) and isinstance(raw.curve, (SECP256R1, SECP384R1, SECP521R1)):
            key = ECKey.import_key(raw)
        else:
            raise KeyRefused("the public key is not one for RSA or one of the NIST curves", reason="not RSA or EC")
        return cls.from_jwk(key.as_dict(private=False) | {"alg": algorithm, "kid": key.thumbprint()})

    @property
    def algorithm(self) -> str | None:
        """The one algorithm this key is for, or None for an RSA key whose JWK did not say."""
        return next(iter(self.algorithms)) if len(self.algorithms) == 1 else None

    def to_jwk(self) -> dict[str, str]:
        """The public members, with `use`, `kid`, and `alg` where there is one."""
        jwk = {name: str(value) for name, value in self._key.as_dict(private=False).items()}
        jwk |= {"use": "sig", "kid": self.kid}
        return jwk | {"alg": self.algorithm} if self.algorithm else jwk

    def to_pem(self) -> bytes:
        """The key as a SubjectPublicKeyInfo in PEM (RFC 7468 section 13)."""
        return bytes(self._key.as_pem(private=False))

    def verifies(self, signing_input: bytes, signature: bytes, *, algorithm: str) -> bool:
        """Whether `signature` is this key's, by an algorithm that is one of its own (never by another)."""
        return algorithm in self.algorithms and BY_NAME[algorithm].model.verify(signing_input, signature, self._key)

    def __repr__(self) -> str:
        return f"PublicKey(kid={self.kid!r})"


@final
class PrivateKey:
    """A private key with its one algorithm. Nothing prints it; its bytes are asked for by name."""

    __slots__ = ("_key", "_model", "algorithm", "kid", "public")

    algorithm: Final[str]
    kid: Final[str]
    public: Final[PublicKey]

    def __init__(self, key: RSAKey | ECKey, algorithm: str) -> None:
        kid = key.thumbprint()
        self.public = PublicKey.from_jwk(key.as_dict(private=False) | {"alg": algorithm, "kid": kid})
        self.algorithm = algorithm
        self.kid = kid
        self._key = key
        self._model = BY_NAME[algorithm].model

    @classmethod
    def generate(cls, algorithm: str) -> PrivateKey:
        """Make a key: 2048 bits for RSA, the algorithm's curve for ECDSA.

        Raises:
            KeyRefused: when `algorithm` is not one of the six.
        """
        if algorithm not in BY_NAME:
            raise _algorithm_unknown(algorithm)
        curve = BY_NAME[algorithm].curve
        return cls(RSAKey.generate_key(MIN_RSA_BITS) if curve is None else ECKey.generate_key(curve), algorithm)

    @classmethod
    def from_pkcs8(cls, der: bytes, *, algorithm: str) -> PrivateKey:
        """Take an unencrypted PKCS #8 PrivateKeyInfo (RFC 5958).

        Raises:
            KeyRefused: when it is not one, breaks the rules of public keys, or is not for `algorithm`.
        """
        if algorithm not in BY_NAME:
            raise _algorithm_unknown(algorithm)
        try:
            raw = load_der_private_key(der, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raw = None
        if isinstance(raw, RSAPrivateKey):
            return cls(RSAKey.import_key(raw), algorithm)
        if isinstance(raw, EllipticCurvePrivateKey) and isinstance(raw.curve, (SECP256R1, SECP384R1, SECP521R1)):
            return cls(ECKey.import_key(raw), algorithm)
        raise KeyRefused("the private key is not a PKCS #8 key for RSA or one of the NIST curves", reason="not PKCS #8")

    def to_pkcs8(self) -> bytes:
        """The key itself, as unencrypted PKCS #8 DER. For a signer that seals it; never for a log, a file, a wire."""
        private = self._key.private_key
        assert private is not None
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature: for ECDSA r and s side by side (RFC 7518 section 3.4)."""
        return self._model.sign(signing_input, self._key)

    def __repr__(self) -> str:
        return f"PrivateKey(kid={self.kid!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled")


class _Unusable(Exception):
    """Why a key is refused."""


def _kid_or_none(members: Mapping[str, object]) -> object:
    kid = members.get("kid")
    return kid if is_kid(kid) else None


def _algorithm_unknown(algorithm: str) -> KeyRefused:
    return KeyRefused(f"`{algorithm[:32]}` is not one of {', '.join(BY_NAME)}", reason="algorithm unknown")


def _check_purpose(members: Mapping[str, object]) -> None:
    """RFC 7517 sections 4.2 and 4.3."""
    if "use" in members and members["use"] != "sig":
        raise _Unusable("`use` is not sig")
    if "key_ops" in members:
        operations = members["key_ops"]
        if not isinstance(operations, list) or "verify" not in operations:
            raise _Unusable("`key_ops` does not hold verify")


def _algorithms(members: Mapping[str, object], key: RSAKey | ECKey) -> frozenset[str]:
    curve = key.curve_name if isinstance(key, ECKey) else None
    fitting = frozenset(name for name, one in BY_NAME.items() if (one.kty, one.curve) == (key.key_type, curve))
    if "alg" not in members:
        return fitting
    algorithm = members["alg"]
    if not isinstance(algorithm, str) or algorithm not in fitting:
        raise _Unusable(f"`alg` is not one of {', '.join(sorted(fitting))}, which fit the key")
    return frozenset((algorithm,))


def _integer(members: Mapping[str, object], name: str, *, octets: int | None = None, max_octets: int = 1100) -> bytes:
    text = members.get(name)
    if not isinstance(text, str):
        raise _Unusable(f"`{name}` is not text")
    try:
        data = base64url.decode(text) if len(text) <= 2 * max_octets else None
    except ValueError:
        data = b""
    if data is None:
        raise _Unusable(f"`{name}` is too long")
    if not data:
        raise _Unusable(f"`{name}` is not base64url")
    if octets is not None and len(data) != octets:
        raise _Unusable(f"`{name}` is not {octets} octets long")
    return data


def _rsa(members: Mapping[str, object]) -> RSAKey:
    modulus = int.from_bytes(_integer(members, "n"))
    exponent = int.from_bytes(_integer(members, "e"))
    if modulus.bit_length() < MIN_RSA_BITS:
        raise _Unusable(f"its {modulus.bit_length()} bits are fewer than {MIN_RSA_BITS}")
    if modulus.bit_length() > MAX_RSA_BITS:
        raise _Unusable(f"its {modulus.bit_length()} bits are more than {MAX_RSA_BITS}")
    if modulus % 2 == 0:
        raise _Unusable("its modulus is even")
    if exponent % 2 == 0 or exponent < MIN_RSA_EXPONENT or exponent.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise _Unusable("its exponent is not an odd number of at least 65537 and at most 256 bits")
    if roca.is_fingerprinted(modulus):
        raise _Unusable("its modulus has the ROCA fingerprint (CVE-2017-15361), so it can be factored")
    try:
        return RSAKey.import_key({"kty": "RSA", "n": _uint(modulus), "e": _uint(exponent)})
    except ValueError:
        raise _Unusable("its numbers are not an RSA key") from None


def _ec(members: Mapping[str, object]) -> ECKey:
    curve = members.get("crv")
    octets = _COORDINATE_BYTES.get(curve) if isinstance(curve, str) else None
    if octets is None:
        raise _Unusable(f"`crv` is not one of {', '.join(_COORDINATE_BYTES)}")
    x, y = (base64url.encode(_integer(members, name, octets=octets)).decode() for name in ("x", "y"))
    try:
        return ECKey.import_key({"kty": "EC", "crv": str(curve), "x": x, "y": y})
    except ValueError:
        raise _Unusable("its point is not on the curve") from None


def _uint(number: int) -> str:
    """Base64urlUInt: the fewest octets (RFC 7518 section 2)."""
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8)).decode()
