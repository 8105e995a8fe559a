"""From a policy's text to what rules look at, past every fault that the grammar finds.

The grammar's reader stops at the first fault. Here the part at fault is taken out and reading goes on, so that a
forbidden `Resource` does not hide an open door. A statement whose meaning is in doubt is taken out whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError, JsonMalformed
from daypass.tokens import strict_json
from daypass.trust.document import MAX_DOCUMENT_CHARACTERS, Policy
from daypass.trust.lint.model import Known, LintSubject
from daypass.trust.lint.view import trusts
from daypass.trust.reading import VERSION, Fault, read

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.lint.model import Path

_WITHOUT_MEANING: Final = frozenset({"Resource", "NotResource", "Sid"})
"""Members of a statement that may go without changing who gets in."""

_MAX_MEMBERS: Final = 65_536


def lint_subject(text: str, known: Known | None = None) -> LintSubject:
    """What rules look at.

    Args:
        text: of the policy.
        known: what is known beside it.
    """
    known = known or Known()
    try:
        document = _parsed(text, "refuse")
        not_json = None
    except JsonMalformed as fault:
        not_json = fault
        try:
            document = _parsed(text, "last")
        except JsonMalformed:
            return LintSubject(text, None, fault, (), None, (), known)
    faults, policy, indexes = _read(document)
    subject = LintSubject(text, document, not_json, faults, policy, indexes, known)
    return LintSubject(text, document, not_json, faults, policy, indexes, known, tuple(trusts(subject)))


def value_at(document: JsonValue, path: Path) -> JsonValue:
    """The value at a path; None when it leads nowhere. A single value is a list of one."""
    value = document
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        elif step != 0:
            return None
    return value


def _parsed(text: str, duplicates: strict_json.Duplicates) -> JsonValue:
    return strict_json.parse(
        text, max_bytes=4 * MAX_DOCUMENT_CHARACTERS, max_members=_MAX_MEMBERS, duplicates=duplicates
    )


def _read(document: JsonValue) -> tuple[tuple[Fault, ...], Policy | None, tuple[int, ...]]:
    if not isinstance(document, dict):
        return (_fault(document),), None, ()
    faults: list[Fault] = []
    rest = dict(document)
    listed = document.get("Statement")
    entries = [listed] if isinstance(listed, dict) else listed if isinstance(listed, list) else []
    left = list(enumerate(entries))
    while left or not faults:
        if isinstance(listed, dict | list):
            rest["Statement"] = [entry for _, entry in left]
        try:
            read(rest)
            break
        except Fault as fault:
            path = fault.path
            if path[:1] != ("Statement",) or len(path) == 1:
                faults.append(fault)
                if not path or path == ("Statement",):
                    return tuple(faults), None, ()
                rest = {name: value for name, value in rest.items() if name != path[0]}
                if path == ("Version",):
                    rest["Version"] = VERSION
                continue
            place = int(path[1])
            index, entry = left[place]
            fault.path = ("Statement", index, *path[2:])
            faults.append(fault)
            if len(path) == 3 and path[2] in _WITHOUT_MEANING and isinstance(entry, dict):
                left[place] = (index, {name: value for name, value in entry.items() if name != path[2]})
            else:
                del left[place]
    if not left:
        return tuple(faults), None, ()
    try:
        policy = Policy.parse(json.dumps(rest, ensure_ascii=False))
    except DaypassError:
        return tuple(faults), None, ()
    return tuple(faults), policy, tuple(index for index, _ in left)


def _fault(document: JsonValue) -> Fault:
    try:
        read(document)
    except Fault as fault:
        return fault
    raise AssertionError("only an object can be a policy")
