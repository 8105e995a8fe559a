"""The ports of the identity provider in memory: for tests, and to read what the ports promise in the fewest lines."""

from __future__ import annotations

import hashlib
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from daypass.errors import AlreadyExists, AuditBroken, ChangedMeanwhile, KeyUnavailable, NotFound
from daypass.idp.exchange.connection import Connection
from daypass.idp.key_times import LOOK_SECONDS
from daypass.idp.model import (
    AdminToken,
    AuditEntry,
    AuditRecord,
    Holder,
    IssuedSubject,
    KeysAt,
    KeyState,
    Organization,
    Project,
    Sighting,
    SigningKey,
    TokenUse,
    Workload,
)
from daypass.tokens.jwk import PrivateKey, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from daypass.idp.ports import Clock
    from daypass.names import IssuerUrl

T = TypeVar("T", Organization, Project, Workload, AdminToken, Connection)


class _Shelf(Generic[T]):
    """Things of one kind by id, with members (or pairs of members) that no two share."""

    def __init__(self, key: str, *unique: tuple[str, ...]) -> None:
        self.things: dict[str, T] = {}
        self._key = attrgetter(key)
        self._unique = [attrgetter(*members) for members in ((key,), *unique)]

    def add(self, thing: T) -> None:
        if any(members(thing) == members(each) for members in self._unique for each in self.things.values()):
            raise AlreadyExists(f"there is one like `{self._key(thing)}` already")
        self.things[self._key(thing)] = thing

    def update(self, thing: T, was: T | None = None) -> None:
        if self._key(thing) not in self.things:
            raise NotFound(f"there is no `{self._key(thing)}`")
        if was is not None and self.things[self._key(thing)] != was:
            raise ChangedMeanwhile(f"`{self._key(thing)}` is not as it was any more")
        self.things[self._key(thing)] = thing

    def find(self, **members: object) -> T | None:
        return next((each for each in self.things.values() if _has(each, members)), None)

    def page(self, *, after: str | None = None, limit: int, **members: object) -> list[T]:
        behind = (self.things[key] for key in sorted(self.things) if after is None or key > after)
        return [each for each in behind if _has(each, members)][:limit]


def _has(thing: object, members: Mapping[str, object]) -> bool:
    return all(getattr(thing, name) == value for name, value in members.items())


class MemoryRegistryStore:
    """A `RegistryStore`."""

    def __init__(self) -> None:
        self._organizations = _Shelf[Organization]("id", ("slug",))
        self._projects = _Shelf[Project]("id", ("organization_id", "slug"))
        self._workloads = _Shelf[Workload]("id", ("secret_hash",))
        self._admin_tokens = _Shelf[AdminToken]("id", ("secret_hash",))

    def add_organization(self, organization: Organization) -> None:
        """See `RegistryStore`, as of all methods here."""
        self._organizations.add(organization)

    def update_organization(self, organization: Organization, *, was: Organization) -> None:  # noqa: D102
        self._organizations.update(organization, was)

    def organization(self, id_or_slug: str) -> Organization | None:  # noqa: D102
        return self._organizations.find(id=id_or_slug) or self._organizations.find(slug=id_or_slug)

    def organizations(self, *, after: str | None = None, limit: int = 100) -> Sequence[Organization]:  # noqa: D102
        return self._organizations.page(after=after, limit=limit)

    def add_project(self, project: Project) -> None:  # noqa: D102
        self._projects.add(project)

    def update_project(self, project: Project) -> None:  # noqa: D102
        self._projects.update(project)

    def project(self, organization_id: str, id_or_slug: str) -> Project | None:  # noqa: D102
        return self._projects.find(organization_id=organization_id, id=id_or_slug) or self._projects.find(
            organization_id=organization_id, slug=id_or_slug
        )

    def projects(  # noqa: D102
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Project]:
        return self._projects.page(after=after, limit=limit, organization_id=organization_id)

    def add_workload(self, workload: Workload) -> None:  # noqa: D102
        self._workloads.add(workload)

    def update_workload(self, workload: Workload) -> None:  # noqa: D102
        self._workloads.update(workload)

    def workload(self, workload_id: str) -> Workload | None:  # noqa: D102
        return self._workloads.find(id=workload_id)

    def holder_by_secret(self, secret_hash: str) -> Holder | None:  # noqa: D102
        workload = self._workloads.find(secret_hash=secret_hash)
        if workload is None:
            return None
        project, organization = self._projects.find(id=workload.project_id), self.organization(workload.organization_id)
        return None if project is None or organization is None else Holder(workload, project, organization)

    def workloads(  # noqa: D102
        self, project_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Workload]:
        return self._workloads.page(after=after, limit=limit, project_id=project_id)

    def recent_workloads(self, organization_id: str, *, limit: int) -> Sequence[Workload]:  # noqa: D102
        usable = [
            each
            for each in self._workloads.things.values()
            if each.organization_id == organization_id and each.revoked_at is None
        ]
        return sorted(usable, key=attrgetter("created_at", "id"), reverse=True)[:limit]

    def add_admin_token(self, token: AdminToken) -> None:  # noqa: D102
        self._admin_tokens.add(token)

    def update_admin_token(self, token: AdminToken) -> None:  # noqa: D102
        self._admin_tokens.update(token)

    def admin_token_by_secret(self, secret_hash: str) -> AdminToken | None:  # noqa: D102
        return self._admin_tokens.find(secret_hash=secret_hash)

    def admin_token(self, token_id: str) -> AdminToken | None:  # noqa: D102
        return self._admin_tokens.find(id=token_id)

    def admin_tokens(  # noqa: D102
        self, *, organization_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[AdminToken]:
        if organization_id is None:
            return self._admin_tokens.page(after=after, limit=limit)
        return self._admin_tokens.page(after=after, limit=limit, organization_id=organization_id)


class MemoryConnectionStore:
    """A `ConnectionStore`."""

    def __init__(self) -> None:
        self._connections = _Shelf[Connection]("id", ("organization_id", "name"))

    def add_connection(self, connection: Connection) -> None:  # noqa: D102
        self._connections.add(connection)

    def update_connection(self, connection: Connection, *, was: Connection) -> None:  # noqa: D102
        self._connections.update(connection, was)

    def remove_connection(self, connection_id: str) -> None:  # noqa: D102
        if self._connections.things.pop(connection_id, None) is None:
            raise NotFound(f"there is no `{connection_id}`")

    def connection(self, organization_id: str, id_or_name: str) -> Connection | None:  # noqa: D102
        found = self._connections.find(organization_id=organization_id, id=id_or_name)
        return found or self._connections.find(organization_id=organization_id, name=id_or_name)

    def connections(  # noqa: D102
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Connection]:
        return self._connections.page(after=after, limit=limit, organization_id=organization_id)

    def connections_of_issuer(self, issuer: str, *, organization_id: str | None) -> Sequence[Connection]:  # noqa: D102
        return [
            one
            for one in self._connections.page(limit=len(self._connections.things))
            if one.terms.issuer == issuer and organization_id in (None, one.organization_id)
        ]


class MemorySubjectStore:
    """A `SubjectStore`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], IssuedSubject] = {}
        self._lock = Lock()

    def claim(self, wanted: IssuedSubject) -> IssuedSubject:  # noqa: D102
        with self._lock:
            return self._kept.setdefault((wanted.issuer, wanted.subject), wanted)

    def issued_subject(self, issuer: str, subject: str) -> IssuedSubject | None:  # noqa: D102
        return self._kept.get((issuer, subject))

    def change_subject(self, changed: IssuedSubject, *, was: IssuedSubject) -> bool:  # noqa: D102
        with self._lock:
            key = (was.issuer, was.subject)
            if self._kept.get(key) != was:
                return False
            self._kept[key] = changed
            return True

    def issued_subjects(  # noqa: D102
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[IssuedSubject]:
        found = [each for each in self._kept.values() if each.organization_id == organization_id]
        behind = [each for each in found if after is None or each.subject > after]
        return sorted(behind, key=attrgetter("subject", "issuer"))[:limit]


class MemoryKeyStore:
    """A `KeyStore`."""

    def __init__(self) -> None:
        self._keys: dict[str, SigningKey] = {}
        self._versions: dict[str | None, int] = {}
        self._lock = Lock()

    def versions(self) -> Mapping[str | None, int]:
        """See `KeyStore`, as of all methods here."""
        with self._lock:
            return dict(self._versions)

    def keys(self, organization_id: str | None = None) -> KeysAt:  # noqa: D102
        with self._lock:
            mine = [key for key in self._keys.values() if key.organization_id == organization_id]
            ordered = sorted(mine, key=lambda key: (key.created_at, key.kid))
            return KeysAt(self._versions.get(organization_id, 0), tuple(ordered))

    def change_keys(  # noqa: D102
        self, organization_id: str | None, keys: Sequence[SigningKey], *, version: int
    ) -> bool:
        with self._lock:
            if self._versions.get(organization_id, 0) != version:
                return False
            for key in keys:
                if self._keys.get(key.kid, key).organization_id != organization_id:
                    raise AlreadyExists(f"there is a key `{key.kid}` already")
            self._keys |= {key.kid: key for key in keys}
            self._versions[organization_id] = version + 1
            return True


class MemoryAuditLog:
    """An `AuditLog` that lasts as long as the process. Its hashes are a chain over the entries' `repr`."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self._used: dict[str, datetime] = {}

    async def append(self, entry: AuditEntry, *, use: TokenUse | None = None) -> None:
        """See `AuditLog`, as of all methods here."""
        if use is not None:
            if use.key in self._used:
                raise use.not_the_first()
            self._used[use.key] = use.until
        previous = self.records[-1].hash if self.records else ""
        self.records.append(AuditRecord(len(self.records) + 1, _chained(previous, entry), entry))

    def forget_uses(self, now: datetime) -> int:  # noqa: D102
        gone = [key for key, until in self._used.items() if until < now]
        for key in gone:
            del self._used[key]
        return len(gone)

    def entries(  # noqa: D102
        self, *, after: int = 0, limit: int = 100, organization_id: str | None = None, kid: str | None = None
    ) -> Sequence[AuditRecord]:
        wanted = (
            each
            for each in self.records[after:]
            if organization_id in (None, each.entry.organization_id) and kid in (None, each.entry.kid)
        )
        return [each for each, _ in zip(wanted, range(limit), strict=False)]

    def verify(self) -> int:  # noqa: D102
        previous = ""
        for number, record in enumerate(self.records, 1):
            if (record.sequence, record.hash) != (number, _chained(previous, record.entry)):
                raise AuditBroken(f"the audit log was changed at row {number}", sequence=number)
            previous = record.hash
        return len(self.records)


def _chained(previous: str, entry: AuditEntry) -> str:
    return hashlib.sha256(f"{previous}{entry!r}".encode()).hexdigest()


class MemorySigner:
    """A `Signer` whose keys last as long as the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[str, PrivateKey] = {}

    def create_key(self, algorithm: str) -> SigningKey:
        """See `Signer`, as of all methods here."""
        key = PrivateKey.generate(algorithm)
        self._keys[key.kid] = key
        return SigningKey(key.kid, algorithm, KeyState.NEXT, key.public.to_jwk(), self._clock())

    def kids(self) -> Collection[str]:  # noqa: D102
        return set(self._keys)

    def discard_key(self, kid: str) -> None:  # noqa: D102
        self._keys.pop(kid, None)

    def sign(self, kid: str, signing_input: bytes) -> bytes:  # noqa: D102
        key = self._keys.get(kid)
        if key is None:
            raise KeyUnavailable(f"there is no private key `{kid[:64]}` here", kid=kid[:64])
        return key.sign(signing_input)


class MemorySeenOutside:
    """A `SeenOutside` that sees `served`, the same at every issuer; None for nothing that can be reached."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.served: Sequence[PublicKey] | None = None
        self._monotonic = monotonic
        self._since: dict[tuple[IssuerUrl, str, str], float] = {}
        self._reached: dict[IssuerUrl, bool] = {}
        self._looked_at: dict[IssuerUrl, float] = {}

    async def look(self, issuer: IssuerUrl) -> None:  # noqa: D102
        self._reached[issuer] = self.served is not None
        if self.served is not None:
            now = self._monotonic()
            before = self._since if self._lately(issuer) else {}
            self._looked_at[issuer] = now
            names = [(issuer, key.kid, key.thumbprint) for key in self.served]
            others = {name: since for name, since in before.items() if name[0] != issuer}
            self._since = others | {name: before.get(name, now) for name in names}

    def sighting(self, issuer: IssuerUrl, key: SigningKey) -> Sighting:  # noqa: D102
        if not self._reached.get(issuer) or not self._lately(issuer):
            return Sighting(None, "it cannot be reached")
        since = self._since.get((issuer, key.kid, PublicKey.from_jwk(key.public_jwk).thumbprint))
        return Sighting(None, "the key set lacks it") if since is None else Sighting(self._monotonic() - since)

    def _lately(self, issuer: IssuerUrl) -> bool:
        return self._monotonic() - self._looked_at.get(issuer, float("-inf")) <= LOOK_SECONDS
