"""The key that AWS takes: certificates beside keys, and keys of poor quality."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daypass.sts.answers import NO_VERIFICATION_KEY, NOT_VALIDATED
from daypass.sts.keys import choose_key
from daypass.sts.refusal import Refusal
from daypass.tokens.jwk import PrivateKey, PublicKey
from daypass.tokens.key_set import KeySet


@cache
def made(kind: str, name: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    return rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())


def certificate(kind: str, name: str = "one") -> str:
    key, subject = made(kind, name), x509.Name([])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, SHA256())
    )
    return base64.b64encode(signed.public_bytes(Encoding.DER)).decode()


def entry(kind: str, **members: object) -> dict[str, object]:
    der = made(kind, "one").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = PrivateKey.from_pkcs8(der, algorithm="RS256" if kind == "RSA" else "ES256").public
    return {**public.to_jwk(), "kid": "k", **members}


def chosen(*entries: object, alg: str) -> PublicKey | Refusal:
    document = json.dumps({"keys": entries}).encode()
    return choose_key(KeySet.parse(document, duplicates="last"), {"alg": alg, "kid": "k"})


@pytest.mark.parametrize(("kind", "alg"), [("RSA", "RS256"), ("EC", "ES256")])
def test_a_certificate_must_be_of_the_key(kind: str, alg: str) -> None:
    assert isinstance(chosen(entry(kind, x5c=[certificate(kind)]), alg=alg), PublicKey)
    for chain in (
        [certificate(kind, "other")],
        [],
        "text",
        [7],
        ["!"],
        ["AAAA"],
        [certificate("EC" if kind == "RSA" else "RSA")],
    ):
        refusal = chosen(entry(kind, x5c=chain), alg=alg)
        assert isinstance(refusal, Refusal)
        assert refusal.message == NOT_VALIDATED.template


def test_a_certificate_alone_is_no_key() -> None:
    alone = {"kty": "RSA", "kid": "k", "x5c": [certificate("RSA")]}
    assert isinstance(chosen(alone, alg="RS256"), Refusal)


def test_a_weak_key_verifies_nothing() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = base64.urlsafe_b64encode(weak.n.to_bytes(128)).rstrip(b"=").decode()
    refusal = chosen({"kty": "RSA", "kid": "k", "n": modulus, "e": "AQAB"}, alg="RS256")
    assert isinstance(refusal, Refusal)
    assert "1024 bits" in refusal.detail


def test_what_is_no_key_is_passed_over() -> None:
    others = [
        "text",
        None,
        {"kty": "oct", "kid": "k", "k": "AAAA"},
        {"kty": "RSA", "kid": 7},
        {"kty": ["RSA"], "kid": "k"},
    ]
    refusal = chosen(*others, alg="RS256")
    assert isinstance(refusal, Refusal)
    assert refusal.message == NO_VERIFICATION_KEY.template
    assert isinstance(chosen(*others, entry("EC"), alg="ES256"), PublicKey)
