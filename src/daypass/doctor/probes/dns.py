"""What a name leads to."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from daypass.doctor.facts import DnsFacts

_NOBODY_TO_ASK: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM, socket.EAI_MEMORY})


async def resolve(name: str, *, seconds: float) -> DnsFacts:
    """Ask the operating system, for both families at once.

    Args:
        name: a host name or an address.
        seconds: how long to wait.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except TimeoutError:
        return DnsFacts(name, seconds=loop.time() - began, fault=f"no answer within {seconds:g} s", unknown=True)
    except (OSError, UnicodeError) as error:
        fault = getattr(error, "strerror", None) or "the name cannot be written as DNS has it"
        unknown = isinstance(error, socket.gaierror) and error.errno in _NOBODY_TO_ASK
        return DnsFacts(name, seconds=loop.time() - began, fault=str(fault).lower(), unknown=unknown)
    by_family = {
        family: tuple(dict.fromkeys(str(info[4][0]) for info in found if info[0] == family))
        for family in (socket.AF_INET, socket.AF_INET6)
    }
    canonical = next((info[3] for info in found if info[3]), None)
    return DnsFacts(
        name,
        ipv4=by_family[socket.AF_INET],
        ipv6=by_family[socket.AF_INET6],
        canonical=None if canonical in (None, name) else canonical,
        seconds=loop.time() - began,
    )
