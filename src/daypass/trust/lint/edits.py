"""The edits that fixes are made of, on the text, so that the rest of it stays as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.trust.lint.subject import value_at
from daypass.trust.text_edit import Op, Operation, apply

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.lint.model import LintSubject, Path


def replaced(subject: LintSubject, path: Path, value: JsonValue) -> str | None:
    """The text with another value at a path."""
    return None if subject.not_json else apply(subject.text, Operation(Op.REPLACE, path, value))


def removed(subject: LintSubject, path: Path) -> str | None:
    """The text without a member."""
    return None if subject.not_json else apply(subject.text, Operation(Op.REMOVE, path))


def renamed(subject: LintSubject, path: Path, name: str) -> str | None:
    """The text with another name for a member; None when its neighbours have that name, letter case aside."""
    siblings = value_at(subject.document, path[:-1])
    if subject.not_json or not isinstance(siblings, dict):
        return None
    if any(other.lower() == name.lower() for other in siblings if other != path[-1]):
        return None
    return apply(subject.text, Operation(Op.MOVE, path, name))


def moved(subject: LintSubject, path: Path, operator: str) -> str | None:
    """The text with a condition under another operator.

    None when the statement has that operator already with the same key: two lists under one operator would be ORed.
    """
    block, condition = path[:-1], path[:-2]
    blocks, keys = value_at(subject.document, condition), value_at(subject.document, block)
    if subject.not_json or not isinstance(blocks, dict) or not isinstance(keys, dict):
        return None
    there = blocks.get(operator)
    if there is None and len(keys) == 1:
        return renamed(subject, block, operator)
    name, value = str(path[-1]), keys[str(path[-1])]
    if isinstance(there, dict) and name.lower() in {other.lower() for other in there}:
        return None
    added = (
        Operation(Op.ADD, (*condition, operator), {name: value})
        if there is None
        else Operation(Op.ADD, (*condition, operator, name), value)
    )
    text = apply(subject.text, added)
    return apply(text, Operation(Op.REMOVE, path if len(keys) > 1 else block))
