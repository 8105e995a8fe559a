"""Plain values of a document with places: objects, lists and texts, each refused where it stands when it is another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from daypass.aws.provisioning.places import Mistake, Placed, Steps, Unquoted
from daypass.errors import DaypassError, DesiredStateInvalid
from daypass.subjects.patterns import did_you_mean

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class ValueReader:
    """Reads values of one document. Each method raises `DesiredStateInvalid` with the place of what will not do."""

    def __init__(self, document: Placed) -> None:
        self._document = document
        self._no = document.fault

    def _mapping(
        self, value: Any, path: Steps, known: Sequence[str] | None, *, required: Sequence[str] = ()
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._no(path, Mistake.WRONG_TYPE, f"it is not an object{self._of(known)}")
        for key in value:
            if known is not None and key not in known:
                raise self._no(
                    (*path, key), Mistake.UNKNOWN_KEY, f"`{key}` is not known here", did_you_mean(key, known)
                )
        for key in required:
            if key not in value:
                raise self._no(path, Mistake.MISSING_KEY, f"`{key}` is missing")
        return value

    @staticmethod
    def _of(known: Sequence[str] | None) -> str:
        return f" with {', '.join(known)}" if known else ""

    def _list(self, value: Any, path: Steps, read: Callable[[Any, Steps], T], *, least: int = 0) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise self._no(path, Mistake.WRONG_TYPE, "it is not a list")
        if len(value) < least:
            raise self._no(path, Mistake.BAD_VALUE, "the list is empty")
        return tuple(read(each, (*path, index)) for index, each in enumerate(value))

    def _texts(self, value: Any, path: Steps, *, least: int = 0, words: str = "a list") -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self._no(path, Mistake.WRONG_TYPE, f"it is not {words}")
        found = self._list(value, path, self._text, least=least)
        for index, each in enumerate(found):
            if each in found[:index]:
                raise self._no((*path, index), Mistake.BAD_VALUE, f"`{each}` is there twice")
        return found

    def _text(self, value: Any, path: Steps, *, empty: bool = False) -> str:
        if isinstance(value, Unquoted):
            raise self._unquoted(value, path)
        if not isinstance(value, str):
            raise self._no(path, Mistake.WRONG_TYPE, "it is not text", "Put it in quotes if text is meant.")
        if not value and not empty:
            raise self._no(path, Mistake.BAD_VALUE, "it is empty")
        return value

    def _unquoted(self, value: Unquoted, path: Steps) -> DesiredStateInvalid:
        return self._no(path, Mistake.WRONG_TYPE, f"`{value.text}` is not text to YAML", f'Write "{value.text}".')

    def _matching(self, value: Any, path: Steps, pattern: re.Pattern[str], words: str) -> str:
        text = self._text(value, path, empty=pattern.fullmatch("") is not None)
        if not pattern.fullmatch(text):
            raise self._no(path, Mistake.BAD_VALUE, f"`{text}` is not {words}")
        return text

    def _parsed(self, value: Any, path: Steps, parse: Callable[[str], T]) -> T:
        text = self._text(value, path)
        try:
            return parse(text)
        except DaypassError as fault:
            raise self._no(path, Mistake.BAD_VALUE, fault.message, fault.advice) from None
