"""What the discovery document says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import documents, sources
from daypass.doctor.finding import Check, Seen, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import Facts

_REQUIRED: Final = (
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)


def how_they_differ(one: str, other: str) -> str:
    """Why two URLs that look alike are two issuers; empty when they do not look alike."""
    if one.rstrip("/") == other.rstrip("/"):
        return "a slash at the end is part of the issuer"
    if one.lower() == other.lower():
        return "letter case counts"
    if one.partition("://")[2] == other.partition("://")[2]:
        return "http and https are different issuers"
    if one.replace(":443", "", 1) == other.replace(":443", "", 1):
        return "the port is part of the text"
    return ""


def _url(facts: Facts) -> str:
    return facts.discovery[0].url


def _issuer_missing(facts: Facts) -> Iterator[Seen]:
    metadata = documents.metadata(facts)
    if metadata is not None and not isinstance(metadata.get("issuer"), str):
        yield Seen("the document has no `issuer` that is text", _url(facts))


def _issuer_differs(facts: Facts) -> Iterator[Seen]:
    metadata = documents.metadata(facts)
    found = None if metadata is None else metadata.get("issuer")
    if isinstance(found, str) and found != facts.issuer:
        how = how_they_differ(found, str(facts.issuer))
        yield Seen(f"`issuer` is `{found}`, not `{facts.issuer}`{f': {how}' if how else ''}", _url(facts))


def _members(facts: Facts) -> Iterator[Seen]:
    metadata = documents.metadata(facts)
    if metadata is None:
        return
    missing = [name for name in _REQUIRED if not isinstance(metadata.get(name), list)]
    if missing:
        yield Seen(f"the document has no {', '.join(f'`{name}`' for name in missing)}", _url(facts))


def _keys_missing(facts: Facts) -> Iterator[Seen]:
    metadata = documents.metadata(facts)
    if metadata is not None and not isinstance(metadata.get("jwks_uri"), str):
        yield Seen("the document has no `jwks_uri` that is text", _url(facts))


def _keys_insecure(facts: Facts) -> Iterator[Seen]:
    if facts.keys_url is not None and not facts.keys_url.startswith("https://"):
        yield Seen(f"`jwks_uri` is `{facts.keys_url}`", _url(facts))


def _keys_invalid(facts: Facts) -> Iterator[Seen]:
    fetch = facts.fetch
    if fetch is not None and fetch.phase == "url" and facts.keys_url is not None and not any(_keys_insecure(facts)):
        yield Seen(str(fetch.fault), _url(facts))


def _keys_elsewhere(facts: Facts) -> Iterator[Seen]:
    believed = all(host.tls is not None and host.tls.trusted for host in facts.hosts)
    if len(facts.hosts) > 1 and not believed:
        yield Seen(f"`jwks_uri` is on `{facts.hosts[1].name}`, and the issuer on `{facts.hosts[0].name}`", _url(facts))


CHECKS: Final = (
    Check(
        "discovery_issuer_missing",
        Severity.ERROR,
        "the discovery document names no issuer",
        "Without it nobody can tell whose document this is.",
        "Put `issuer` into it, with exactly the URL that is `iss` of the tokens.",
        sources.DISCOVERY,
        _issuer_missing,
    ),
    Check(
        "discovery_issuer_differs",
        Severity.ERROR,
        "the discovery document is another issuer's",
        "`issuer`, the provider's URL and `iss` of the tokens must be the same text to the byte (OpenID Connect"
        " Discovery 1.0 section 4.3).",
        "Set the issuer's public URL in its settings, letter for letter as it is registered with AWS.",
        sources.DISCOVERY,
        _issuer_differs,
    ),
    Check(
        "discovery_member_missing",
        Severity.WARNING,
        "the discovery document lacks members that the standard requires",
        "Which of them AWS reads is not documented; IAM may refuse one that is not valid.",
        "Serve the full set that OpenID Connect Discovery 1.0 section 3 requires.",
        sources.DISCOVERY,
        _members,
    ),
    Check(
        "jwks_uri_missing",
        Severity.ERROR,
        "the discovery document does not say where the keys are",
        "AWS finds the keys through `jwks_uri` alone.",
        "Put `jwks_uri` into it, an https URL of the key set.",
        sources.DISCOVERY,
        _keys_missing,
    ),
    Check(
        "jwks_uri_not_https",
        Severity.ERROR,
        "the keys are not served over https",
        "AWS fetches keys over https only: over http anybody on the way could put in their own.",
        "Set the issuer's public URL to https in its settings; often a proxy ends TLS and the issuer does not know.",
        sources.DISCOVERY,
        _keys_insecure,
    ),
    Check(
        "jwks_uri_invalid",
        Severity.ERROR,
        "the address of the keys cannot be asked",
        "An https URL of a public host is needed, in plain ASCII, without user, fragment and backslash.",
        "Write `jwks_uri` as the plain https URL of the key set.",
        sources.DISCOVERY,
        _keys_invalid,
    ),
    Check(
        "jwks_uri_other_host",
        Severity.NOTE,
        "the keys are on another host than the issuer",
        "AWS takes the thumbprint of the host in `jwks_uri`, and both hosts must be reachable and trusted. Where an"
        " authority vouches for both, as for Google's, this is not told.",
        "Give the provider the thumbprints of both hosts, or serve the keys from the issuer's.",
        sources.THUMBPRINT,
        _keys_elsewhere,
    ),
)
