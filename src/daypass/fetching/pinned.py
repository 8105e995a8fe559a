"""The second way to believe a server's certificate: one that the owner has named by its thumbprint.

AWS looks at its own authorities first, and at the provider's thumbprints only when the chain leads to none of them (IAM
User Guide, "Obtain the thumbprint for an OpenID Connect identity provider"). Nothing is read over a connection whose
certificate was not verified: a first one only shows what is served, and on the one that asks, the certificate of the
matching thumbprint stands for an authority, and name, dates and signatures must be as ever.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

from daypass.fetching.served_chain import served_chain
from daypass.fetching.thumbprint import thumbprint

if TYPE_CHECKING:
    from collections.abc import Collection

# X509_verify_cert(3): an issuer is missing, a certificate signed itself, and the like; not dates, names or signatures.
_LEADS_NOWHERE: Final = frozenset({2, 18, 19, 20, 21})


def leads_nowhere(fault: BaseException | None) -> bool:
    """Whether a connection failed because the chain leads to no authority that is trusted."""
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return fault.verify_code in _LEADS_NOWHERE
        fault = fault.__cause__ or fault.__context__
    return False


async def pinned(name: str, address: str, port: int, thumbprints: Collection[str]) -> ssl.SSLContext | None:
    """What to connect with so that the top certificate a server shows now, and it alone, is the authority.

    Args:
        name: of the server, for SNI; whether the certificate is for it is checked when the context is used.
        address: where it is asked.
        port: likewise.
        thumbprints: SHA-1 in lower-case hex.

    Returns:
        None when none of them is the thumbprint of the last certificate served.

    Raises:
        OSError: when there is no TLS connection.
    """
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.minimum_version = ssl.TLSVersion.TLSv1_2
    looking.check_hostname, looking.verify_mode = False, ssl.CERT_NONE  # nothing is sent, nothing is read
    _, writer = await asyncio.open_connection(address, port, ssl=looking, server_hostname=name)
    chain = served_chain(writer.get_extra_info("ssl_object"))
    writer.transport.abort()
    if not chain or thumbprint(chain) not in thumbprints:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the top one served is seldom a root
    context.load_verify_locations(cadata=chain[-1])
    return context
