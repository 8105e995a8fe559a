"""What of `typing` does something at run time, without `typing`, which takes 2 ms of each start to load.

For the modules that a job waits for (see decision 35). Names that stand in annotations alone they import from `typing`
itself, under `if TYPE_CHECKING:`, where it is not loaded; a module's own `TYPE_CHECKING = False` means the same to type
checkers as that of `typing`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple, TypeVar, final

    Kind = TypeVar("Kind", bound=type)
else:
    from collections import namedtuple

    class _Declared(type):
        """Makes of a class statement with annotated fields the class that `collections.namedtuple` makes.

        `typing` compiles each annotation to see whether it could be a type; a type checker has seen to that.
        """

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults)  # noqa: PYI024 - the types are in the class statement
            return type(name, (made,), {"__slots__": (), **body})

    class NamedTuple(metaclass=_Declared):
        """As `typing.NamedTuple`."""

    def final(kind: Kind) -> Kind:
        """As `typing.final`: a word to type checkers."""
        return kind


__all__ = ["NamedTuple", "final"]
