"""What a person wants AWS to have: providers, roles, and who may enter them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from daypass.names import IssuerUrl, RoleArn

DEFAULT_STACK: Final = "daypass"
DEFAULT_SESSION_SECONDS: Final = 3600

Tags: TypeAlias = tuple[tuple[str, str], ...]
"""Tag keys and values, sorted by key."""


@dataclass(frozen=True, slots=True)
class AutomaticThumbprints:
    """Thumbprints as AWS needs them: none when the issuer's certificate is publicly trusted, else what is served."""


@dataclass(frozen=True, slots=True)
class DesiredProvider:
    """One IAM OIDC provider.

    Attributes:
        issuer: whose tokens it trusts.
        client_ids: the audiences it takes; at least one.
        thumbprints: SHA-1 in 40 lower-case hex digits. Empty leaves to AWS what is there.
        tags: beside those that say whose it is.
    """

    issuer: IssuerUrl
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...] | AutomaticThumbprints = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may enter a role: one kind of workload.

    Attributes:
        format: the name of the subject grammar that `words` are of, such as `gitlab`; None with `subject` or claims.
        words: names of that grammar, each with the values any of which will do.
        subject: `sub` itself, where `*` and `?` stand for any text and any character.
        claims: further claims that AWS turns into condition keys, each with the values any of which will do.
        session_tags: the keys of the session tags that the tokens may bring.
    """

    format: str | None = None
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subject: str | None = None
    claims: tuple[tuple[str, tuple[str, ...]], ...] = ()
    session_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InlinePolicy:
    """A permissions policy that is part of a role. `document` is JSON text, with its members sorted."""

    name: str
    document: str


@dataclass(frozen=True, slots=True)
class DesiredRole:
    """One IAM role.

    Attributes:
        name: 1 to 64 characters, unique in an account whatever its path.
        path: starts and ends with `/`.
        description: at most 1,000 characters.
        entrances: who may enter; at least one.
        max_session_seconds: 3600 to 43200.
        managed_policies: ARNs. `{account}` and `{partition}` stand for those of the account.
        inline_policies: sorted by name.
        boundary: the ARN of a permissions boundary, None without one.
        tags: beside those that say whose it is.
        provider: the issuer whose provider it trusts.
    """

    name: str
    entrances: tuple[Entrance, ...]
    provider: IssuerUrl
    path: str = "/"
    description: str = ""
    max_session_seconds: int = DEFAULT_SESSION_SECONDS
    managed_policies: tuple[str, ...] = ()
    inline_policies: tuple[InlinePolicy, ...] = ()
    boundary: str | None = None
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class AccountWay:
    """A way into an account: a profile, a role to assume with it, or both. `account` is its id when it was named."""

    profile: str | None = None
    assume_role: RoleArn | None = None
    account: str | None = None

    def __str__(self) -> str:
        told = [f"profile {self.profile}"] if self.profile else []
        told += [str(self.assume_role)] if self.assume_role else []
        return " → ".join(told) or "the credentials found here"


@dataclass(frozen=True, slots=True)
class Desired:
    """All that one file wants. `stack` names it: what it makes carries that name, and only that is ever removed."""

    providers: tuple[DesiredProvider, ...]
    roles: tuple[DesiredRole, ...]
    accounts: tuple[AccountWay, ...] = ()
    stack: str = DEFAULT_STACK

    def provider_of(self, role: DesiredRole) -> DesiredProvider:
        """The provider that a role trusts."""
        return next(provider for provider in self.providers if provider.issuer == role.provider)


def canonical(document: object) -> str:
    """JSON text with members sorted, so that one document has one text."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def filled_in(text: str, *, account: str, partition: str) -> str:
    """An ARN with `{account}` and `{partition}` put in."""
    return text.replace("{account}", account).replace("{partition}", partition)
