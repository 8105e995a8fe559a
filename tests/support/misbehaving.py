"""The conformance suite's talkative HTTPS server, with a certificate of the test run's authority."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from daypass.testing.conformance import talking
from daypass.testing.conformance.talking import Exchange, Server

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import trustme

    from daypass.testing.conformance.talking import Talk

__all__ = ["Exchange", "Server", "https_server"]


def https_server(ca: trustme.CA, *names: str, talk: Talk) -> AbstractAsyncContextManager[Server]:
    """The server under these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return talking.https_server(context, talk)
