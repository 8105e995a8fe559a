"""Values of a template's parameters (AWS CloudFormation User Guide, "Parameters"). Pure.

A parameter of a Systems Manager type is given a name; what is kept under that name comes in as `stored`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.errors import TemplateMalformed
from daypass.localaws.cloudformation.allowed_pattern import fits
from daypass.trust.sources.json_file import entries, members, number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.cloudformation.template import Template
    from daypass.tokens.strict_json import JsonValue

_STORED: Final = "AWS::SSM::Parameter::Value<"
_LISTS: Final = ("CommaDelimitedList", "List<")
HIDDEN: Final = "****"
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")


def given_values(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """The text of each parameter: given, or its default.

    Raises:
        TemplateMalformed: with CloudFormation's text.
    """
    declared = template.section("Parameters")
    if strange := sorted(given.keys() - declared.keys()):
        raise TemplateMalformed(f"Parameters: [{', '.join(strange)}] do not exist in the template")
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, declaration in declared.items():
        default = members(declaration).get("Default")
        if name in given:
            values[name] = given[name]
        elif default is not None:
            values[name] = ",".join(map(str, default)) if isinstance(default, list) else as_text(default)
        else:
            missing.append(name)
    if missing:
        raise TemplateMalformed(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check(name, members(declared[name]), value)
    return values


def stored_names(template: Template, values: Mapping[str, str]) -> dict[str, str]:
    """Parameter to the name under which Systems Manager keeps its value."""
    return {name: values[name] for name in template.section("Parameters") if _kind(template, name).startswith(_STORED)}


def resolved_values(template: Template, values: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, JsonValue]:
    """What `Ref` of each parameter gives; `stored` holds the values of those that Systems Manager keeps."""
    resolved: dict[str, JsonValue] = {}
    for name, value in values.items():
        kind, text = _kind(template, name), stored.get(name, value)
        inner = kind.removeprefix(_STORED)
        resolved[name] = [part.strip() for part in text.split(",")] if inner.startswith(_LISTS) else text
    return resolved


def hidden(template: Template, name: str) -> bool:
    """Whether a parameter's value is never shown (`NoEcho`)."""
    return as_text(members(template.section("Parameters").get(name)).get("NoEcho", False)).lower() == "true"


def as_text(value: JsonValue) -> str:
    """A scalar as CloudFormation writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _kind(template: Template, name: str) -> str:
    return text_of(members(template.section("Parameters").get(name)).get("Type")) or "String"


def _check(name: str, declaration: Mapping[str, JsonValue], value: str) -> None:
    fault = _fault(name, declaration, value)
    if fault is None:
        return
    described = text_of(declaration.get("ConstraintDescription"))
    raise TemplateMalformed(f"Parameter {name} failed to satisfy constraint: {described}" if described else fault)


def _fault(name: str, declaration: Mapping[str, JsonValue], value: str) -> str | None:
    allowed = entries(declaration.get("AllowedValues"))
    if allowed and value not in map(as_text, allowed):
        return f"Parameter '{name}' must be one of AllowedValues"
    pattern = text_of(declaration.get("AllowedPattern"))
    if pattern is not None and not fits(name, pattern, value):
        return f"Parameter '{name}' must match pattern {pattern}"
    least, most = number_of(declaration.get("MinLength")), number_of(declaration.get("MaxLength"))
    if least is not None and len(value) < least:
        return f"Parameter '{name}' must contain at least {least} characters"
    if most is not None and len(value) > most:
        return f"Parameter '{name}' must contain at most {most} characters"
    if declaration.get("Type") != "Number":
        return None
    number = _number(value)
    if number is None:
        return f"Parameter '{name}' must be a number"
    low, high = (_bound(name, declaration, member) for member in ("MinValue", "MaxValue"))
    if low is not None and number < low:
        return f"Parameter '{name}' must be a number not less than {as_text(declaration['MinValue'])}"
    if high is not None and number > high:
        return f"Parameter '{name}' must be a number not greater than {as_text(declaration['MaxValue'])}"
    return None


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _bound(name: str, declaration: Mapping[str, JsonValue], member: str) -> float | None:
    if member not in declaration:
        return None
    bound = _number(as_text(declaration[member]))
    if bound is None:
        raise TemplateMalformed(f"Template format error: the {member} of {name} is not a number")
    return bound
