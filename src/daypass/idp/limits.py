"""How often one workload, one organization and one source address may ask.

Each process counts for itself: with three replicas behind a balancer a limit is up to three times what is set. The
public documents (discovery, key set) pass none of this.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daypass.errors import RateLimited
from daypass.idp.pacing import SECOND, Buckets, Rate, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_KEYS: Final = 65_536
"""Workloads, organizations, addresses that are remembered, each: about 10 MB when all are in use."""
UNKNOWN_SOURCE: Final = "unknown"
_IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class PerMinute:
    """The limits, each as a number a minute; 0 for none."""

    workload_tokens: int = 0
    organization_tokens: int = 0
    source_requests: int = 0
    source_failures: int = 0


class Limits:
    """Counts, and refuses what is too much.

    Args:
        per_minute: the limits.
        monotonic: seconds of a clock that never goes back.
        max_keys: how many keys each limit remembers.
    """

    def __init__(self, per_minute: PerMinute, monotonic: Callable[[], float], *, max_keys: int = MAX_KEYS) -> None:
        self._monotonic = monotonic

        def buckets(number: int) -> Buckets | None:
            return Buckets(Rate(number), max_keys=max_keys) if number else None

        self._workload = buckets(per_minute.workload_tokens)
        self._organization = buckets(per_minute.organization_tokens)
        self._requests = buckets(per_minute.source_requests)
        self._failures = buckets(per_minute.source_failures)

    def token(self, workload_id: str, organization_id: str) -> None:
        """Count one token. A workload that is beyond its own limit uses up nothing of its organization's.

        Raises:
            RateLimited: when it is one too many; nothing is counted then.
        """
        self._count(("workload", self._workload, workload_id), ("organization", self._organization, organization_id))

    def request(self, source_ip: str | None) -> None:
        """Count one request, whatever becomes of it.

        Raises:
            RateLimited: when it is one too many.
        """
        self._count(("source", self._requests, network_of(source_ip)))

    def failure(self, source_ip: str | None) -> None:
        """Count one caller who was not who they must be. Call it before the refusal is recorded anywhere.

        A good credential from the same address is never refused for the failures of its neighbours: secrets cannot be
        guessed, and a stranger behind the same gateway must not lock a fleet out. What is saved is the audit row and
        whatever the refusal would cost beside it.

        Raises:
            RateLimited: instead of the refusal, when it is one too many.
        """
        self._count(("failures", self._failures, network_of(source_ip)))

    def _count(self, *asked: tuple[str, Buckets | None, str]) -> None:
        now = int(self._monotonic() * SECOND)
        limited = [(limit, buckets, key) for limit, buckets, key in asked if buckets is not None]
        for limit, buckets, key in limited:
            wait = buckets.wait(key, now)
            if wait:
                seconds = whole_seconds(wait)
                raise RateLimited(
                    _MESSAGES[limit],
                    advice=f"Try again in {seconds} second{'s' if seconds > 1 else ''}.",
                    limit=limit,
                    per_minute=buckets.rate.per_minute,
                    retry_after_seconds=seconds,
                )
        for _, buckets, key in limited:
            buckets.take(key, now)


_MESSAGES: Final = {
    "workload": "this workload asks for too many tokens",
    "organization": "the workloads of this organization ask for too many tokens",
    "source": "too many requests come from this address",
    "failures": "too many credentials from this address are not accepted",
}


@lru_cache(maxsize=4096)
def network_of(source_ip: str | None) -> str:
    """Whom an address stands for: itself, or of IPv6 the /64, which is what one subscriber or host has (RFC 6177)."""
    try:
        address = ipaddress.ip_address(source_ip or "")
    except ValueError:
        return UNKNOWN_SOURCE
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = int(address) >> (128 - _IPV6_NETWORK_BITS) << (128 - _IPV6_NETWORK_BITS)
    return f"{ipaddress.IPv6Address(network)}/{_IPV6_NETWORK_BITS}"
