"""What AWS reads from a token beside the standard claims: session tags, source identity, roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SessionTags:
    """Session tags (`aws:PrincipalTag/…` later) and which of them pass on to chained sessions."""

    principal_tags: Mapping[str, str] = field(default_factory=dict)
    transitive_keys: tuple[str, ...] = ()
