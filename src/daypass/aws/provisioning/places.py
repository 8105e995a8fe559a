"""YAML with the place of every value in it, and faults that tell the place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import yaml

from daypass.errors import DesiredStateInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

Steps: TypeAlias = tuple[str | int, ...]

_MAX_NODES: Final = 100_000
_TAG: Final = "tag:yaml.org,2002:"


class Mistake(StrEnum):
    """What is wrong with a file, for programs."""

    NOT_YAML = "not_yaml"
    DUPLICATE_KEY = "duplicate_key"
    UNKNOWN_KEY = "unknown_key"
    MISSING_KEY = "missing_key"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"
    UNKNOWN_WORD = "unknown_word"
    """A word that the issuer's tokens do not have, or that cannot be said with the others."""
    TRUST_REFUSED = "trust_refused"
    """Who may enter comes to a trust policy in which `trust lint` finds an error: open to others, or open to nobody."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A document: its value, and line and column (from 1) of what is in it. `name` is its file's, or what it is."""

    name: str
    value: Any
    places: Mapping[Steps, tuple[int, int]]

    def fault(self, path: Steps, mistake: Mistake, reason: str, advice: str | None = None) -> DesiredStateInvalid:
        """What is said when something in it will not do; the nearest place that is known is told."""
        known = path
        while known and known not in self.places:
            known = known[:-1]
        line, column = self.places.get(known, (None, None))
        at = f" line {line}, column {column}" if line is not None else ""
        where = ".".join(map(str, path))
        return DesiredStateInvalid(
            f"`{self.name}`{at}{f', `{where}`' if where else ''}: {reason}",
            advice=advice,
            file=self.name,
            line=line,
            column=column,
            path=where,
            mistake=mistake.value,
        )


def read_yaml(text: str, name: str) -> Placed:
    """A YAML document whose texts stay texts: only whole numbers, true, false and null are read as such.

    Raises:
        DesiredStateInvalid: it is not one YAML document, a key comes twice or is not text, or an alias holds itself.
    """
    places: dict[Steps, tuple[int, int]] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else _Values(name, places).of(node, ())
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        at: dict[Steps, tuple[int, int]] = {} if mark is None else {(): (mark.line + 1, mark.column + 1)}
        reason = f"it is not YAML: {fault.problem or fault.context}"
        raise Placed(name, None, at).fault((), Mistake.NOT_YAML, reason) from None
    except (yaml.YAMLError, RecursionError):
        raise Placed(name, None, {}).fault((), Mistake.NOT_YAML, "it is not YAML that can be read") from None
    return Placed(name, value, places)


class _Values:
    def __init__(self, name: str, places: dict[Steps, tuple[int, int]]) -> None:
        self._document = Placed(name, None, places)
        self._places = places

    def of(self, node: yaml.Node, path: Steps) -> Any:
        self._places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if len(self._places) > _MAX_NODES:
            raise self._document.fault((), Mistake.NOT_YAML, "it has too many parts")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Steps) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            at = (*path, str(key.value)) if isinstance(key, yaml.ScalarNode) else path
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if at == path or key.tag == f"{_TAG}merge":
                self._places[at] = place
                raise self._document.fault(at, Mistake.NOT_YAML, "a key is not plain text")
            if key.value in found:
                self._places[at] = place
                raise self._document.fault(at, Mistake.DUPLICATE_KEY, f"`{key.value}` is there twice")
            self._places[at] = place
            found[key.value] = self.of(value, at)
        return found


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A value that YAML would not read as text, such as `1.10`, and that nothing here takes unless it is quoted."""

    text: str


def _scalar(node: yaml.ScalarNode) -> Any:
    kind = node.tag.removeprefix(_TAG)
    text = str(node.value)
    if kind == "int" and text.lstrip("-").isdecimal() and len(text) < 19 and not (len(text) > 1 and text[0] == "0"):
        return int(text)
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind == "null":
        return None
    if kind in {"str", "timestamp"}:
        return text  # `2012-10-17` is a policy's version, and no date
    return Unquoted(text)
