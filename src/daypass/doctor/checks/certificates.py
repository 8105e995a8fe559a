"""A chain of certificates as it was served, and as it should have been."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

MOST: Final = 20
"""Certificates of a chain that are looked at. Its order is found by trying signatures, each with each."""

UNREADABLE: Final = (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What a certificate that breaks RFC 5280 raises, often not before the part is asked for that breaks it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a server sent.

    Attributes:
        served: the certificates, in the order of the wire; of more than `MOST` the first ones.
        duplicates: positions (from 0) of certificates that were there before.
        path: the certificates from the server's own to the top, each signed by the next, as far as they were sent.
        extra: positions of those that are neither on the path nor duplicates.
    """

    served: tuple[x509.Certificate, ...]
    duplicates: tuple[int, ...]
    path: tuple[x509.Certificate, ...]
    extra: tuple[int, ...]

    @property
    def first_wrong(self) -> int | None:
        """The first position (from 0) where another certificate should be, duplicates and extra ones left out."""
        left_out = {*self.duplicates, *self.extra}
        kept = [index for index in range(len(self.served)) if index not in left_out]
        wrong = (index for index, right in zip(kept, self.path, strict=True) if self.served[index] != right)
        return next(wrong, None)

    @property
    def top(self) -> x509.Certificate:
        """The last of the path."""
        return self.path[-1]


@lru_cache(maxsize=32)
def read(pems: tuple[str, ...], host: str) -> Chain | None:
    """A chain of PEM certificates; None when there is none, or one cannot be read."""
    try:
        served = tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in pems[:MOST])
        _demand_readable(served)
    except UNREADABLE:
        return None
    if not served:
        return None
    duplicates = tuple(index for index, each in enumerate(served) if each in served[:index])
    unique = [each for index, each in enumerate(served) if index not in duplicates]
    path = [_own(unique, host)]
    while not is_self_issued(path[-1]):
        above = next((each for each in unique if each not in path and signed_by(path[-1], each)), None)
        if above is None:
            break
        path.append(above)
    extra = tuple(i for i, each in enumerate(served) if i not in duplicates and each not in path)
    return Chain(served, duplicates, tuple(path), extra)


def _demand_readable(certificates: tuple[x509.Certificate, ...]) -> None:
    """Read now what is read late, so that nothing breaks where a chain is judged."""
    for each in certificates:
        _ = each.subject, each.issuer, each.not_valid_before_utc, each.not_valid_after_utc


def _own(certificates: list[x509.Certificate], host: str) -> x509.Certificate:
    """The server's own: the one for its name, else the first that is no authority's, else the first."""
    named = (each for each in certificates if names_host(each, host))
    workers = (each for each in certificates if not is_authority(each))
    return next(named, None) or next(workers, None) or certificates[0]


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether it signed itself."""
    return certificate.subject == certificate.issuer and signed_by(certificate, certificate)


def signed_by(certificate: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether `other` signed it."""
    try:
        certificate.verify_directly_issued_by(other)
    except (*UNREADABLE, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign others (RFC 5280 section 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names that it is for (RFC 5280 section 4.2.1.6); the common name has not counted since RFC 6125."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *(str(each) for each in names.get_values_for_type(x509.IPAddress)),
    )


def names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether one of its names is the host's (RFC 6125 section 6.4: `*` stands for one whole first label)."""
    try:
        wanted = str(ipaddress.ip_address(host))
    except ValueError:
        wanted = host.lower()
    rest = wanted.partition(".")[2]
    return any(
        name.lower() == wanted or (rest and name.startswith("*.") and name[2:].lower() == rest)
        for name in names_of(certificate)
    )


def called(certificate: x509.Certificate) -> str:
    """How people know it: its common name, else its first name, else its whole subject."""
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if common:
        return str(common[0].value)
    return next(iter(names_of(certificate)), certificate.subject.rfc4514_string() or "a certificate without name")


def der(certificate: x509.Certificate) -> bytes:
    """Its bytes."""
    return certificate.public_bytes(Encoding.DER)
