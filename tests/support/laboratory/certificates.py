"""Certificates of every quality, made once per test run: an authority, two intermediates below it, and leaves."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY: Final = timedelta(days=1)
_NOW: Final = datetime.now(UTC).replace(microsecond=0)
_PAST: Final = (_NOW - 60 * _DAY, _NOW - 10 * _DAY)
_PRESENT: Final = (_NOW - 10 * _DAY, _NOW + 60 * _DAY)
_ENDING: Final = (_NOW - 10 * _DAY, _NOW + 2 * _DAY)
_FUTURE: Final = (_NOW + 10 * _DAY, _NOW + 60 * _DAY)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @cached_property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @cached_property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@cache
def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _made(
    name: str,
    issuer: Certificate | None,
    *,
    hosts: Sequence[str] = (),
    valid: tuple[datetime, datetime] = _PRESENT,
) -> Certificate:
    """A certificate; of an authority when it has no hosts, self-signed when it has no issuer."""
    key = _key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
        )
    else:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
             "decipher_only"), False,
        )  # fmt: skip
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True
        )
    return Certificate(builder.sign(signer, hashes.SHA256()), key)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@cache
def authority(name: str) -> Certificate:
    """The authority of this name: `root`, `top` below it, `lower` below that, `expired` below the root;
    `stranger`, and `private` below it."""
    if name == "top":
        return _made("Laboratory Intermediate", authority("root"))
    if name == "lower":
        return _made("Laboratory Issuing", authority("top"))
    if name == "expired":
        return _made("Laboratory Expired Intermediate", authority("root"), valid=_PAST)
    if name == "private":
        return _made("Somebody Else's Intermediate", authority("stranger"))
    return _made({"root": "Laboratory Root", "stranger": "Somebody Else's Root"}[name], None)


def leaf(kind: str, hosts: Sequence[str], issuer: str) -> Certificate:
    """A server's certificate: `good`, `expired`, `expires-soon`, `not-yet-valid`, `wrong-host` or `self-signed`."""
    if kind == "self-signed":
        return _made("Laboratory Self-Signed", None, hosts=hosts)
    if kind == "wrong-host":
        hosts = ["other.example.com"]
    valid = {"expired": _PAST, "not-yet-valid": _FUTURE, "expires-soon": _ENDING}.get(kind, _PRESENT)
    return _made("Laboratory Server", authority(issuer), hosts=hosts, valid=valid)


def chain(names: Sequence[str], server: Certificate) -> bytes:
    """PEM of the certificates in the order in which they are to be sent; the first is `leaf`."""
    return b"".join(server.pem if name == "leaf" else authority(name).pem for name in names)
