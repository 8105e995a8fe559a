"""Shapes that answers share: objects of the model, pages of them, times as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-02T03:04:05Z"])]
"""RFC 3339, UTC, whole seconds."""


Item = TypeVar("Item", bound="Answer")


class Answer(BaseModel):
    """An object in an answer: those fields of a model's object that may be shown, under the same names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def of(cls, shown: DataclassInstance, **more: object) -> Self:
        """The answer that shows `shown`, with members that it does not have itself."""
        known = {f.name: plain(getattr(shown, f.name)) for f in fields(shown) if f.name in cls.model_fields}
        return cls.model_validate(known | more)


class Listed(BaseModel, Generic[Item]):
    """A page of a list. `next` is what to pass as `after`; null when there is no more."""

    items: list[Item]
    next: str | None


class Page(BaseModel):
    """The query of a list: what comes behind `after`, `limit` items at most."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


def plain(value: object) -> object:
    """A value of the model as JSON has it."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, (tuple, frozenset)):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return dict(value) if isinstance(value, Mapping) else value


def instant(time: datetime) -> str:
    """A time as text (RFC 3339)."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def reply(answer: Answer, status: int = 200) -> Response:
    """One object as an answer."""
    return Response(orjson.dumps(answer.model_dump()), status, media_type="application/json")


def reply_page(items: Sequence[Answer], limit: int, key: str = "id") -> Response:
    """One page of a list. `next` is what to pass as `after`; null when a shorter page shows that this was the last."""
    document: dict[str, Any] = {
        "items": [item.model_dump() for item in items],
        "next": str(getattr(items[-1], key)) if len(items) == limit else None,
    }
    return Response(orjson.dumps(document), media_type="application/json")
