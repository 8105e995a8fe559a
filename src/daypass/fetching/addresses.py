"""Which addresses may be asked at all."""

from __future__ import annotations

import ipaddress
from typing import Final

# Azure's WireServer is a metadata service on a public address; NAT64 carries an IPv4 address inside (RFC 6052).
_METADATA: Final = frozenset({ipaddress.ip_address("168.63.129.16")})
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that IANA gives out for the public internet; the rest holds local NAT64 (RFC 8215), site-local addresses, …"""
# Not all Pythons know them (RFC 6890, RFC 7526, RFC 9637); 192.0.0.192 was a cloud's metadata service.
_SPECIAL: Final = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))


def why_forbidden(address: str) -> str | None:
    """Why an address must not be asked, or None when it is an ordinary one of the public internet.

    An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged by that one too.

    Args:
        address: a literal, such as `192.0.2.1` or `fe80::1%eth0`.

    Raises:
        ValueError: when `address` is not an address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        carried = [parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ())]
        if parsed in _NAT64:
            carried.append(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
        for inner in carried:
            if inner is not None and (reason := why_forbidden(str(inner))):
                return reason
    for holds, reason in (
        (parsed.is_loopback, "a loopback address"),
        (parsed.is_link_local, "a link-local address"),
        (parsed.is_multicast, "a multicast address"),
        (parsed in _METADATA, "a cloud metadata address"),
        (parsed.is_private, "a private address"),
        (not parsed.is_global or _is_special(parsed), "not an address of the public internet"),
    ):
        if holds:
            return reason
    return None


def _is_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    ordinary = address.version == 4 or address in _GLOBAL_UNICAST or address in _NAT64
    return not ordinary or any(address in network for network in _SPECIAL)
