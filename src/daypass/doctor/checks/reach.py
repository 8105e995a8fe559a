"""The way to a host: its name, its addresses, a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import sources
from daypass.doctor.finding import Check, Seen, Severity
from daypass.fetching import why_forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import ConnectionFacts, Facts, HostFacts


def _no_address(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        if not host.dns.addresses and not host.dns.unknown:
            yield Seen(f"`{host.dns.name}` leads to no address: {host.dns.fault or 'none is given'}", host.name)


def _unknown(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        if host.dns.unknown:
            yield Seen(f"DNS could not be asked about `{host.dns.name}`: {host.dns.fault}", host.name)


def _private(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        if host.asked_instead is not None or host.private_allowed:
            continue
        bad = {address: reason for address in host.dns.addresses if (reason := _why(address))}
        if bad:
            told = ", ".join(f"{address} ({reason})" for address, reason in bad.items())
            some = "" if len(bad) == len(host.dns.addresses) else f" {len(bad)} of {len(host.dns.addresses)}:"
            yield Seen(f"`{host.host}` leads to{some} {told}", host.name)


def _why(address: str) -> str | None:
    try:
        return why_forbidden(address)
    except ValueError:  # saved facts of others may say anything
        return "not an address"


def _tried(host: HostFacts) -> list[ConnectionFacts]:
    """The connections that tell something of the host, and not of this machine's network."""
    return [each for each in host.connections if each.fault != "no_route"]


def _refused(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        tried = _tried(host)
        if tried and all(each.fault == "refused" for each in tried):
            told = ", ".join(f"{each.address} port {each.port}" for each in tried)
            yield Seen(f"connections are refused by {told}", host.name)


def _no_way(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        if host.unknown and not host.dns.unknown:
            told = ", ".join(each.address for each in host.connections)
            yield Seen(f"this machine has no way to {told}", host.name)


def _timeout(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        faults = [each.fault for each in _tried(host)]
        if faults and None not in faults and set(faults) != {"refused"}:
            told = ", ".join(f"{each.address} port {each.port}: {each.fault}" for each in _tried(host))
            yield Seen(f"no connection came about within {facts.limit_seconds:g} s ({told})", host.name)


def _one_address(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        bad = [each for each in _tried(host) if each.fault is not None]
        if host.reached and bad:
            told = ", ".join(f"{each.address}: {each.fault}" for each in bad)
            yield Seen(f"{len(bad)} of {len(host.connections)} addresses do not answer ({told})", host.name)


CHECKS: Final = (
    Check(
        "dns_no_address",
        Severity.ERROR,
        "the name has no address",
        "AWS fetches the issuer's documents from the public internet, by its public name.",
        "Publish the name in public DNS, or publish the two documents elsewhere with `daypass publish`.",
        sources.INVALID_TOKEN,
        _no_address,
    ),
    Check(
        "dns_unknown",
        Severity.WARNING,
        "DNS could not be asked from here",
        "Whether AWS finds the name cannot be told from a machine that cannot ask.",
        "Look at this machine's network and resolver, and try again; or run this where the internet is.",
        sources.INVALID_TOKEN,
        _unknown,
    ),
    Check(
        "dns_private_address",
        Severity.ERROR,
        "the name leads to a private address",
        "AWS has no way into a private network: such an issuer cannot be fetched, and no thumbprint helps.",
        "Make the discovery document and the key set public: behind a public address, or re-hosted with "
        "`daypass publish`.",
        sources.INVALID_TOKEN,
        _private,
    ),
    Check(
        "connect_unknown",
        Severity.WARNING,
        "this machine has no way to the issuer's addresses",
        "How the issuer answers AWS cannot be told from a machine that cannot reach its kind of address.",
        "Run this where the internet is, with IPv6 if the name has nothing else.",
        sources.INVALID_TOKEN,
        _no_way,
    ),
    Check(
        "connect_refused",
        Severity.ERROR,
        "nothing listens at the issuer's address",
        "AWS connects to the host of the issuer's URL.",
        "Start the server, or open its port to the internet.",
        sources.INVALID_TOKEN,
        _refused,
    ),
    Check(
        "connect_timeout",
        Severity.ERROR,
        "connections to the issuer do not come about",
        "A firewall that drops what it does not know makes AWS wait until its five seconds are over.",
        "Let the whole internet reach the two documents: AWS does not tell which addresses it asks from.",
        sources.GITLAB,
        _timeout,
    ),
    Check(
        "connect_one_address",
        Severity.WARNING,
        "some of the issuer's addresses do not answer",
        "AWS may take any of the addresses that the name has; with a dead one some logins fail or are slow.",
        "Mend the addresses that do not answer, or take them out of DNS; often it is IPv6 that leads nowhere.",
        sources.INVALID_TOKEN,
        _one_address,
    ),
)
