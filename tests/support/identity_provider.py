"""The identity provider's application on stores in memory, with a client of it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from daypass.idp.caller import Caller
from daypass.idp.exchange.connections import Connections
from daypass.idp.exchange.directory import Directory
from daypass.idp.exchange.exchange import Exchange
from daypass.idp.exchange.upstream import FetchedUpstreamKeys
from daypass.idp.issue import Issuer
from daypass.idp.key_rings import KeyRings
from daypass.idp.limits import Limits
from daypass.idp.memory import (
    MemoryAuditLog,
    MemoryConnectionStore,
    MemoryKeyStore,
    MemoryRegistryStore,
    MemorySigner,
    MemorySubjectStore,
)
from daypass.idp.registry import Registry
from daypass.idp.subject_ledger import SubjectLedger
from daypass.idp.watched_audit import WatchedAuditLog
from daypass.names import IssuerUrl
from daypass.web.application import application
from daypass.web.services import Services

ISSUER = IssuerUrl.parse("https://idp.example.com/idp")

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from daypass.config import Settings
    from daypass.idp.ports import SeenOutside


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class World:
    """An identity provider, and a client of it."""

    settings: Settings
    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryRegistryStore = field(default_factory=MemoryRegistryStore)
    key_store: MemoryKeyStore = field(default_factory=MemoryKeyStore)
    audit: MemoryAuditLog = field(default_factory=MemoryAuditLog)
    outside: SeenOutside | None = None

    def __post_init__(self) -> None:
        audit = WatchedAuditLog(self.audit)
        self.signer = MemorySigner(self.clock)
        self.key_rings = KeyRings(
            self.settings.issuer,
            self.key_store,
            self.store,
            self.signer,
            self.clock,
            audit,
            algorithms=["ES256"],
            outside=self.outside,
        )
        asyncio.run(self.key_rings.load())
        self.key_ring = self.key_rings.root.key_ring
        self.limits = Limits(self.settings.limits, self.clock.monotonic)
        connections = MemoryConnectionStore()
        directory = Directory(self.store, connections)
        self.registry = Registry(
            self.store, audit, self.clock, os.urandom, changed=directory.forget, limits=self.limits
        )
        subjects = SubjectLedger(MemorySubjectStore(), self.store, audit, self.clock)
        issuer = Issuer(
            self.key_rings,
            audit,
            self.clock,
            os.urandom,
            subjects=subjects,
            algorithms=("ES256",),
            usual_lifetime_seconds=self.settings.token_lifetime_seconds,
            max_lifetime_seconds=self.settings.token_lifetime_max_seconds,
            limits=self.limits,
        )
        exchange = Exchange(
            directory=directory,
            keys=FetchedUpstreamKeys(self.clock),
            issuer=issuer,
            audit=audit,
            clock=self.clock,
            limits=self.limits,
        )
        administered = Connections(
            registry=self.store,
            connections=connections,
            exchange=exchange,
            directory=directory,
            audit=audit,
            clock=self.clock,
            random_bytes=os.urandom,
        )
        self.services = Services(
            self.settings,
            self.registry,
            issuer,
            subjects,
            exchange,
            administered,
            self.key_rings,
            audit,
            self.clock,
            self.limits,
        )
        self.application = application(self.services)
        self.root = self.admin("*")

    def run(self, work: Coroutine[object, object, object]) -> None:
        """Let something happen inside."""
        asyncio.run(work)

    def admin(self, *scopes: str, organization: str | None = None, seconds: int | None = None) -> str:
        """The secret of a new admin token."""
        made = asyncio.run(
            self.registry.create_admin_token(
                Caller.operator(request_id="test"),
                name="test",
                scopes=scopes,
                organization=organization,
                expires_in_seconds=seconds,
            )
        )
        return made.secret.reveal()

    def call(self, method: str, path: str, secret: str | None = None, **options: Any) -> httpx.Response:
        """One request below the issuer's path, with a bearer secret."""
        headers = dict(options.pop("headers", {}))
        if secret is not None:
            headers["authorization"] = f"Bearer {secret}"
        return asyncio.run(self._request(method, f"/idp{path}", headers=headers, **options))

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.application, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="https://idp.example.com") as client:
            return await client.request(method, path, **options)

    def workload(self, organization: str = "acme", project: str = "shop", **body: object) -> dict[str, Any]:
        """A new workload with its secret; its organization and project are made when missing."""
        self.call("POST", "/v1/organizations", self.root, json={"slug": organization})
        base = f"/v1/organizations/{organization}/projects"
        self.call("POST", base, self.root, json={"slug": project})
        made = self.call("POST", f"{base}/{project}/workloads", self.root, json={"kind": "workspace", **body})
        assert made.status_code == 201, made.text
        document: dict[str, Any] = made.json()
        return document


def code(answer: httpx.Response) -> str:
    """The code of a problem, once it is seen to be a whole one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:daypass:error:{document['code']}"
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["title"]
    found: str = document["code"]
    return found
