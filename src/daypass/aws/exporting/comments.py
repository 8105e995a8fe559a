"""What the files say to people: where they are from, how they are used, and who may enter each role. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.literals import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.aws.exporting.blueprint import Blueprint, ExportedRole

WRITTEN_BY: Final = "Written by `daypass aws export"
_BEGINNING: Final = 200
"""Characters within which an export says so: behind a heading, a first line for the shell or a bracket."""

_COMPARED: Final = {
    "StringEquals": "is",
    "StringLike": "is like",
    "ForAllValues:StringEquals": "holds nothing but",
}


def is_export(text: str) -> bool:
    """Whether a file is an export, and may be written again. One that speaks of exports further down is none."""
    return WRITTEN_BY in text[:_BEGINNING]


def header(of: Blueprint, format_name: str, usage: Sequence[str]) -> list[str]:
    """The first lines of a file. `usage` are sentences on how to use it."""
    lines = [
        f"{WRITTEN_BY} --format {format_name}` from {of.source}, stack {of.stack}.",
        f"Change that file and export again; `daypass aws export --check --format {format_name}` tells what differs.",
        "",
        *usage,
    ]
    return [one_line(line) for line in lines]


def who_may_enter(role: ExportedRole) -> list[str]:
    """Lines that say who may enter a role, of its trust policy: a number for each statement."""
    lines = [f"{role.name}: who may enter with a token of {role.issuer}:"]
    statements = role.trust.get("Statement", [])
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements], 1):
        conditions = statement.get("Condition", {}) if isinstance(statement, dict) else {}
        first, *rest = [*_said(conditions)] if isinstance(conditions, dict) and conditions else ["everybody"]
        lines += [f"  {number}. {first}", *(f"     and {words}" for words in rest)]
    return [one_line(line) for line in lines]


def _said(conditions: Mapping[str, Any]) -> Iterator[str]:
    for operator, keys in conditions.items():
        verb = _COMPARED.get(operator, operator)
        for key, values in keys.items() if isinstance(keys, dict) else ():
            listed = values if isinstance(values, list) else [values]
            name = key.rpartition(":")[2] if "." in key else key  # the issuer is named above
            yield f"{name} {verb} {' or '.join(map(str, listed))}"


def commented(lines: Sequence[str], mark: str, margin: str = "") -> str:
    """Lines as comments of a language whose comments begin with `mark` and end with the line."""
    return "".join(f"{margin}{mark} {line}".rstrip() + "\n" for line in lines)
