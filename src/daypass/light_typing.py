"""What of `typing` does something at run time, without `typing`, which takes 2 ms of each start to load.

For the modules that a job waits for (see decision 35). Names that stand in annotations alone they import from `typing`
itself, under `if TYPE_CHECKING:`, where it is not loaded; a module's own `TYPE_CHECKING = False` means the same to type
checkers as that of `typing`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NamedTuple, Self, TypeVar, final

    Kind = TypeVar("Kind", bound=type)
else:
    from operator import itemgetter

    class _Record(tuple):
        """What all named tuples can do; each has its `_fields` and `_field_defaults`."""

        __slots__ = ()

        def __new__(cls, *values: object, **named: object) -> Self:
            fields = cls._fields
            if named or len(values) != len(fields):
                given = {**dict(zip(fields, values, strict=False)), **named}
                filled = {**cls._field_defaults, **given}
                if len(values) + len(named) != len(given) or filled.keys() != set(fields):
                    raise TypeError(f"{cls.__name__} takes {', '.join(fields)}, each once")
                values = [filled[field] for field in fields]
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values: Iterable[object]) -> Self:
            return cls(*values)

        def _asdict(self) -> dict[str, object]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changed: object) -> Self:
            return type(self)(**{**self._asdict(), **changed})

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

    class _Declared(type):
        """Makes of a class statement with annotated fields a `_Record`.

        `typing` compiles each annotation to see whether it could be a type, and `collections.namedtuple` compiles a
        function for each class: a millisecond for the classes of one login. Type checkers have seen to both.
        """

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            made = {"__slots__": (), "__match_args__": fields, "_fields": fields}
            made["_field_defaults"] = {field: body.pop(field) for field in fields if field in body}
            made |= {field: property(itemgetter(place)) for place, field in enumerate(fields)}
            return type(name, (_Record,), made | body)

    class NamedTuple(metaclass=_Declared):
        """As `typing.NamedTuple`."""

    def final(kind: Kind) -> Kind:
        """As `typing.final`: a word to type checkers."""
        return kind


__all__ = ["NamedTuple", "final"]
