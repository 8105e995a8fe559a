"""A decision that carries all its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.trust.context import Context
    from daypass.trust.document import Effect, Principal


class Reason(StrEnum):
    """Why a part of a policy matched, or did not."""

    MATCHED = "matched"


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants to do what, and what is known about it."""

    principal: Principal
    action: str
    context: Context


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """How one condition came out."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    matched: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class StatementResult:
    """How one statement came out."""

    index: int
    sid: str | None
    effect: Effect
    principal: Reason
    action: Reason
    conditions: tuple[ConditionResult, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of a policy to a request."""

    request: Request
    statements: tuple[StatementResult, ...]

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed."""
        raise NotImplementedError

    def to_json(self) -> dict[str, object]:
        """The decision as plain values."""
        raise NotImplementedError
