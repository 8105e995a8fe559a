"""One test per published attack, named for it. Each forges as the attacker did; none may be let in."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
import tracemalloc
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from daypass.errors import (
    DaypassError,
    TokenAlgorithmRefused,
    TokenHeaderRefused,
    TokenKeyUnknown,
    TokenKindWrong,
    TokenMalformed,
    TokenRefused,
    TokenSignatureInvalid,
    TokenTooLarge,
)
from daypass.tokens import base64url
from daypass.tokens.algorithms import ALGORITHMS, BY_NAME
from daypass.tokens.jwk import PublicKey
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from daypass.tokens.peek import peek
from daypass.tokens.verify import VerifiedClaims, verify
from support.tokens import private_key

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
START = int(NOW.timestamp())
CLAIMS = {
    "iss": "https://idp.example.com",
    "sub": "administrator",
    "aud": "sts.amazonaws.com",
    "iat": START,
    "exp": START + 300,
}
VICTIM = private_key("RS256", "victim")
KEYS = KeySet([VICTIM.public])


def attempt(token: str, keys: KeySet = KEYS) -> VerifiedClaims:
    return verify(
        token,
        keys=keys,
        issuer="https://idp.example.com",
        audience="sts.amazonaws.com",
        algorithms=ALGORITHMS,
        now=NOW,
    )


def unsigned(header: dict[str, object], claims: object = None) -> bytes:
    parts = (json.dumps(part).encode() for part in (header, CLAIMS if claims is None else claims))
    return b".".join(map(base64url.encode, parts))


def compact(content: bytes, signature: bytes) -> str:
    return (content + b"." + base64url.encode(signature)).decode()


def test_the_victims_own_token_is_accepted() -> None:
    """Else every test below would pass for the wrong reason."""
    assert attempt(mint(CLAIMS, VICTIM).reveal())["sub"] == "administrator"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, [], ["none"], 0, {"alg": "RS256"}])
@pytest.mark.parametrize("keep_signature", [True, False])
def test_cve_2015_9235_alg_none(alg: object, keep_signature: bool) -> None:  # noqa: FBT001  # a parameter of pytest's
    content = unsigned({"alg": alg, "kid": VICTIM.kid})
    with pytest.raises(TokenAlgorithmRefused):
        attempt(compact(content, VICTIM.sign(content) if keep_signature else b""))


def public_key_texts() -> dict[str, bytes]:
    raw = VICTIM.public._key.public_key
    pem = raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "spki-pem": pem,
        "spki-pem-without-final-newline": pem.rstrip(b"\n"),
        "spki-der": raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "pkcs1-pem": raw.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "pkcs1-der": raw.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "jwk": json.dumps(VICTIM.public.to_jwk()).encode(),
        "jwks": KEYS.document(),
        "modulus": VICTIM.public.to_jwk()["n"].encode(),
    }


@pytest.mark.parametrize("text", public_key_texts())
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_cve_2016_10555_public_key_as_hmac_secret(alg: str, text: str) -> None:
    """Also PyJWT's CVE-2017-11424 and CVE-2022-29217, python-jose's CVE-2024-33663, Authlib's CVE-2024-37568."""
    content = unsigned({"alg": alg, "kid": VICTIM.kid})
    with pytest.raises(TokenAlgorithmRefused):
        attempt(compact(content, hmac.digest(public_key_texts()[text], content, f"sha{alg[2:]}")))


def test_cve_2026_48523_another_algorithm_than_the_header_says() -> None:
    keys = KeySet([PublicKey.from_jwk({**VICTIM.public.to_jwk(), "alg": "RS512"})])
    content = unsigned({"alg": "RS256", "kid": VICTIM.kid})
    with pytest.raises(TokenAlgorithmRefused):
        attempt(compact(content, BY_NAME["RS512"].model.sign(content, VICTIM._key)), keys)


@pytest.mark.parametrize("header", ["jwk", "x5c"])
def test_cve_2018_0114_key_in_the_token(header: str) -> None:
    """Also Authlib's CVE-2026-27962."""
    attacker = private_key("RS256", "attacker")
    for kid in ({"kid": VICTIM.kid}, {"kid": attacker.kid}, {}):
        content = unsigned({"alg": "RS256", header: attacker.public.to_jwk(), **kid})
        with pytest.raises((TokenHeaderRefused, TokenKeyUnknown)):
            attempt(compact(content, attacker.sign(content)))


@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_rfc_8725_3_10_address_of_a_key_in_the_token(header: str) -> None:
    attacker = private_key("RS256", "attacker")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        content = unsigned({"alg": "RS256", "kid": VICTIM.kid, header: address})
        with pytest.raises(TokenHeaderRefused):
            attempt(compact(content, attacker.sign(content)))
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "kid", ["../../../../dev/null", "x' UNION SELECT 'AA", "|sleep 5", "a)(uid=*", "a\u2028b", "k" * 10_000, "\\"]
)
def test_rfc_8725_3_10_kid_that_means_something_elsewhere(kid: str) -> None:
    content = unsigned({"alg": "RS256", "kid": kid})
    with pytest.raises(TokenKeyUnknown) as refusal:
        attempt(compact(content, b"\0"))
    assert refusal.value.message == "no usable key of the issuer has the token's `kid`"
    assert len(str(refusal.value.facts)) < 300


@pytest.mark.parametrize("header", [{"crit": ["bork"], "bork": 1}, {"crit": ["b64"], "b64": False}, {"b64": False}])
def test_cve_2026_32597_crit_that_is_not_understood(header: dict[str, object]) -> None:
    """Also Authlib's CVE-2025-59420. The signature is good: the victim itself signed such a token."""
    content = unsigned({"alg": "RS256", "kid": VICTIM.kid, **header})
    with pytest.raises(TokenHeaderRefused):
        attempt(compact(content, VICTIM.sign(content)))


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt"])
def test_rfc_8725_3_11_another_kind_of_token(typ: str) -> None:
    with pytest.raises(TokenKindWrong):
        attempt(mint(CLAIMS, VICTIM, typ=typ).reveal())


def test_cve_2022_39227_json_and_compact_at_once() -> None:
    header, payload, signature = mint(CLAIMS, VICTIM).reveal().split(".")
    forged = base64url.encode(json.dumps({**CLAIMS, "sub": "forged"}).encode()).decode()
    polyglot = f'{{"  {header}.{forged}.":"","protected":"{header}", "payload":"{payload}","signature":"{signature}"}}'
    with pytest.raises(TokenMalformed):
        attempt(polyglot)


@pytest.mark.parametrize("segments", [4, 5, 6])
def test_cve_2024_28180_encrypted_tokens_are_not_opened(segments: int) -> None:
    """Zip bombs, and key derivation a million times over (CVE-2023-49290, CVE-2023-6681), begin with a JWE."""
    header = base64url.encode(b'{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","zip":"DEF","p2c":2147483647,"p2s":"AA"}')
    with pytest.raises(TokenMalformed):
        attempt(".".join([header.decode(), *["AAAA"] * (segments - 1)]))


@pytest.mark.parametrize(("character", "times"), [(".", 10_000_000), ("a", 100_000_000), (".", 20_001)])
def test_cve_2025_27144_texts_of_dots_and_texts_without_end(character: str, times: int) -> None:
    """Also CVE-2025-30204, CVE-2025-61920, CVE-2025-66506, CVE-2024-34079."""
    text = character * times
    tracemalloc.start()
    try:
        before = time.process_time()
        with pytest.raises(TokenTooLarge):
            attempt(text)
        assert time.process_time() - before < 0.1
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("segment", [0, 1])
def test_cve_2025_6203_deep_json(segment: int, opening: str) -> None:
    """Also CVE-2025-12044, CVE-2025-59043: the answer is a refusal, not a RecursionError."""
    parts = [b'{"alg":"RS256"}', b"{}"]
    parts[segment] = b'{"a":' + opening.encode() * (14_000 // len(opening))
    with pytest.raises(TokenMalformed, match="nested deeper than 32"):
        attempt(compact(b".".join(map(base64url.encode, parts)), b"\0"))


def test_cve_2020_10735_integer_of_many_digits() -> None:
    content = base64url.encode(b'{"alg":"RS256"}') + b"." + base64url.encode(b'{"exp":' + b"9" * 14_000 + b"}")
    with pytest.raises(TokenMalformed, match="number out of range"):
        attempt(compact(content, b"\0"))


@pytest.mark.parametrize("name", ['"sub"', '"\\u0073ub"'])
def test_rfc_8725_2_4_two_readers_two_subjects(name: str) -> None:
    payload = json.dumps(CLAIMS)[:-1] + f", {name}: "
    content = base64url.encode(json.dumps({"alg": "RS256", "kid": VICTIM.kid}).encode())
    content += b"." + base64url.encode((payload + '"nobody"}').encode())
    with pytest.raises(TokenMalformed, match="comes twice"):
        attempt(compact(content, VICTIM.sign(content)))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
@pytest.mark.parametrize(
    "form", ["zero", "r-zero", "s-zero", "n", "n-plus-1", "der", "short", "long", "empty", "swapped"]
)
def test_cve_2022_21449_psychic_signatures(algorithm: str, form: str) -> None:
    key = private_key(algorithm)
    size, order = {
        "ES256": (32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
        "ES384": (
            48,
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        ),
        "ES512": (66, 2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7),
    }[algorithm]
    content = unsigned({"alg": algorithm, "kid": key.kid})
    good = key.sign(content)
    raw = key._key.private_key
    one, zero = (1).to_bytes(size), bytes(size)
    signature = {
        "zero": zero + zero,
        "r-zero": zero + good[size:],
        "s-zero": good[:size] + zero,
        "n": order.to_bytes(size) * 2,
        "n-plus-1": (order + 1).to_bytes(size) + one,
        "der": der_signature(raw, algorithm, content),
        "short": good[:-1],
        "long": good + b"\0",
        "empty": b"",
        "swapped": good[size:] + good[:size],
    }[form]
    assert len(good) == 2 * size
    assert attempt(compact(content, good), KeySet([key.public]))
    with pytest.raises(TokenSignatureInvalid):
        attempt(compact(content, signature), KeySet([key.public]))


def der_signature(raw: object, algorithm: str, content: bytes) -> bytes:
    assert isinstance(raw, ec.EllipticCurvePrivateKey)
    digests: dict[str, hashes.HashAlgorithm] = {
        "ES256": hashes.SHA256(),
        "ES384": hashes.SHA384(),
        "ES512": hashes.SHA512(),
    }
    return raw.sign(content, ec.ECDSA(digests[algorithm]))


def test_cve_2006_4339_forgery_without_the_key_when_the_exponent_is_3() -> None:
    """A cube root of padding, hash and rubbish passes a verifier that does not look behind the hash."""
    content = unsigned({"alg": "RS256", "kid": "weak"})
    digest_info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(content).digest()
    wanted = b"\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00" + digest_info
    root = cube_root(int.from_bytes(wanted + b"\xff" * (256 - len(wanted))))
    assert (root**3).to_bytes(256).startswith(wanted)
    weak = {"kty": "RSA", "n": VICTIM.public.to_jwk()["n"], "e": "Aw", "kid": "weak"}
    keys = KeySet.parse(json.dumps({"keys": [weak]}).encode())
    with pytest.raises(TokenKeyUnknown):
        attempt(compact(content, root.to_bytes(256)), keys)


def cube_root(number: int) -> int:
    """The largest integer whose cube is not above `number`."""
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


def test_cve_2024_51744_forged_and_expired_is_forged() -> None:
    content = unsigned({"alg": "RS256", "kid": VICTIM.kid}, {**CLAIMS, "exp": 1, "iss": "https://other.example.com"})
    with pytest.raises(TokenSignatureInvalid) as refusal:
        attempt(compact(content, private_key("RS256", "attacker").sign(content)))
    assert "problems" not in refusal.value.facts


@pytest.mark.parametrize(
    "issuer", ["https://idp.example.com/", "https://idp.example.co", "h", "", ["https://idp.example.com"], None]
)
def test_cve_2024_53861_issuer_matched_in_part(issuer: object) -> None:
    with pytest.raises(TokenRefused) as refusal:
        attempt(mint({**CLAIMS, "iss": issuer}, VICTIM).reveal())
    assert refusal.value.code == "token_issuer_mismatch"


def test_rfc_9207_one_issuers_kid_in_anothers_set() -> None:
    """Two issuers share a `kid`: a token is checked with the keys of the issuer it is presented for, and no others."""
    other = private_key("RS256", "attacker")
    same_kid = KeySet([PublicKey.from_jwk({**other.public.to_jwk(), "kid": VICTIM.kid})])
    with pytest.raises(TokenSignatureInvalid):
        attempt(mint(CLAIMS, VICTIM).reveal(), same_kid)


def test_every_refusal_is_a_refusal_of_ours() -> None:
    """Truncations of a good token: none ends in an error that a handler would not expect."""
    token = mint(CLAIMS, VICTIM).reveal()
    for length in range(len(token)):
        with pytest.raises(DaypassError):
            attempt(token[:length])
    assert peek(token).issuer == "https://idp.example.com"
