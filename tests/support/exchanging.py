"""An exchange with everything behind it, on memory, and an upstream issuer that signs what it is told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.directory import Directory
from daypass.idp.exchange.exchange import Exchange, ExchangeRequest, Grant
from daypass.idp.exchange.terms import Pasted
from daypass.idp.exchange.terms_document import read_terms
from daypass.idp.issue import Issuer
from daypass.idp.key_rings import KeyRings
from daypass.idp.memory import MemoryConnectionStore, MemoryKeyStore, MemoryReplayStore, MemorySigner
from daypass.names import IssuerUrl
from daypass.secret import Secret
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from support.registry import OPERATOR, Office
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.idp.issue import IssuedToken
    from daypass.idp.model import Organization, Project
    from daypass.tokens.jwk import PrivateKey
    from daypass.tokens.strict_json import JsonValue

UPSTREAM: Final = "https://gitlab.northwind.example"
AUDIENCE: Final = "https://id.northwind.example"


@dataclass
class KnownKeys:
    """`UpstreamKeys` without a network: pasted ones, or those of `UPSTREAM`. Counts how often it was asked."""

    upstream: KeySet
    asked: list[str] = field(default_factory=list)

    async def keys(self, connection: Connection, kid: str | None) -> KeySet:
        self.asked.append(connection.terms.issuer)
        return connection.terms.keys.keys if isinstance(connection.terms.keys, Pasted) else self.upstream


class ExchangeHouse:
    """Call `open` first."""

    organization: Organization
    project: Project

    def __init__(self) -> None:
        self.office = Office()
        self.key: PrivateKey = private_key("RS256")
        self.keys = KnownKeys(KeySet([self.key.public]))
        self.connections = MemoryConnectionStore()
        self.replays = MemoryReplayStore()
        rings = KeyRings(
            IssuerUrl.parse("https://id.northwind.example"),
            MemoryKeyStore(),
            self.office.store,
            MemorySigner(self.office.clock),
            self.office.clock,
            self.office.audit,
            algorithms=("ES256",),
        )
        self.rings = rings
        self.issuer = Issuer(
            rings,
            self.office.audit,
            self.office.clock,
            secrets.token_bytes,
            subjects=self.office.subjects,
            algorithms=("ES256",),
        )
        self.directory = Directory(self.office.store, self.connections)
        self.exchange = Exchange(
            directory=self.directory,
            replays=self.replays,
            keys=self.keys,
            issuer=self.issuer,
            audit=self.office.audit,
            clock=self.office.clock,
        )

    async def open(self) -> ExchangeHouse:
        await self.rings.load()
        registry = self.office.registry
        self.organization = await registry.create_organization(
            OPERATOR, slug="northwind", audiences=("sts.amazonaws.com", "vault.northwind.example")
        )
        self.project = await registry.create_project(OPERATOR, self.organization.id, slug="ledger")
        return self

    def connect(self, name: str = "gitlab", **terms: JsonValue) -> Connection:
        """A connection to `UPSTREAM` for project 52017; `terms` change its terms."""
        document: dict[str, JsonValue] = {
            "preset": "gitlab",
            "issuer": UPSTREAM,
            "audience": AUDIENCE,
            "rules": [{"claim": "project_id", "equals": "52017"}],
            "identity": ["project_id"],
            "attributes": {"ref": "ref"},
            "audiences": ["sts.amazonaws.com"],
        }
        wanted = {key: value for key, value in {**document, **terms}.items() if value is not None}
        connection = Connection(
            id=f"con_{name}",
            organization_id=self.organization.id,
            project_id=self.project.id,
            name=name,
            terms=read_terms(wanted),
            created_at=self.office.clock(),
        )
        self.connections.add_connection(connection)
        self.directory.forget()
        return connection

    def token(self, key: PrivateKey | None = None, **claims: Any) -> str:
        """An upstream token; a claim given as None is left out."""
        now = int(self.office.clock().timestamp())
        usual: Mapping[str, Any] = {
            "iss": UPSTREAM,
            "sub": "project_path:northwind/ledger:ref_type:branch:ref:main",
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now - 5,
            "exp": now + 3600,
            "jti": secrets.token_hex(8),
            "project_id": "52017",
            "job_project_id": "52017",
            "pipeline_source": "push",
            "ref": "main",
            "ref_protected": "true",
        }
        kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return mint(kept, key or self.key).reveal()

    async def swap(self, token: str, **changes: Any) -> IssuedToken:
        request = ExchangeRequest(
            grant=Grant.TOKEN_EXCHANGE,
            token=Secret(token),
            audience=("sts.amazonaws.com",),
            organization=None,
            connection=None,
            lifetime_seconds=None,
            algorithm=None,
            request_id="r1",
            source_ip="192.0.2.7",
        )
        return await self.exchange.exchange(replace(request, **changes))
