"""Look at what is really served at an issuer's URL, as AWS would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import AddressForbidden, IssuerUnreachable
from daypass.publishing.findings import compare, of_fault

if TYPE_CHECKING:
    from daypass.fetching import Fetcher
    from daypass.publishing.findings import Finding
    from daypass.publishing.publication import Publication


async def look(fetcher: Fetcher, wanted: Publication) -> list[Finding]:
    """How what strangers get differs from what is wanted; empty when it does not. At most 5 s."""
    try:
        seen = await fetcher.key_set(wanted.issuer)
    except (IssuerUnreachable, AddressForbidden) as fault:
        return [of_fault(wanted.issuer, fault)]
    return compare(wanted, seen)
