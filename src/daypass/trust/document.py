"""A trust policy: parsed once, compiled, and then only read.

The element grammar is that of the IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

MAX_DOCUMENT_CHARACTERS: Final = 131_072
ROLE_TRUST_CHARACTERS: Final = 2_048
ROLE_TRUST_CHARACTERS_RAISED: Final = 4_096


class Effect(StrEnum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


class PrincipalKind(StrEnum):
    """The kinds of principal that a policy names; ANYONE is the bare `"*"`."""

    ANYONE = "*"
    AWS = "AWS"
    FEDERATED = "Federated"
    SERVICE = "Service"
    CANONICAL_USER = "CanonicalUser"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, or whom a statement names: `Principal(PrincipalKind.FEDERATED, "arn:…")`."""

    kind: PrincipalKind
    value: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, as written."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `index` counts from 0 in the order of the document."""

    index: int
    sid: str | None
    effect: Effect
    principals: tuple[Principal, ...]
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A trust policy. `text` is the document as it was written."""

    version: str
    id: str | None
    statements: tuple[Statement, ...]
    text: str = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Parse a trust policy."""
        raise NotImplementedError


def check_role_trust(policy: Policy, *, max_characters: int = ROLE_TRUST_CHARACTERS) -> None:
    """Hold a policy to what IAM takes when a role is written."""
    raise NotImplementedError
