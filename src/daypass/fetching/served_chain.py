"""The certificates that a TLS server sent, as it sent them.

`SSLObject.get_unverified_chain` is public since Python 3.13. Before, the same call of OpenSSL is on the object that
`ssl` wraps (since 3.10). What was sent is not what was verified: the latter ends in a root that servers do not send.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl

_DER: Final = 2  # `_ssl.ENCODING_DER`


def served_chain(connection: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    """DER, the server's own certificate first; empty before the handshake."""
    if sys.version_info >= (3, 13):
        return tuple(connection.get_unverified_chain())
    wrapped: Any = connection._sslobj  # type: ignore[union-attr]  # noqa: SLF001 - the only way before 3.13
    return tuple(certificate.public_bytes(_DER) for certificate in wrapped.get_unverified_chain() or ())
