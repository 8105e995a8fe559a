"""Keys of upstream issuers over real TLS: whom a connection trusts, and where it may look."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from daypass.errors import AddressForbidden, IssuerUnreachable
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.terms_document import read_terms
from daypass.idp.exchange.upstream import FetchedUpstreamKeys
from support.https_issuer import https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.https_issuer import HttpsIssuer


@pytest.fixture(scope="module")
def issuer(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as found:
        yield found


def authorities(ca: trustme.CA) -> list[str]:
    one = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    return [base64.b64encode(one.public_bytes(Encoding.DER)).decode()]


def connection(issuer: HttpsIssuer, **keys: Any) -> Connection:
    terms: dict[str, Any] = {
        "issuer": issuer.url,
        "keys": keys,
        "audience": "https://id.northwind.example",
        "rules": [{"claim": "project_id", "equals": "52017"}],
        "identity": ["project_id"],
        "audiences": ["sts.amazonaws.com"],
    }
    return Connection("con_a", "org_a", "prj_a", "a", read_terms(terms), datetime(2026, 9, 21, tzinfo=UTC))


def ask(keys: FetchedUpstreamKeys, one: Connection) -> list[str]:
    found = asyncio.run(keys.keys(one, None))
    return [str(key.kid) for key in found.keys]


def fetched() -> FetchedUpstreamKeys:
    return FetchedUpstreamKeys(lambda: datetime.now(UTC), private_hosts={"localhost"})


def test_keys_by_discovery_and_by_url(issuer: HttpsIssuer, ca: trustme.CA) -> None:
    more = {"authorities": authorities(ca), "private": True}
    by_url = {"url": f"https://localhost:{issuer.port}/keys", **more}
    assert ask(fetched(), connection(issuer, **more)) == ask(fetched(), connection(issuer, **by_url))


def test_threats_35_a_private_address_is_asked_only_when_the_connection_says_so(
    issuer: HttpsIssuer, ca: trustme.CA
) -> None:
    keys = fetched()
    assert ask(keys, connection(issuer, authorities=authorities(ca), private=True))
    before = issuer.fetches
    for place in ({}, {"url": f"https://localhost:{issuer.port}/keys"}):
        with pytest.raises(AddressForbidden):
            ask(keys, connection(issuer, authorities=authorities(ca), **place))
    assert issuer.fetches == before, "what another connection may ask is nothing to this one"


def test_a_tenants_word_alone_does_not_lead_into_the_operators_network(issuer: HttpsIssuer, ca: trustme.CA) -> None:
    keys = FetchedUpstreamKeys(lambda: datetime.now(UTC), private_hosts={"gitlab.internal.example"})
    before = issuer.fetches
    for place in ({}, {"url": f"https://localhost:{issuer.port}/keys"}, {"url": f"https://[::1]:{issuer.port}/keys"}):
        with pytest.raises(AddressForbidden):
            ask(keys, connection(issuer, authorities=authorities(ca), private=True, **place))
    assert issuer.fetches == before


def test_threats_41_authorities_are_trusted_alone_and_by_their_connection_alone(
    issuer: HttpsIssuer, ca: trustme.CA
) -> None:
    keys = fetched()
    assert ask(keys, connection(issuer, authorities=authorities(ca), private=True))
    for others in ({}, {"authorities": authorities(trustme.CA())}):
        with pytest.raises(IssuerUnreachable) as refused:
            ask(keys, connection(issuer, private=True, **others))
        assert refused.value.facts["phase"] == "tls"
