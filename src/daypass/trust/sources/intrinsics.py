"""How intrinsic functions are written in a template, whatever they stand for.

AWS CloudFormation User Guide, "Intrinsic function reference". YAML's short forms are written out before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.tokens.strict_json import JsonValue

_SUBSTITUTION: Final = re.compile(r"\$\{(!?)([^}]*)\}")


def intrinsic(value: JsonValue) -> tuple[str, JsonValue] | None:
    """The function's name and its argument, when `value` is `{"Ref": …}` or `{"Fn::…": …}`; None otherwise."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    name, argument = next(iter(value.items()))
    return (name, argument) if name == "Ref" or name.startswith("Fn::") else None


def attribute_of(argument: JsonValue) -> tuple[str, str] | None:
    """Logical id and attribute of `Fn::GetAtt`, which takes a list of two texts, or `Id.Attribute`."""
    match argument:
        case [str(logical_id), str(attribute)]:
            return logical_id, attribute
        case str(text) if "." in text:
            logical_id, _, attribute = text.partition(".")
            return logical_id, attribute
        case _:
            return None


def substitution_of(argument: JsonValue) -> tuple[str, dict[str, JsonValue]] | None:
    """Text and own variables of `Fn::Sub`, which takes a text, or a list of a text and an object."""
    match argument:
        case str(text):
            return text, {}
        case [str(text), dict(given)]:
            return text, given
        case _:
            return None


def substituted(text: str, look_up: Callable[[str], str]) -> str:
    """The text of `Fn::Sub` with what `look_up` says for each `${Name}`; `${!Name}` stands for `${Name}` itself."""
    return _SUBSTITUTION.sub(lambda found: f"${{{found[2].strip()}}}" if found[1] else look_up(found[2].strip()), text)
