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

    `192.000.2.1` is `192.0.2.1`, and so is `::ffff:192.0.2.1`; no other IPv6 address that ends like an IPv4 one is read
    (observed on AWS, September 2026).
    """
    found = _written(text)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def _written(text: str) -> Address | None:
    found = _IPV4.fullmatch(text)
    try:
        if found is not None:
            return IPv4Address(".".join(str(int(part)) for part in found.groups()))
        if "%" in text:
            return None
        long = IPv6Address(text)
    except AddressValueError:
        return None
    return long if long.ipv4_mapped is not None or "." not in text else None


def network(text: str) -> Network | None:
    """The range that a text is, whatever its bits behind the mask are; None when it is none."""
    start, slash, mask = text.partition("/")
    base = _written(start)
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
    """Whether no address is in a range: it cannot be read, or it is of IPv6 and begins with bits behind its mask.

    In IPv4 such bits do not matter. `2001:db8::5/64` matches nothing, and `::ffff:192.0.2.0/120` neither: an address
    like that is of IPv4. A negation over them holds for everybody (observed on AWS, September 2026).
    """
    found, base = network(text), _written(text.partition("/")[0])
    if found is None or isinstance(found, IPv4Network):
        return found is None
    return found.network_address != base or found.network_address.ipv4_mapped is not None


def within(values: Values, *, negated: bool) -> Test:
    """`IpAddress`: in one of the ranges."""
    ranges = tuple(found for text in values.texts if not is_empty(text) and (found := network(text)) is not None)

    def test(found: str, _: object) -> bool:
        asked = address(found)
        return asked is not None and any(asked in each for each in ranges) is not negated

    return test
