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
    """The address that a text is, None when it is none.

    `192.000.2.1` is `192.0.2.1`; an IPv6 address that ends like an IPv4 one is not read (observed on AWS, September
    2026).
    """
    found = _IPV4.fullmatch(text)
    try:
        if found is not None:
            return IPv4Address(".".join(str(int(part)) for part in found.groups()))
        return None if "%" in text or "." in text else IPv6Address(text)
    except AddressValueError:
        return None


def network(text: str) -> Network | None:
    """The range that a text is, whatever its bits behind the mask are; None when it is none."""
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


def is_empty(text: str) -> bool:
    """Whether a range has no address at all: it cannot be read, or is of IPv6 and has bits behind its mask.

    In IPv4 such bits do not matter. `2001:db8::5/64` matches nothing, and a negation over it holds for everybody
    (observed on AWS, September 2026).
    """
    found = network(text)
    return found is None or (
        isinstance(found, IPv6Network) and found.network_address != address(text.partition("/")[0])
    )


def within(values: Values, *, negated: bool) -> Test:
    """`IpAddress`: in one of the ranges."""
    ranges = tuple(found for text in values.texts if not is_empty(text) and (found := network(text)) is not None)

    def test(found: str, _: object) -> bool:
        asked = address(found)
        return asked is not None and any(asked in each for each in ranges) is not negated

    return test
