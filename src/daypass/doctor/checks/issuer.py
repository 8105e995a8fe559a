"""The issuer's URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import sources
from daypass.doctor.finding import Check, Seen, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import Facts


def _invalid(facts: Facts) -> Iterator[Seen]:
    if facts.issuer_fault is not None:
        yield Seen(f"`{facts.issuer}` is not an issuer URL: {facts.issuer_fault}", str(facts.issuer))


def _port(facts: Facts) -> Iterator[Seen]:
    # A local AWS takes ports: a machine has one 443.
    if facts.hosts and facts.hosts[0].port != 443 and not facts.hosts[0].private_allowed:
        yield Seen(f"`{facts.issuer}` names port {facts.hosts[0].port}", str(facts.issuer))


CHECKS: Final = (
    Check(
        "issuer_url_invalid",
        Severity.ERROR,
        "the issuer is not a URL that IAM takes",
        "IAM refuses a provider URL that is not https, or has a query, a fragment or a user; `iss` must be that URL.",
        "Use an https URL without query and fragment as the issuer, and the same text as `iss` of its tokens.",
        sources.CREATE_PROVIDER_API,
        _invalid,
    ),
    Check(
        "issuer_url_port",
        Severity.WARNING,
        "the issuer's URL has a port",
        "IAM's documentation says that a provider URL has no port number, and `:443` is dropped when it is stored, so "
        "that `iss` is no longer equal.",
        "Serve the issuer on port 443 and leave the port out of its URL.",
        sources.CREATE_PROVIDER_API,
        _port,
    ),
)
