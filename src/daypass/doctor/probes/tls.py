"""One host's TLS: each version alone, the certificates exactly as served, and whether a client would believe them."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from daypass.doctor.facts import TlsFacts, TlsVersionFacts
from daypass.fetching.served_chain import served_chain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_VERSIONS: Final = (
    ("TLSv1", ssl.TLSVersion.TLSv1),
    ("TLSv1.1", ssl.TLSVersion.TLSv1_1),
    ("TLSv1.2", ssl.TLSVersion.TLSv1_2),
    ("TLSv1.3", ssl.TLSVersion.TLSv1_3),
)
_OLDEST: Final = ssl.TLSVersion.TLSv1


def looking(*, oldest: ssl.TLSVersion | None = None, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client that believes any certificate, to see what a server does. Nothing secret may pass it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if oldest is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # to try the old versions is the point
            context.minimum_version = oldest
            if newest is not None:
                context.maximum_version = newest
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


@lru_cache(maxsize=8)
def believing(files: tuple[tuple[str, bytes], ...]) -> ssl.SSLContext:
    """A client as any other: the public authorities, and those of PEM files, given with their content."""
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path, _ in files:
        context.load_verify_locations(cafile=path)
    return context


async def inspect(name: str, address: str, port: int, *, ca_files: Sequence[Path], seconds: float) -> TlsFacts:
    """Shake hands a few times, at once.

    Args:
        name: for SNI and for the certificate.
        address: a literal, or a name where another is asked instead.
        port: TCP.
        ca_files: PEM files of authorities that count as trusted.
        seconds: how long each handshake may take.
    """
    server = _Server(name, address, port, seconds)
    trusting = await asyncio.to_thread(lambda: believing(tuple((str(path), path.read_bytes()) for path in ca_files)))
    (seen, belief), versions = await asyncio.gather(
        asyncio.gather(_handshake(server, looking(oldest=_OLDEST)), _handshake(server, trusting)),
        asyncio.gather(*(_version(server, label, version) for label, version in _VERSIONS)),
    )
    if isinstance(seen, Exception):
        return TlsFacts(versions=tuple(versions), fault=_fault(seen, seconds))
    cipher = seen.cipher()
    facts = TlsFacts(
        versions=tuple(versions),
        negotiated=seen.version(),
        cipher=cipher[0] if cipher else None,
        chain=tuple(ssl.DER_cert_to_PEM_cert(der) for der in served_chain(seen)),
        trusted=not isinstance(belief, Exception),
    )
    if isinstance(belief, ssl.SSLCertVerificationError):
        return replace(facts, trust_code=belief.verify_code, trust_fault=belief.verify_message)
    return replace(facts, trust_fault=_fault(belief, seconds)) if isinstance(belief, Exception) else facts


class _Server(NamedTuple):
    name: str
    address: str
    port: int
    seconds: float


async def _version(server: _Server, label: str, version: ssl.TLSVersion) -> TlsVersionFacts:
    try:
        context = looking(oldest=version, newest=version)
    except (ValueError, ssl.SSLError):
        return TlsVersionFacts(label, None, "not in this machine's TLS")
    done = await _handshake(server, context)
    if not isinstance(done, Exception):
        return TlsVersionFacts(label, accepted=True)
    if getattr(done, "reason", None) in ("NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE"):
        return TlsVersionFacts(label, None, "not in this machine's TLS")
    if isinstance(done, TimeoutError):
        # Silence is no answer: on a busy machine it once passed for a version that is not offered.
        return TlsVersionFacts(label, None, _fault(done, server.seconds))
    return TlsVersionFacts(label, accepted=False, fault=_fault(done, server.seconds))


async def _handshake(server: _Server, context: ssl.SSLContext) -> ssl.SSLObject | Exception:
    try:
        async with asyncio.timeout(server.seconds):
            _, writer = await asyncio.open_connection(
                server.address, server.port, ssl=context, server_hostname=server.name
            )
    except (OSError, TimeoutError) as error:
        return error
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return connection


def _fault(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no handshake within {seconds:g} s"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was closed during the handshake"
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
