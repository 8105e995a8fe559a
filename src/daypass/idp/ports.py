"""What the use cases need of the outside. Each port has one contract suite that all its implementations run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence
    from datetime import datetime

    from daypass.idp.exchange.connection import Connection
    from daypass.idp.model import (
        AdminToken,
        AuditEntry,
        AuditRecord,
        Holder,
        IssuedSubject,
        KeysAt,
        Organization,
        Project,
        Sighting,
        SigningKey,
        TokenUse,
        Workload,
    )
    from daypass.names import IssuerUrl


class RegistryStore(Protocol):
    """Keeps organizations, projects, workloads and admin tokens.

    Every method is synchronous, commits before it returns, and raises `StoreUnavailable` when it could not. Writing a
    second thing under a taken id, slug or secret raises `AlreadyExists`; updating what is not there raises `NotFound`.
    Reading what is not there gives None. Lists come in pages: in id order, those behind the id `after`.

    Callers run them in a thread; implementations are safe under that.
    """

    def add_organization(self, organization: Organization) -> None: ...
    def update_organization(self, organization: Organization, *, was: Organization) -> None:
        """Write it anew, if it still is as it `was`; else `ChangedMeanwhile`, and nothing is written."""
        ...

    def organization(self, id_or_slug: str) -> Organization | None: ...
    def organizations(self, *, after: str | None = None, limit: int = 100) -> Sequence[Organization]: ...

    def add_project(self, project: Project) -> None: ...
    def update_project(self, project: Project) -> None: ...
    def project(self, organization_id: str, id_or_slug: str) -> Project | None: ...
    def projects(self, organization_id: str, *, after: str | None = None, limit: int = 100) -> Sequence[Project]: ...

    def add_workload(self, workload: Workload) -> None: ...
    def update_workload(self, workload: Workload) -> None: ...
    def workload(self, workload_id: str) -> Workload | None: ...
    def holder_by_secret(self, secret_hash: str) -> Holder | None:
        """The workload with that secret, and its project and organization, as they were at one moment."""
        ...

    def workloads(self, project_id: str, *, after: str | None = None, limit: int = 100) -> Sequence[Workload]: ...

    def recent_workloads(self, organization_id: str, *, limit: int) -> Sequence[Workload]:
        """The organization's last made workloads that are not revoked, newest first."""
        ...

    def add_admin_token(self, token: AdminToken) -> None: ...
    def update_admin_token(self, token: AdminToken) -> None: ...
    def admin_token_by_secret(self, secret_hash: str) -> AdminToken | None: ...
    def admin_token(self, token_id: str) -> AdminToken | None: ...
    def admin_tokens(
        self, *, organization_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[AdminToken]:
        """A page of the admin tokens bound to `organization_id`; of all tokens when that is None."""
        ...


class KeyStore(Protocol):
    """Keeps the public half and the life of signing keys, for many processes at once.

    The keys of one issuer (`organization_id`; None for the root issuer) change together and are counted: whoever
    changes them says which version they have seen. Same promises as `RegistryStore` otherwise.
    """

    def versions(self) -> Mapping[str | None, int]:
        """The version of every issuer's keys; issuers that never had a key are not there."""
        ...

    def keys(self, organization_id: str | None = None) -> KeysAt:
        """The keys of one issuer and their version, as they were at one moment."""
        ...

    def change_keys(self, organization_id: str | None, keys: Sequence[SigningKey], *, version: int) -> bool:
        """Write these keys, new or changed, all or none, if the version is still `version`; then it is one more.

        Returns:
            False when somebody else has changed the issuer's keys since; nothing is written then.

        Raises:
            AlreadyExists: when a `kid` belongs to another issuer.
        """
        ...


class ConnectionStore(Protocol):
    """Keeps connections of the exchange. Same promises as `RegistryStore`."""

    def add_connection(self, connection: Connection) -> None: ...
    def update_connection(self, connection: Connection, *, was: Connection) -> None:
        """Write it anew, if it still is as it `was`; else `ChangedMeanwhile`, and nothing is written."""
        ...

    def remove_connection(self, connection_id: str) -> None: ...
    def connection(self, organization_id: str, id_or_name: str) -> Connection | None: ...
    def connections(
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Connection]: ...
    def connections_of_issuer(self, issuer: str, *, organization_id: str | None) -> Sequence[Connection]:
        """All connections to that `iss`, in id order: of one organization, or of all when that is None."""
        ...


class SubjectStore(Protocol):
    """Remembers which subjects were issued and whose they are, for all replicas. Nothing is ever taken out.

    Synchronous, committed before it returns; `StoreUnavailable` when that is not known.
    """

    def claim(self, wanted: IssuedSubject) -> IssuedSubject:
        """Keep it when nobody has that subject of that issuer; of many at the same time exactly one is kept.

        Returns:
            What is kept: `wanted`, or what was there.
        """
        ...

    def issued_subject(self, issuer: str, subject: str) -> IssuedSubject | None:
        """What is kept of that subject."""
        ...

    def change_subject(self, changed: IssuedSubject, *, was: IssuedSubject) -> bool:
        """Write it anew, if it still is as it `was`; whether it was."""
        ...

    def issued_subjects(
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[IssuedSubject]:
        """A page of the subjects of an organization, by the text of subject and issuer, behind the subject `after`."""
        ...


class Signer(Protocol):
    """Holds private keys and signs with them. The private half never leaves it."""

    def create_key(self, algorithm: str) -> SigningKey:
        """Make a key and keep it durably; the answer is in state NEXT.

        Raises:
            KeyRefused: for an algorithm there is not.
            KeyUnavailable: when the key could not be made or kept.
        """
        ...

    def kids(self) -> Collection[str]:
        """All keys that are kept here, also those that other processes made.

        Raises:
            KeyUnavailable: when they cannot be listed.
        """
        ...

    def discard_key(self, kid: str) -> None:
        """Destroy a private key. One that is not here is left at that.

        Raises:
            KeyUnavailable: when it could not be destroyed.
        """
        ...

    def sign(self, kid: str, signing_input: bytes) -> Awaitable[bytes] | bytes:
        """The JWS signature (RFC 7518: raw r and s for ECDSA) with the key `kid`.

        An in-process signer returns bytes at once, so the hot path stays inline; a remote one returns an awaitable.

        Raises:
            KeyUnavailable: when that key is not here or cannot be used.
        """
        ...


class SeenOutside(Protocol):
    """Looks at what strangers are served at an issuer's URL, where somebody else serves it: a bucket, say.

    A key that they do not get must not begin to sign. What cannot be looked at counts as not seen.
    """

    async def look(self, issuer: IssuerUrl) -> None:
        """Look now, for at most some seconds. Raises nothing: what went wrong is told by `sighting`."""
        ...

    def sighting(self, issuer: IssuerUrl, key: SigningKey) -> Sighting:
        """What the last look saw of a key, from memory. Only a key of the same material is the key.

        The seconds count from the first of the looks that all saw it. A look that could not be made does not begin
        them anew, but until the next one that is made the key is not seen. After `LOOK_SECONDS` without any, nothing is
        seen, and they begin anew.
        """
        ...


class AuditLog(Protocol):
    """Records decisions durably, in order."""

    async def append(self, entry: AuditEntry, *, use: TokenUse | None = None) -> None:
        """Return when the entry is committed; with a `use`, both or neither.

        Of many entries with uses of one key, at the same time and over all replicas, exactly one is committed, until
        the use is forgotten.

        Raises:
            AuditUnavailable: when it could not be; the caller must then not give out what the entry tells of.
            TokenReplayed: when it is not the first use; likewise.
        """
        ...

    def forget_uses(self, now: datetime) -> int:
        """Let go of uses that are past their `until`; how many those were. Run it in a thread.

        Raises:
            StoreUnavailable: when that could not be done.
        """
        ...

    def entries(
        self, *, after: int = 0, limit: int = 100, organization_id: str | None = None, kid: str | None = None
    ) -> Sequence[AuditRecord]:
        """A page of the committed entries behind the sequence number `after`, oldest first. Run it in a thread.

        With `organization_id`, only those about that organization; with `kid`, only those about that signing key.

        Raises:
            AuditUnavailable: when they could not be read.
        """
        ...

    def verify(self) -> int:
        """Check every row against the chain of hashes, and give their number. Run it in a thread.

        Raises:
            AuditBroken: with the `sequence` of the first row that is not as it was written.
            AuditUnavailable: when the rows cannot be read.
        """
        ...


class Clock(Protocol):
    """Now, in UTC."""

    def __call__(self) -> datetime: ...
