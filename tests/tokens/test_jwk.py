"""Keys: rules, thumbprints, the published examples, and that private ones stay private."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daypass.errors import KeyRefused
from daypass.tokens import base64url, roca
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.jwk import PrivateKey, PublicKey, is_kid
from support.tokens import private_key

RFC_7638_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
    "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ"
    "zKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}

RFC_7515_PAYLOAD = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
RFC_7515 = {
    "A.2": (
        {
            "kty": "RSA",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT"
            "-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE"
            "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PA"
            "cDTW9gb54h4FRWyuXpoQ",
            "e": "AQAB",
        },
        "RS256",
        "eyJhbGciOiJSUzI1NiJ9." + RFC_7515_PAYLOAD,
        (
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr"
            "7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi1"
            "2jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGl"
            "UPQGe77Rw"
        ),
    ),
    "A.3": (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
        "ES256",
        "eyJhbGciOiJFUzI1NiJ9." + RFC_7515_PAYLOAD,
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    "A.4": (
        {
            "kty": "EC",
            "crv": "P-521",
            "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        },
        "ES512",
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
        (
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZC"
            "PEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
        ),
    ),
}


def test_rfc_7638_section_3_1() -> None:
    key = PublicKey.from_jwk(RFC_7638_KEY)
    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert (key.kid, key.kty, key.algorithm) == ("2011-04-29", "RSA", "RS256")
    assert key.to_jwk() == RFC_7638_KEY | {"use": "sig"}


@pytest.mark.parametrize("appendix", RFC_7515)
def test_rfc_7515_appendix(appendix: str) -> None:
    jwk, algorithm, content, signature = RFC_7515[appendix]
    key = PublicKey.from_jwk(jwk)
    good = base64url.decode(signature)
    assert key.verifies(content.encode(), good, algorithm=algorithm)
    assert not key.verifies(content.encode() + b"x", good, algorithm=algorithm)
    assert not key.verifies(content.encode(), good[:-1] + bytes([good[-1] ^ 1]), algorithm=algorithm)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_generated_key(algorithm: str) -> None:
    key = private_key(algorithm)
    again = PrivateKey.from_pkcs8(key.to_pkcs8(), algorithm=algorithm)
    assert again.kid == key.kid == key.public.kid == key.public.thumbprint
    assert again.public == key.public == PublicKey.from_jwk(key.public.to_jwk())
    assert key.public.algorithms == {algorithm}
    assert set(key.public.to_jwk()) == {"kty", "use", "alg", "kid"} | (
        {"n", "e"} if algorithm.startswith("RS") else {"crv", "x", "y"}
    )
    assert key.public.verifies(b"x", again.sign(b"x"), algorithm=algorithm)
    for other in ALGORITHMS - {algorithm}:
        assert not key.public.verifies(b"x", key.sign(b"x"), algorithm=other)


def test_an_rsa_key_without_alg_is_for_three_algorithms() -> None:
    key = PublicKey.from_jwk({name: RFC_7638_KEY[name] for name in ("kty", "n", "e")})
    assert key.algorithm is None
    assert key.algorithms == {"RS256", "RS384", "RS512"}
    assert "alg" not in key.to_jwk()
    assert key.kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def pkcs8(key: Any) -> bytes:
    data = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert isinstance(data, bytes)
    return data


@pytest.mark.parametrize(
    ("key", "algorithm", "reason"),
    [
        (rsa.generate_private_key(65537, 1024), "RS256", "fewer than 2048"),
        (rsa.generate_private_key(3, 2048), "RS256", "exponent"),
        (ec.generate_private_key(ec.SECP256K1()), "ES256", "not PKCS #8"),
        (ec.generate_private_key(ec.BrainpoolP256R1()), "ES256", "not PKCS #8"),
        (ec.generate_private_key(ec.SECP384R1()), "ES256", "`alg`"),
        (ec.generate_private_key(ec.SECP256R1()), "RS256", "`alg`"),
        (ec.generate_private_key(ec.SECP256R1()), "none", "algorithm unknown"),
        (ed25519.Ed25519PrivateKey.generate(), "ES256", "not PKCS #8"),
        (dsa.generate_private_key(1024), "ES256", "not PKCS #8"),
    ],
)
@pytest.mark.filterwarnings("ignore:Key size should be:joserfc.errors.SecurityWarning")
def test_a_private_key_passes_the_same_rules(key: Any, algorithm: str, reason: str) -> None:
    with pytest.raises(KeyRefused) as refusal:
        PrivateKey.from_pkcs8(pkcs8(key), algorithm=algorithm)
    assert reason in str(refusal.value.facts["reason"])


@pytest.mark.parametrize("der", [b"", b"\x30", b"-----BEGIN PRIVATE KEY-----", b"\x00" * 100])
def test_bytes_that_are_no_key_are_refused(der: bytes) -> None:
    with pytest.raises(KeyRefused, match="not a PKCS #8 key"):
        PrivateKey.from_pkcs8(der, algorithm="ES256")


def test_no_key_is_made_for_an_unknown_algorithm() -> None:
    with pytest.raises(KeyRefused, match="not one of RS256"):
        PrivateKey.generate("HS256")


def test_the_refusal_names_key_and_reason() -> None:
    with pytest.raises(KeyRefused) as refusal:
        PublicKey.from_jwk(RFC_7638_KEY | {"use": "enc"})
    assert refusal.value.message == "key `2011-04-29` is refused: `use` is not sig"
    assert refusal.value.facts == {"reason": "`use` is not sig", "kid": "2011-04-29"}


def test_an_unbounded_kid_is_not_echoed() -> None:
    with pytest.raises(KeyRefused) as refusal:
        PublicKey.from_jwk(RFC_7638_KEY | {"kid": "k" * 5000})
    assert len(refusal.value.message) + len(str(refusal.value.facts)) < 500


def test_kid_is_printable_ascii() -> None:
    assert is_kid("a b")
    assert is_kid("k" * 256)
    for value in ("", "k" * 257, "a\n", "é", None, 1, b"a"):
        assert not is_kid(value)


def test_roca_is_told_from_other_moduli() -> None:
    assert roca.is_fingerprinted(65537**120)
    assert not any(
        roca.is_fingerprinted(rsa.generate_private_key(65537, 1024).public_key().public_numbers().n) for _ in range(20)
    )


class TestPrivateKeysStayPrivate:
    """Nothing but `to_pkcs8` gives key material away."""

    @pytest.fixture(params=["RS256", "ES256"])
    def key(self, request: pytest.FixtureRequest) -> PrivateKey:
        key = private_key(request.param)
        key.sign(b"x")  # fills what the library keeps
        return key

    def secrets(self, key: PrivateKey) -> list[str]:
        values = key._key.as_dict(private=True)
        names = [name for name in ("d", "p", "q", "dp", "dq", "qi") if name in values]
        assert names
        numbers = [int.from_bytes(base64url.decode(str(values[name]))) for name in names]
        return [str(values[name]) for name in names] + [str(n) for n in numbers] + [f"{n:x}" for n in numbers]

    def test_in_text(self, key: PrivateKey) -> None:
        shown = (
            f"{key!r} {key!s} {key} {key.public!r} {key.public} {[key]} {key._key!r} {dir(key)} {key.public.to_jwk()}"
        )
        assert repr(key) == f"PrivateKey(kid='{key.kid}')"
        assert not any(secret in shown for secret in self.secrets(key))

    def test_in_pickles_and_copies(self, key: PrivateKey) -> None:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="not pickled"):
                attempt(key)
        with pytest.raises(TypeError):
            pickle.dumps(key.public)

    def test_in_tracebacks(self, key: PrivateKey) -> None:
        try:
            key.sign("not bytes")  # type: ignore[arg-type]  # to make it fail inside
        except Exception as fault:  # noqa: BLE001  # whatever it is, it must not tell
            shown = "".join(traceback.TracebackException.from_exception(fault, capture_locals=True).format())
        else:
            pytest.fail("signed text")
        assert "sign" in shown
        assert not any(secret in shown for secret in self.secrets(key))

    def test_in_refusals(self, key: PrivateKey) -> None:
        with pytest.raises(KeyRefused) as refusal:
            PublicKey.from_jwk(key._key.as_dict(private=True))
        shown = f"{refusal.value!r} {refusal.value.facts} {refusal.value.advice}"
        assert not any(secret in shown for secret in self.secrets(key))
