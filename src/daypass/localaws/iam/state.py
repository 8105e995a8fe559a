"""What IAM knows, in memory: accounts, and in each its OIDC providers, roles and managed policies.

Everything runs in one event loop, and no operation waits between reading and writing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

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
class ManagedPolicy:
    """A managed policy; `policy_id` is its unique id (`ANPA…`). It has one version, `v1`."""

    arn: str
    policy_id: str
    policy: PermissionsPolicy
    created_at: datetime
    path: str = "/"
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What the ARN ends in."""
        return self.arn.rpartition("/")[2]


@dataclass(slots=True)
class Account:
    """One account. Providers and policies are by ARN, roles by lower-case name: their names ignore letter case."""

    number: str
    providers: dict[str, OidcProvider] = field(default_factory=dict)
    roles: dict[str, IamRole] = field(default_factory=dict)
    policies: dict[str, ManagedPolicy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: in which account, with what input (by the model's names), and when."""

    account: Account
    given: Mapping[str, Any]
    now: datetime


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

    def to_read(self, number: str) -> Account:
        """The account as it is."""
        return self._accounts.get(number) or Account(number)

    def restore(self, accounts: Iterable[Account]) -> None:
        """Know these accounts, and no others."""
        self._accounts = {account.number: account for account in accounts}
        self.touched.clear()


def new_role_id() -> str:
    """A unique id that no other role gets: `AROA` and 17 characters (AWS IAM, "Unique identifiers")."""
    return _new_id("AROA")


def new_policy_id() -> str:
    """The same for a managed policy."""
    return _new_id("ANPA")


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(17))
