"""Who assumes a role: by which names a trust policy may speak of them, and what they may do themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from daypass.trust.statement import Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.names import RoleArn
    from daypass.permissions.evaluate import Policies


class Naming(IntEnum):
    """How closely a trust policy names who asks, and so what else has to allow it.

    IAM User Guide, "How AWS enforcement code logic evaluates requests" (within a single account).
    """

    NOT_AT_ALL = 0
    ACCOUNT = 1
    """The account: it hands the decision to the account's own policies."""
    ROLE = 2
    """The role: its own policies need not allow it, its boundary and the session's policies must."""
    SESSION = 3
    """The session itself, or everyone: nothing else need allow it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who assumes a role.

    Attributes:
        partition: of the account.
        account: twelve digits.
        arn: of the session, or of the account's root.
        role: of the session; None for an administrator.
        role_id: of that role.
        policies: of the session; None for an administrator, who may do everything in the account.
        keys: condition keys of the principal.
        multivalued: those of `keys` that can have several values.
        source_identity: of the session; it cannot be changed.
        transitive_tags: session tags that go on to the next session.
    """

    partition: str
    account: str
    arn: str
    role: RoleArn | None = None
    role_id: str | None = None
    policies: Policies | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    multivalued: frozenset[str] = frozenset()
    source_identity: str | None = None
    transitive_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_session(self) -> bool:
        """Whether a role is already assumed: what follows is chaining."""
        return self.role is not None

    def names(self) -> Iterator[tuple[Principal, Naming]]:
        """What a trust policy may write for this caller, the closest first.

        IAM keeps a role that is named as principal by its unique id.
        """
        if self.role is not None:
            yield Principal(PrincipalKind.AWS, self.arn), Naming.SESSION
            yield Principal(PrincipalKind.AWS, str(self.role)), Naming.ROLE
            yield Principal(PrincipalKind.AWS, str(self.role_id)), Naming.ROLE
        yield Principal(PrincipalKind.AWS, f"arn:{self.partition}:iam::{self.account}:root"), Naming.ACCOUNT
        yield Principal(PrincipalKind.AWS, self.account), Naming.ACCOUNT
