"""Whether two policies mean the same by their form alone: order of lists, and a text for a list of one. Pure."""

from __future__ import annotations

import json
from typing import Any


def same_form(one: str, other: str) -> bool:
    """Whether two JSON texts differ in nothing but that."""
    try:
        return bool(normal(json.loads(one)) == normal(json.loads(other)))
    except ValueError:
        return False


def normal(value: Any) -> Any:
    """One form for documents that mean the same."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        found = sorted((normal(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
        unique = [each for index, each in enumerate(found) if index == 0 or each != found[index - 1]]
        return unique[0] if len(unique) == 1 else unique
    return value


def allows_no_more(old: str, new: str) -> bool:
    """Whether a permissions policy is an old one from which statements that allow were taken; no more is proved."""
    one, other = json.loads(old), json.loads(new)
    if not isinstance(one, dict) or not isinstance(other, dict) or one.get("Version") != other.get("Version"):
        return False
    before, after = _statements(one), _statements(other)
    gone = [each for each in before if each not in after]
    return all(each in before for each in after) and all(
        isinstance(each, dict) and each.get("Effect") == "Allow" for each in gone
    )


def _statements(document: dict[str, Any]) -> list[Any]:
    statements = document.get("Statement", [])
    return [normal(each) for each in (statements if isinstance(statements, list) else [statements])]
