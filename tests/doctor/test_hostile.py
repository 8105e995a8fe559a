"""What servers and files of strangers may do: the doctor comes to an end, says so, and passes nothing on."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from daypass.doctor.checks.certificates import MOST
from daypass.doctor.examine import Question, examine
from daypass.doctor.judge import judge
from daypass.doctor.reports.html import as_html
from daypass.fetching import Limits
from support.healthy import changed
from support.https_issuer import HttpsIssuer, https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from daypass.doctor.facts import Facts

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "all the same")])
_ALTERNATIVE = x509.ObjectIdentifier("2.5.29.17")


@pytest.fixture
def issuer(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as found:
        yield found


def _codes(changes: dict[str, Any]) -> set[str]:
    return {each.code for each in judge(changed(changes)).findings}


def _ask(issuer: HttpsIssuer, ca_file: Path) -> Facts:
    question = Question(
        issuer=issuer.url, ca_files=(ca_file,), allow_private=frozenset({"localhost"}), limits=Limits(total_seconds=2.0)
    )
    return asyncio.run(examine(question, lambda: datetime.now(UTC)))


def _certificate(
    key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
) -> bytes:
    made = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 9, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 12, 1, tzinfo=UTC))
    )
    for each in extensions:
        made = made.add_extension(each, critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


_KEY = ec.generate_private_key(ec.SECP256R1())
_GOOD = _certificate(_KEY, _KEY, x509.SubjectAlternativeName([x509.DNSName("idp.example.com")]))
_TWO = _certificate(
    _KEY,
    _KEY,
    x509.SubjectAlternativeName([x509.DNSName("idp.example.com")]),
    x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]),
)
_ODD = {
    "version 5": _GOOD.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020104")),
    "an extension twice": _TWO.replace(bytes.fromhex("0603551d25"), bytes.fromhex("0603551d11")),
    "an EDI party's name": _certificate(
        _KEY, _KEY, x509.UnrecognizedExtension(_ALTERNATIVE, bytes.fromhex("3004a3020500"))
    ),
    "names that are no ASN.1": _certificate(_KEY, _KEY, x509.UnrecognizedExtension(_ALTERNATIVE, b"\xff")),
    "a subject that is not UTF-8": _GOOD.replace(b"all the same", b"all the \xff\xff\xff\xff"),
    "a month 99": _GOOD.replace(b"260901000000Z", b"269901000000Z"),
    "a curve that nobody knows": _GOOD.replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030199")),
    "a signature that nobody knows": _GOOD.replace(
        bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040399")
    ),
    "cut short": _GOOD[:-20],
}


@pytest.mark.parametrize("name", _ODD)
@pytest.mark.parametrize("first", [True, False])
def test_a_certificate_that_breaks_the_rules_breaks_nothing_here(name: str, *, first: bool) -> None:
    assert _ODD[name] != _GOOD
    chain = [ssl.DER_cert_to_PEM_cert(each) for each in (_ODD[name], _GOOD)]
    facts = changed({"hosts.0.tls.chain": chain if first else chain[::-1]})
    diagnosis = judge(facts)
    assert {each.code for each in diagnosis.findings} & {"chain_unreadable", "chain_extra", "chain_order"}
    assert "Certificates" in as_html(facts, diagnosis, version="1")


def test_a_thousand_certificates_of_one_name_take_no_time_to_judge() -> None:
    """Each could have signed each other, so their order is found by trying."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(301)]
    line = [_certificate(keys[index], keys[index + 1]) for index in range(300)]
    served = [line[0], *reversed(line[1:])]
    began = time.monotonic()
    codes = _codes({"hosts.0.tls.chain": [ssl.DER_cert_to_PEM_cert(each) for each in served]})
    assert time.monotonic() - began < 1
    assert "chain_too_many" in codes
    assert "chain_too_many" not in _codes(
        {"hosts.0.tls.chain": [ssl.DER_cert_to_PEM_cert(each) for each in served[:MOST]]}
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "9" * 5000),
        ("age", "\u0661"),
        ("cache-control", "max-age=" + "9" * 5000),
        ("date", "Mon, 21 Sep 99999999999 14:13:20 GMT"),
        ("date", "Mon, 21 Sep 2026 14:13:20 +99999999999999999999"),
        ("date", "Mon, 21 Sep " + "9" * 5000 + " 14:13:20 GMT"),
        ("date", ", ,"),
    ],
)
def test_a_header_with_any_number_is_read_as_none(name: str, value: str) -> None:
    own = {"content-type": "application/json", "date": "Mon, 21 Sep 2026 14:13:20 GMT", name: value}
    assert _codes({"discovery.*.headers": [[*each] for each in own.items()]}) <= {"cache_too_long"}


@pytest.mark.parametrize(
    "path", ["/" + "k" * 70_000, "/?" + "k" * 70_000, "/a b", '/"<>\\^`{|}', "/\x1b[31m", "/#keys", "/%zz"]
)
def test_an_address_of_keys_that_cannot_be_asked_is_a_finding(issuer: HttpsIssuer, ca_file: Path, path: str) -> None:
    metadata = {"issuer": issuer.url, "jwks_uri": f"https://localhost:{issuer.port}{path}"}
    issuer.documents["/t/.well-known/openid-configuration"] = json.dumps(metadata).encode()
    codes = {each.code for each in judge(_ask(issuer, ca_file)).findings}
    assert codes & {"jwks_uri_invalid", "http_status", "body_not_json"}
    assert "sts_refuses" not in codes


@pytest.mark.parametrize(
    "body",
    [
        b'{"n": "AQAB", "e": "AQAB", "d": "the-very-private-exponent"}',
        b'{"kid": "a", "k": "the-very-private-exponent"}',
        b'{"keys": [{"kty": "RSA", "d": "the-very-private-exponent"}], "keys": []}',
        b'{"keys": [{"kty": "RSA", "d": "the-very-private-exponent"',
    ],
)
@pytest.mark.parametrize("where", ["/t/.well-known/openid-configuration", "/keys"])
def test_a_private_key_is_left_out_wherever_it_is_published(
    issuer: HttpsIssuer, ca_file: Path, body: bytes, where: str
) -> None:
    issuer.documents[where] = body
    facts = _ask(issuer, ca_file)
    assert facts.discovery[0].status == 200
    assert "the-very-private" not in json.dumps(facts.to_json())


def test_keys_that_aws_does_not_use_do_not_matter() -> None:
    """Beside the key that signs: one to encrypt with, as short as it likes, and one of an algorithm of others."""
    own = json.loads(changed({}).keys[0].body)["keys"][0]
    short = "AQAB" * 32
    others = [
        {"kty": "RSA", "use": "enc", "kid": "two", "n": short, "e": "AQAB", "key_ops": ["encrypt"]},
        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "three", "key_ops": ["verify"]},
        {**own, "alg": "ES256"},  # the same key again, with its algorithm
    ]
    assert _codes({"keys.*.body": json.dumps({"keys": [own, *others]})}) == set()
    other = {**own, "x": "AAAA"}
    assert "key_kid_twice" in _codes({"keys.*.body": json.dumps({"keys": [own, other]})})
