"""Addresses and ranges, of IPv4 and IPv6; a range without a mask is one address.

A value of the request that is no single address never holds, negated or not. A range in the policy that cannot be read
holds nothing (both observed on AWS, September 2026).
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daypass.trust.comparisons.outcome import Test, Values

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")
_MASK: Final = re.compile(r"\+?0*([0-9]{1,3})")


def address(text: str) -> Address | None:
    """The address that a text is, None when it is none. `192.000.2.1` is `192.0.2.1` (observed 2026-09)."""
    found = _IPV4.fullmatch(text)
    try:
        if found is not None:
            return IPv4Address(".".join(str(int(part)) for part in found.groups()))
        return None if "%" in text else IPv6Address(text)
    except AddressValueError:
        return None


def network(text: str) -> Network | None:
    """The range that a text is, None when it is none. Bits behind the mask do not matter (observed 2026-09)."""
    start, slash, mask = text.partition("/")
    base = address(start)
    found = _MASK.fullmatch(mask)
    if base is None or (slash and found is None):
        return None
    length = int(found[1]) if found else base.max_prefixlen
    if length > base.max_prefixlen:
        return None
    if isinstance(base, IPv4Address):
        return IPv4Network((base, length), strict=False)
    return IPv6Network((base, length), strict=False)


def within(values: Values, *, negated: bool) -> Test:
    """`IpAddress`: in one of the ranges."""
    ranges = tuple(found for found in map(network, values.texts) if found is not None)

    def test(found: str, _: object) -> bool:
        asked = address(found)
        return asked is not None and any(asked in each for each in ranges) is not negated

    return test
