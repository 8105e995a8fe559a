"""A certificate authority for this machine, so that even a first try runs over real TLS.

It lives in one folder and signs certificates for loopback names only: its certificate carries a critical name
constraint, so whoever trusts it trusts it for `localhost` and nothing else (RFC 5280 section 4.2.1.10).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from daypass import files
from daypass.errors import FileUnavailable

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK_NAMES: Final = ("localhost",)
LOOPBACK_ADDRESSES: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))

_AUTHORITY_DAYS: Final = 365
_LEAF_DAYS: Final = 90
_MARGIN: Final = timedelta(days=7)
_MAX_PEM_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class LocalCertificate:
    """Paths of PEM files: the authority to trust, and a server certificate (with its key) that it signed."""

    authority: Path
    certificate: Path
    private_key: Path


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    files.write_atomic(
        path,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _read_certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(files.read_private(path, max_bytes=_MAX_PEM_BYTES))
    except ValueError:
        return None
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return None
        raise


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = serialization.load_pem_private_key(files.read_private(path, max_bytes=_MAX_PEM_BYTES), password=None)
    except ValueError:
        return None
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return None
        raise
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _still_good(certificate: x509.Certificate | None, key: ec.EllipticCurvePrivateKey | None, *, now: datetime) -> bool:
    return (
        certificate is not None
        and key is not None
        and certificate.public_key() == key.public_key()
        and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _MARGIN
    )


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name | None, *, now: datetime, days: int
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _make_authority(key: ec.EllipticCurvePrivateKey, *, now: datetime) -> x509.Certificate:
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in LOOPBACK_NAMES]
    permitted += [x509.IPAddress(ipaddress.ip_network(address)) for address in LOOPBACK_ADDRESSES]
    return (
        _builder("Daypass local authority", key, None, now=now, days=_AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _make_leaf(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in LOOPBACK_NAMES]
    names += [x509.IPAddress(address) for address in LOOPBACK_ADDRESSES]
    return (
        _builder("localhost", key, authority.subject, now=now, days=_LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def local_certificate(folder: Path, *, now: datetime) -> LocalCertificate:
    """The authority and a server certificate for this machine, made or renewed in `folder` when needed.

    Raises:
        FileUnsafe: when a key file there is readable by others.
        FileUnavailable: when the folder cannot be written.
    """
    paths = LocalCertificate(folder / "ca.pem", folder / "localhost.pem", folder / "localhost-key.pem")
    authority_key_path = folder / "ca-key.pem"
    authority, authority_key = _read_certificate(paths.authority), _read_key(authority_key_path)
    if authority is None or authority_key is None or not _still_good(authority, authority_key, now=now):
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _make_authority(authority_key, now=now)
        _write_key(authority_key_path, authority_key)
        files.write_atomic(paths.authority, authority.public_bytes(serialization.Encoding.PEM))
    leaf, leaf_key = _read_certificate(paths.certificate), _read_key(paths.private_key)
    if leaf is None or not _still_good(leaf, leaf_key, now=now) or not _signed_by(leaf, authority):
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf = _make_leaf(leaf_key, authority, authority_key, now=now)
        _write_key(paths.private_key, leaf_key)
        files.write_atomic(paths.certificate, leaf.public_bytes(serialization.Encoding.PEM))
    return paths
