"""What IAM knows, in memory: accounts, and in each its OIDC providers, roles and managed policies.

Everything runs in one event loop, and no operation waits between reading and writing: the one that has to wait, for an
issuer, looks again afterwards.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from daypass.trust.shared_issuers import DEFAULT, Control

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from daypass.localaws.sessions import Session
    from daypass.localaws.stand_ins import Issuers
    from daypass.names import IssuerUrl, ProviderArn, RoleArn
    from daypass.permissions.document import PermissionsPolicy
    from daypass.trust.document import Policy

PARTITION: Final = "aws"
_ID_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An IAM OIDC provider. `issuer` is what its ARN stands for; `tags` are in the order they were given."""

    arn: ProviderArn
    issuer: IssuerUrl
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IamRole:
    """A role. `inline_policies` are its own by name; `attached` and `boundary` are ARNs of managed policies."""

    arn: RoleArn
    role_id: str
    trust_policy: Policy
    created_at: datetime
    description: str = ""
    max_session_seconds: int = 3600
    tags: tuple[tuple[str, str], ...] = ()
    inline_policies: tuple[tuple[str, PermissionsPolicy], ...] = ()
    attached: tuple[str, ...] = ()
    boundary: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One text of a managed policy; `number` 3 is `v3`, and is never given again."""

    number: int
    policy: PermissionsPolicy
    created_at: datetime

    @property
    def id(self) -> str:
        """As IAM names it."""
        return f"v{self.number}"


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A managed policy.

    Attributes:
        arn: whose, and its name.
        policy_id: its unique id (`ANPA…`).
        versions: oldest first; at least one.
        default: the number of the version that holds.
        last_number: the highest number that was ever given.
        created_at: when its first version was made.
        updated_at: when another version was made the default, or a new one was written.
        path: in the ARN.
        description: cannot be changed (AWS IAM API reference, CreatePolicy).
        tags: by key.
    """

    arn: str
    policy_id: str
    versions: tuple[PolicyVersion, ...]
    default: int
    last_number: int
    created_at: datetime
    updated_at: datetime
    path: str = "/"
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def policy(self) -> PermissionsPolicy:
        """What it says: its default version."""
        return next(version.policy for version in self.versions if version.number == self.default)

    def version(self, version_id: str) -> PolicyVersion | None:
        """The version of this id, None without."""
        return next((version for version in self.versions if version.id == version_id), None)

    @property
    def name(self) -> str:
        """What the ARN ends in."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class LastUsed:
    """When a session of a role last signed a request that was taken, and for which region."""

    at: datetime
    region: str


@dataclass(slots=True)
class Account:
    """One account. Providers and policies are by ARN, roles by lower-case name: their names ignore letter case.

    `last_used` is by the unique id of a role. `outbound_id` is that of its issuer of web identity tokens, once outbound
    federation was enabled; it stays.
    """

    number: str
    providers: dict[str, OidcProvider] = field(default_factory=dict)
    roles: dict[str, IamRole] = field(default_factory=dict)
    policies: dict[str, ManagedPolicy] = field(default_factory=dict)
    last_used: dict[str, LastUsed] = field(default_factory=dict)
    outbound_id: str | None = None
    outbound_enabled: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation.

    Attributes:
        action: the operation's name.
        account: of the caller.
        given: the input, by the model's names.
        now: when.
        caller: the ARN of who asks.
        issuers: the way out to issuers.
        control: how a trust policy is held to the rule for shared issuers.
    """

    action: str
    account: Account
    given: Mapping[str, Any]
    now: datetime
    caller: str
    issuers: Issuers
    control: Control = DEFAULT


_NOTED_EVERY: Final = timedelta(minutes=1)


class IamState:
    """All accounts. One that was never written to is empty, and takes no memory.

    `touched` are the numbers of those that may have changed since they were last saved.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self.touched: set[str] = set()

    def to_write(self, number: str) -> Account:
        """The account, kept from now on."""
        self.touched.add(number)
        return self._accounts.setdefault(number, Account(number))

    def issues_as(self, outbound_id: str) -> bool:
        """Whether an account has an issuer of this id."""
        return any(account.outbound_id == outbound_id for account in self._accounts.values())

    def to_read(self, number: str) -> Account:
        """The account as it is."""
        return self._accounts.get(number) or Account(number)

    def restore(self, accounts: Iterable[Account]) -> None:
        """Know these accounts, and no others."""
        self._accounts = {account.number: account for account in accounts}
        self.touched.clear()

    def note_use(self, session: Session, at: datetime, region: str) -> None:
        """A session of a role has signed a request that was taken. It is saved once a minute at most."""
        account = self.to_read(session.account)
        role = account.roles.get(session.role.rpartition("/")[2].lower())
        if role is not None and role.role_id == session.role_id:
            before = account.last_used.get(role.role_id)
            account.last_used[role.role_id] = LastUsed(at, region)
            if before is None or before.region != region or abs(at - before.at) >= _NOTED_EVERY:
                self.touched.add(account.number)


def new_role_id() -> str:
    """A unique id that no other role gets: `AROA` and 17 characters (AWS IAM, "Unique identifiers")."""
    return _new_id("AROA")


def new_policy_id() -> str:
    """The same for a managed policy."""
    return _new_id("ANPA")


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(17))
