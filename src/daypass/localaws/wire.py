"""One HTTP request as it was on the wire, and one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request, unparsed.

    `path` and `query` are the raw text between method and version, percent-encoding untouched: a signature covers
    them as they were sent. Header names are lower-case, in the order of arrival.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, scope: Mapping[str, Any], body: bytes) -> WireRequest:
        """From an ASGI scope (uvicorn's `raw_path` holds no query) and the whole body."""
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        return cls(
            method=scope["method"],
            path=raw_path.partition(b"?")[0].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
            ),
            body=body,
        )

    def all(self, name: str) -> list[str]:
        """Every value of a header; `name` in lower case."""
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def is_form(self) -> bool:
        """Whether the body is a URL-encoded form."""
        kind = (self.header("content-type") or "").partition(";")[0].strip().lower()
        return kind == "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the whole of it."""

    status: int
    body: bytes = field(repr=False)
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
