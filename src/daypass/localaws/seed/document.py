"""Read a seed file and hold it against its schema; a fault is told with its line and JSON Pointer (RFC 6901)."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any, Final

import yaml

from daypass import files
from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_NODES: Final = 1_000_000
_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "text"),
    "integer": (int, "a whole number"),
}


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed file's content, which the schema holds for, and the line of each JSON Pointer in it (from 1)."""

    file: Path
    accounts: Mapping[str, Mapping[str, Any]]
    lines: Mapping[str, int]

    def fault(self, pointer: str, reason: str, advice: str | None = None) -> RequestInvalid:
        """What is said when something in it will not do."""
        at = pointer
        while at and at not in self.lines:
            at = at.rpartition("/")[0]
        line = self.lines.get(at, 1)
        return RequestInvalid(
            f"`{self.file}` line {line}, `{pointer or '/'}`: {reason}",
            advice=advice,
            file=str(self.file),
            line=line,
            pointer=pointer,
        )


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of seed files (draft 2020-12)."""
    found: dict[str, Any] = json.loads(resources(__package__).joinpath("seed.schema.json").read_text("utf-8"))
    return found


def read_seed(file: Path) -> Seed:
    """A seed file.

    Raises:
        RequestInvalid: when it is neither YAML nor JSON, or the schema does not hold.
        FileUnavailable: when it cannot be read.
    """
    data = files.read_bounded(file, _MAX_BYTES)
    lines: dict[str, int] = {"": 1}
    try:
        node = yaml.compose(_as_yaml(data.decode("utf-8")), Loader=yaml.SafeLoader)
        value = None if node is None else _value(node, "", lines)
    except UnicodeDecodeError:
        raise RequestInvalid(f"`{file}` is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" line {error.problem_mark.line + 1}"
        raise RequestInvalid(f"`{file}`{line}: {error.problem or 'it cannot be read'}") from None
    except (yaml.YAMLError, _Twice, RecursionError) as error:
        raise RequestInvalid(f"`{file}` cannot be read: {error}") from None
    seed = Seed(file, {}, lines)
    for pointer, reason in faults(value, schema()):
        raise seed.fault(pointer, reason)
    assert isinstance(value, dict), "the schema says so"
    return Seed(file, value["accounts"], lines)


def faults(value: object, rule: Mapping[str, Any], pointer: str = "") -> Iterator[tuple[str, str]]:
    """Where a value breaks a rule of our schema, and how, in words for people.

    Only the keywords that our schema uses are known; a test holds the verdicts against a whole implementation.
    """
    if "$ref" in rule:
        rule = schema()["$defs"][rule["$ref"].rpartition("/")[2]]
    if "anyOf" in rule:
        found = [list(faults(value, one, pointer)) for one in rule["anyOf"]]
        if all(found):
            kinds = [one for one in rule["anyOf"] if isinstance(value, _KINDS[one["type"]][0])]
            yield from found[rule["anyOf"].index(kinds[-1])] if kinds else [(pointer, "is neither text nor an object")]
        return
    kind = rule.get("type")
    if kind is not None:
        python, words = _KINDS[kind]
        if not isinstance(value, python) or isinstance(value, bool):
            yield pointer, f"is not {words}"
            return
    if isinstance(value, dict):
        yield from _object_faults(value, rule, pointer)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, rule.get("items", {}), f"{pointer}/{index}")


def _object_faults(value: Mapping[str, object], rule: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    for name in rule.get("required", ()):
        if name not in value:
            yield pointer, f"`{name}` is missing"
    known, others = rule.get("properties", {}), rule.get("additionalProperties", {})
    names = rule.get("propertyNames", {}).get("pattern")
    for name, item in value.items():
        at = f"{pointer}/{_escaped(name)}"
        if names is not None and re.search(names, name) is None:
            yield at, "is not the twelve digits of an account"
        if name in known:
            yield from faults(item, known[name], at)
        elif others is False:
            yield at, f"is not known; there are {', '.join(known)}"
        else:
            yield from faults(item, others, at)


def _as_yaml(text: str) -> str:
    """The text, which YAML can read then: JSON is YAML but for its tabs, which stand between its parts only."""
    if "\t" in text:
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(text)
            return text.replace("\t", " ")
    return text


class _Twice(Exception):
    """A name is there twice, or a file is no tree."""


def _value(node: yaml.Node, pointer: str, lines: dict[str, int]) -> Any:
    """A YAML node as JSON has it. Keys are text, and so are dates: `2012-10-17` is a policy's version."""
    lines.setdefault(pointer, node.start_mark.line + 1)
    if len(lines) > _MAX_NODES:
        raise _Twice("it has too many parts")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Twice(f"line {key.start_mark.line + 1}: a name is not text")
            if key.value in found:
                raise _Twice(f"line {key.start_mark.line + 1}: `{key.value}` is there twice")
            at = f"{pointer}/{_escaped(key.value)}"
            lines[at] = key.start_mark.line + 1
            found[key.value] = _value(value, at, lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{pointer}/{index}", lines) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    kind = node.tag.rpartition(":")[2]
    if kind == "int" and re.fullmatch("-?[0-9]{1,18}", node.value):
        return int(node.value)
    if kind == "bool":
        return node.value.lower() in {"true", "yes", "on"}
    return None if kind == "null" else str(node.value)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
