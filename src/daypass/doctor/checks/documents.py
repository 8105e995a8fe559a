"""The two documents, and what their answers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import DocumentFacts, Facts
    from daypass.tokens.strict_json import JsonValue

_MAX_MEMBERS: Final = 8192


def groups(facts: Facts) -> Iterator[tuple[str, tuple[DocumentFacts, ...]]]:
    """What people call each document, and its answers; those that were never asked for are left out."""
    for name, answers in (("the discovery document", facts.discovery), ("the key set", facts.keys)):
        if answers:
            yield name, answers


def outcome(answer: DocumentFacts) -> str:
    """What came of it, in a word or two: `200`, `503`, `timeout`."""
    if answer.fault is not None and answer.fault != "too_large":
        return answer.fault
    return str(answer.status)


def agreed(answers: tuple[DocumentFacts, ...]) -> DocumentFacts | None:
    """The first answer, when all came out alike; None when they did not, which is a fault of its own."""
    return answers[0] if len({outcome(each) for each in answers}) == 1 else None


def good(answers: tuple[DocumentFacts, ...]) -> tuple[DocumentFacts, ...]:
    """The complete ones whose body is JSON."""
    return tuple(each for each in answers if each.complete and each.body)


def value_of(answer: DocumentFacts) -> JsonValue:
    """The body's value, as AWS reads it: of a member that comes twice the last one counts."""
    try:
        return strict_json.parse(
            answer.body, max_bytes=8 * len(answer.body) + 8, max_members=_MAX_MEMBERS, duplicates="last"
        )
    except DaypassError:
        return None


def metadata(facts: Facts) -> dict[str, JsonValue] | None:
    """The discovery document's members; None when there is no such object."""
    for answer in good(facts.discovery):
        value = value_of(answer)
        return value if isinstance(value, dict) else None
    return None


def entries(facts: Facts) -> list[JsonValue] | None:
    """The entries of the key set; None when there is none."""
    for answer in good(facts.keys):
        value = value_of(answer)
        found = value.get("keys") if isinstance(value, dict) else None
        return found if isinstance(found, list) else None
    return None
