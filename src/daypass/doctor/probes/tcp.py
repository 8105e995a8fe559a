"""Whether an address takes a connection."""

from __future__ import annotations

import asyncio

from daypass.doctor.facts import ConnectionFacts


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
    except OSError:
        fault = "unreachable"
    return ConnectionFacts(address, port, seconds=loop.time() - began, fault=fault)
