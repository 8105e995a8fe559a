"""CloudFormation's YAML: values with short intrinsic functions written out, and the place of each.

Texts stay texts: `2012-10-17` is no date, as CloudFormation has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from daypass.errors import PolicyMalformed

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import Path, Position

_MAX_NODES: Final = 1_000_000
_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str) -> yaml.Node | None:
    """The tree of a YAML document.

    Raises:
        PolicyMalformed: when it is not one YAML document. Facts: `line`, `column`.
    """
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _malformed(f"the file is not YAML: {fault.problem or fault.context}", line, column) from None
    except (yaml.YAMLError, RecursionError):
        raise _malformed("the file is not YAML that can be read", 1, 1) from None
    return node


def value(node: yaml.Node | None) -> JsonValue:
    """The value of a tree.

    Raises:
        PolicyMalformed: a member comes twice, or aliases make the document too large.
    """
    try:
        return None if node is None else _Values().of(node)
    except RecursionError:
        raise _malformed("the file nests too deep, or an alias holds itself", 1, 1) from None


def below(root: yaml.Node, base: Path) -> Position:
    """Places inside the value at `base`; where a path leads nowhere, the last value on the way is meant."""

    def place(path: Path) -> tuple[int, int]:
        node, mark = root, root.start_mark
        for step in (*base, *path):
            child = _child(node, step)
            if child is None:
                break
            mark, node = child
        return mark.line + 1, mark.column + 1

    return place


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode) and isinstance(step, str):
        for key, child in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return key.start_mark, child
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark, node.value[step]
    return (node.start_mark, node) if step == 0 else None


class _Values:
    """One conversion; counts what it makes, because an alias can stand for a million nodes."""

    def __init__(self) -> None:
        self._made = 0

    def of(self, node: yaml.Node) -> JsonValue:
        self._made += 1
        if self._made > _MAX_NODES:
            raise _at(node, "the document is too large")
        plain = self._plain(node)
        if not node.tag.startswith("!") or node.tag == "!":
            return plain
        name = node.tag[1:]
        if name == "GetAtt" and isinstance(plain, str):
            return {"Fn::GetAtt": list(plain.split(".", 1))}
        return {name if name in {"Ref", "Condition"} else f"Fn::{name}": plain}

    def _plain(self, node: yaml.Node) -> JsonValue:
        if isinstance(node, yaml.SequenceNode):
            return [self.of(child) for child in node.value]
        if isinstance(node, yaml.MappingNode):
            members: dict[str, JsonValue] = {}
            for key, child in node.value:
                name = key.value if isinstance(key, yaml.ScalarNode) else None
                if name is None or name in members:
                    raise _at(key, "a member's name is not a text" if name is None else f"member `{name}` comes twice")
                members[name] = self.of(child)
            return members
        return _scalar(str(node.value), node.tag)


def _scalar(text: str, tag: str) -> JsonValue:
    if tag == _TAG + "null":
        return None
    if tag == _TAG + "bool":
        return _WORDS.get(text.lower(), text)
    if tag == _TAG + "int" and text.isascii() and text.lstrip("-").isdigit() and len(text) < 19:
        # A YAML 1.1 reader takes leading zeros for octal; an account id such as 012345678901 is a text.
        return text if text.lstrip("-").startswith("0") and len(text) > 1 else int(text)
    return text


def _at(node: yaml.Node, message: str) -> PolicyMalformed:
    return _malformed(message, node.start_mark.line + 1, node.start_mark.column + 1)


def _malformed(message: str, line: int, column: int) -> PolicyMalformed:
    return PolicyMalformed(f"{message}, line {line} column {column}", line=line, column=column, aws_message=None)
