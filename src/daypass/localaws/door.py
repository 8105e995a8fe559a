"""Who may speak to the local AWS at all: this machine, and no web page of elsewhere.

The listening address is chosen elsewhere; this holds even when that went wrong. A page that a browser on this machine
shows could otherwise reach the port by a name of its own (DNS rebinding) or by a plain form.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from daypass.names import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.wire import WireRequest

_PORT: Final = re.compile(":[0-9]+$")


def why_shut(scope: Mapping[str, Any], request: WireRequest, hosts: frozenset[str]) -> str | None:
    """Why a request is not even looked at, or None.

    Args:
        scope: of ASGI; its peer must be on this machine when there is one.
        request: its `Host` must be a loopback name or one of `hosts`, and its `Origin`, when there is one, loopback.
        hosts: further names by which this local AWS may be called, lower case, without port.
    """
    client = scope.get("client")
    if client is not None and not _is_loopback_address(client[0]):
        return "The local AWS answers only this machine."
    written = (request.header("host") or "").lower()
    host = _PORT.sub("", written)
    if not _is_here(host, hosts):
        return "The local AWS does not answer to this Host."
    origin = request.header("origin")
    if origin is not None and not _is_here(_host_of(origin), hosts):
        return "The local AWS does not answer pages of other sites."
    if request.header("sec-fetch-site") == "cross-site":
        return "The local AWS does not answer pages of other sites."
    return None


def _host_of(origin: str) -> str:
    try:
        return (urlsplit(origin).hostname or "").lower()
    except ValueError:  # `https://[` is a bracket that nothing closes
        return ""


def _is_here(host: str, hosts: frozenset[str]) -> bool:
    return is_loopback_host(host) or _is_loopback_address(host.strip("[]")) or host in hosts


@lru_cache(maxsize=256)
def _is_loopback_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
