"""Connections: who may make them, and which terms say too little."""

from __future__ import annotations

import asyncio
import base64
import secrets
import ssl
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from daypass.errors import (
    AlreadyExists,
    ExchangeRefused,
    IssuerUrlInvalid,
    NotFound,
    RequestInvalid,
    RequestRefused,
    ScopeMissing,
)
from daypass.idp.caller import Caller
from daypass.idp.exchange.connections import Connections
from daypass.idp.exchange.terms import Discovered
from daypass.idp.exchange.terms_document import read_terms, terms_document
from daypass.secret import Secret
from support.exchanging import UPSTREAM, ExchangeHouse
from support.registry import OPERATOR
from support.tokens import private_key

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

TERMS: dict[str, JsonValue] = {
    "issuer": UPSTREAM,
    "audience": "https://id.northwind.example",
    "rules": [{"claim": "project_id", "equals": "52017"}],
    "identity": ["project_id"],
    "audiences": ["sts.amazonaws.com"],
}


async def _opened() -> tuple[ExchangeHouse, Connections]:
    house = await ExchangeHouse().open()
    return house, _administered(house)


def _administered(house: ExchangeHouse, **more: Any) -> Connections:
    return Connections(
        registry=house.office.store,
        connections=house.connections,
        exchange=house.exchange,
        directory=house.directory,
        audit=house.office.audit,
        clock=house.office.clock,
        random_bytes=secrets.token_bytes,
        **more,
    )


def _refused(**changes: JsonValue) -> RequestInvalid:
    document = {name: value for name, value in {**TERMS, **changes}.items() if value is not None}
    with pytest.raises(RequestInvalid) as caught:
        read_terms(document)
    return caught.value


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": []},
        {"rules": None},
        {"rules": ["ref=main"]},
        {"identity": []},
        {"identity": [1]},
        {"audience": None},
        {"audience": ["a"]},
        {"accept_without_audience": True},
        {"audience": None, "accept_without_audience": False},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"keys": {"url": "http://gitlab.example/keys"}},
        {"keys": {"url": "https://u:p@gitlab.example/keys"}},
        {"keys": {"url": "https://gitlab.example/keys", "jwks": {"keys": []}}},
        {"keys": {"jwks": {"keys": []}}},
        {"keys": {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}},
        {"keys": {"discovery": 1}},
        {"keys": {"authorities": "no certificate"}},
        {"keys": {"url": "https://git_lab.example/keys"}},
        {"keys": {"private": "yes"}},
        {"attributes": {"Ref": "ref"}},
        {"attributes": {"ref": ""}},
        {"lifetime_seconds": 30},
        {"lifetime_seconds": 3601},
        {"lifetime_seconds": True},
        {"mode": "off"},
        {"preset": 1},
        {"nonesuch": 1},
        {"issuer": ""},
        {"issuer": None},
    ],
)
def test_terms_that_are_refused(changes: dict[str, JsonValue]) -> None:
    assert _refused(**changes).message


def _der(ca: trustme.CA) -> bytes:
    return x509.load_pem_x509_certificate(ca.cert_pem.bytes()).public_bytes(Encoding.DER)


def test_an_authority_that_only_one_library_can_read() -> None:
    """A version that is none was a 500 for the administrator; what OpenSSL cannot read, one for every token."""
    der = _der(trustme.CA())
    version = der.index(b"\xa0\x03\x02\x01\x02") + 4
    validity = der.index(b"\x17\x0d")
    broken = [
        der[:version] + b"\x05" + der[version + 1 :],
        *(der[:at] + bytes([byte]) + der[at + 1 :] for at in range(validity) for byte in (0, 255)),
    ]
    read = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for each in broken:
            try:
                found = read_terms({**TERMS, "keys": {"authorities": [base64.b64encode(each).decode()]}}).keys
            except RequestInvalid:
                continue
            assert isinstance(found, Discovered)
            read.append(ssl.create_default_context(cadata=found.authorities))
    assert read, "some of them are certificates still"


@pytest.mark.parametrize("issuer", ["http://gitlab.example", "https://a.example/?x", "https://user@a.example", "a b"])
def test_an_issuer_that_is_none(issuer: str) -> None:
    with pytest.raises((IssuerUrlInvalid, RequestInvalid)):
        read_terms({**TERMS, "issuer": issuer})


@pytest.mark.parametrize(
    "keys",
    [
        {"discovery": UPSTREAM},
        {"url": "https://10.0.0.7/keys?kind=ci", "private": True},
        {"jwks": {"keys": [{**private_key("ES256").public.to_jwk()}]}},
    ],
)
def test_terms_read_back(keys: JsonValue) -> None:
    terms = read_terms({**TERMS, "keys": keys, "contexts": ["pull_request"], "attributes": {"ref": "ref"}})
    again = read_terms(terms_document(terms))
    assert terms_document(again) == terms_document(terms)
    assert (again.issuer, again.rules, again.identity, again.attributes) == (
        terms.issuer,
        terms.rules,
        terms.identity,
        terms.attributes,
    )


@pytest.mark.parametrize(
    ("issuer", "rule", "enough"),
    [
        ("https://gitlab.com", {"claim": "ref", "equals": "main"}, False),
        ("https://gitlab.com", {"claim": "project_path", "matches": "*/app"}, False),
        ("https://gitlab.com", {"claim": "project_path", "matches": "tide*"}, False),
        ("https://gitlab.com", {"claim": "project_path", "matches": "tidewater/*"}, True),
        ("https://gitlab.com", {"claim": "project_id", "equals": "4711"}, True),
        ("https://gitlab.com", {"claim": "groups_direct", "contains": "tidewater"}, False),
        ("https://token.actions.githubusercontent.com", {"claim": "sub", "matches": "repo:*/app:ref:x"}, False),
        ("https://token.actions.githubusercontent.com", {"claim": "sub", "matches": "repo:tidewater/*"}, True),
        ("https://token.actions.githubusercontent.com", {"claim": "repository_owner_id", "equals": "7"}, True),
        ("https://token.actions.githubusercontent.com", {"claim": "sub", "equals": "environment:production"}, False),
        (
            "https://token.actions.githubusercontent.com",
            {"claim": "sub", "matches": "job_workflow_ref:tidewater/ci/.github/workflows/deploy.yml@refs/heads/main"},
            False,
        ),
        ("https://token.actions.githubusercontent.com", {"claim": "sub", "equals": "repository_owner_id:7"}, True),
        ("gitlab.com", {"claim": "ref", "equals": "main"}, False),
        ("https://gitlab.northwind.example", {"claim": "ref", "equals": "main"}, True),
    ],
)
def test_a_shared_issuer_needs_a_rule_that_says_whose(issuer: str, rule: JsonValue, *, enough: bool) -> None:
    """octo-sts CVE-2025-52477, and the "Sub:jugation" of names: everybody's tokens have that `iss`."""

    async def run() -> None:
        _, connections = await _opened()
        terms: dict[str, JsonValue] = {**TERMS, "issuer": issuer, "rules": [rule]}
        making = connections.create(OPERATOR, "northwind", name="one", project="ledger", terms=terms)
        if enough:
            await making
        else:
            with pytest.raises(RequestInvalid, match="no rule says whose"):
                await making

    asyncio.run(run())


def test_a_life_of_a_connection() -> None:
    async def run() -> None:
        house, connections = await _opened()
        made = await connections.create(OPERATOR, "northwind", name="gitlab", project="ledger", terms=TERMS)
        with pytest.raises(AlreadyExists):
            await connections.create(OPERATOR, "northwind", name="gitlab", project="ledger", terms=TERMS)
        await house.swap(house.token())
        tried = await connections.try_out(OPERATOR, "northwind", "gitlab", Secret(house.token(project_id="1")))
        assert [one.rule for one in tried.unmet] == ["project_id equals `52017`"] or tried.refusal is not None
        with pytest.raises(Exception, match="not accepted"):
            await house.swap(house.token(project_id="1", job_project_id="1"))
        (refused,) = await connections.refusals(OPERATOR, "northwind", "gitlab")
        assert refused.entry.detail["expected"] == "`52017`"
        off = await connections.update(OPERATOR, "northwind", made.id, enabled=False)
        assert off.disabled_at is not None
        with pytest.raises(Exception, match="not accepted"):
            await house.swap(house.token())
        assert (await connections.update(OPERATOR, "northwind", made.id, enabled=True)).disabled_at is None
        await house.swap(house.token())
        await connections.delete(OPERATOR, "northwind", "gitlab")
        assert await connections.connections(OPERATOR, "northwind") == []
        events = [record.entry.event for record in house.office.audit.entries()]
        assert [event for event in events if event.startswith("connection.")] == [
            "connection.created",
            "connection.updated",
            "connection.updated",
            "connection.deleted",
        ]

    asyncio.run(run())


def test_an_organization_cannot_crowd_the_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of all issuers share one memory: with enough connections one tenant could empty it, again and again."""

    async def run() -> None:
        monkeypatch.setattr("daypass.idp.exchange.connections.MAX_CONNECTIONS", 2)
        _, connections = await _opened()
        for name in ("one", "two"):
            await connections.create(OPERATOR, "northwind", name=name, project="ledger", terms=TERMS)
        with pytest.raises(RequestRefused):
            await connections.create(OPERATOR, "northwind", name="three", project="ledger", terms=TERMS)

    asyncio.run(run())


def test_only_an_offered_audience() -> None:
    async def run() -> None:
        _, connections = await _opened()
        terms: dict[str, JsonValue] = {**TERMS, "audiences": ["nonesuch"]}
        with pytest.raises(RequestInvalid):
            await connections.create(OPERATOR, "northwind", name="one", project="ledger", terms=terms)

    asyncio.run(run())


def test_another_organizations_administrator_sees_nothing() -> None:
    async def run() -> None:
        house, connections = await _opened()
        await connections.create(OPERATOR, "northwind", name="gitlab", project="ledger", terms=TERMS)
        stranger = replace(OPERATOR, organization_id="org_other")
        reader = Caller("adm_r", frozenset({"connections:read"}), house.organization.id, None, "r")
        calls: list[Any] = [
            connections.connection(stranger, "northwind", "gitlab"),
            connections.connections(stranger, "northwind"),
            connections.update(stranger, "northwind", "gitlab", enabled=False),
            connections.delete(stranger, "northwind", "gitlab"),
            connections.refusals(stranger, "northwind", "gitlab"),
            connections.create(stranger, "northwind", name="two", project="ledger", terms=TERMS),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                await call
        assert await connections.connections(reader, "northwind")
        with pytest.raises(ScopeMissing):
            await connections.delete(reader, "northwind", "gitlab")

    asyncio.run(run())


def test_what_is_remembered_is_forgotten_with_every_change() -> None:
    """A connection that is switched off, a project's organization that offers less: the next exchange knows."""

    async def run() -> None:
        house, connections = await _opened()
        await connections.create(OPERATOR, "northwind", name="gitlab", project="ledger", terms=TERMS)
        await house.swap(house.token())
        await connections.update(OPERATOR, "northwind", "gitlab", enabled=False)
        with pytest.raises(ExchangeRefused):
            await house.swap(house.token())
        await connections.update(OPERATOR, "northwind", "gitlab", enabled=True)
        await house.swap(house.token())
        await connections.delete(OPERATOR, "northwind", "gitlab")
        with pytest.raises(ExchangeRefused):
            await house.swap(house.token())

    asyncio.run(run())


@pytest.mark.parametrize(
    ("term", "value"), [("issuer", "https://gitlab.other.example"), ("identity", ["namespace_id"])]
)
def test_a_change_of_terms_never_gives_a_subject_to_another_workload(term: str, value: JsonValue) -> None:
    """Project 7 of one issuer is not project 7 of the next, and was once the same `con_….7`."""

    async def run() -> None:
        _, connections = await _opened()
        await connections.create(OPERATOR, "northwind", name="gitlab", project="ledger", terms=TERMS)
        with pytest.raises(RequestInvalid, match="stays as it is") as refused:
            await connections.update(OPERATOR, "northwind", "gitlab", terms={**TERMS, term: value})
        assert refused.value.facts["members"] == [term]
        kept = await connections.update(OPERATOR, "northwind", "gitlab", terms={**TERMS, "mode": "audit"})
        assert kept.terms.mode == "audit"

    asyncio.run(run())


@pytest.mark.parametrize(
    "keys",
    [
        {"private": True},
        {"private": True, "discovery": "https://169.254.169.254"},
        {"private": True, "url": "https://[::1]/keys"},
        {"private": True, "url": "https://allowed.internal.example.attacker.example/keys"},
    ],
)
def test_a_private_address_needs_the_operators_word(keys: JsonValue) -> None:
    """Whoever administers connections is a tenant: they could have scanned the operator's network (threats 35)."""

    async def run() -> None:
        house, _ = await _opened()
        connections = _administered(house, private_hosts=frozenset({"allowed.internal.example"}))
        terms: dict[str, JsonValue] = {**TERMS, "keys": keys}
        with pytest.raises(RequestInvalid, match="the operator does not let") as refused:
            await connections.create(OPERATOR, "northwind", name="one", project="ledger", terms=terms)
        assert refused.value.facts["members"] == ["keys"]
        terms = {**TERMS, "keys": {"private": True, "url": "https://Allowed.internal.example:8443/keys"}}
        await connections.create(OPERATOR, "northwind", name="one", project="ledger", terms=terms)

    asyncio.run(run())
