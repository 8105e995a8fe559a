"""Words for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.trust.decision import Decision


def words(decision: Decision) -> str:
    """A decision in plain words for a terminal, one screen, no colours."""
    raise NotImplementedError
