"""Whether an address takes a connection."""

from __future__ import annotations

import asyncio
import errno
from typing import Final

from daypass.doctor.facts import ConnectionFacts

# This machine has no way to that kind of address: no IPv6, say, as most jobs of hosted runners.
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN})


async def connect(address: str, port: int, *, seconds: float) -> ConnectionFacts:
    """Connect, and go away again.

    Args:
        address: a literal.
        port: TCP.
        seconds: how long to wait.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    fault = None
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
        writer.transport.abort()
    except TimeoutError:
        fault = "timeout"
    except ConnectionRefusedError:
        fault = "refused"
    except OSError as error:
        fault = "no_route" if error.errno in _NO_ROUTE else "unreachable"
    return ConnectionFacts(address, port, seconds=loop.time() - began, fault=fault)
