"""Decisions and explanations in words, for a terminal: one screen, no colours, nothing that moves the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.recognisers import Case
from daypass.trust.steps import Kind, Verdict, policy_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.trust.decision import Decision
    from daypass.trust.edit import Edit, Refusal
    from daypass.trust.steps import Explanation, Step

_MAX_VALUES: Final = 4
_MAX_STATEMENTS: Final = 8
_WIDTH: Final = 10
_LABELS: Final = {
    Kind.TOKEN: "token",
    Kind.PROVIDER: "provider",
    Kind.AUDIENCE: "audience",
    Kind.ROLES_CLAIM: "roles",
}
_VERDICTS: Final = {Verdict.YES: "ok", Verdict.NO: "no", Verdict.UNKNOWN: "not checked"}


def words(decision: Decision) -> str:
    """Per statement whether it applies; for each condition in the way: operator, key, wanted, found, and why."""
    return "\n".join(_policy(policy_step(Case.of(decision))))


def narrate(explanation: Explanation, remedy: Edit | Refusal | None = None) -> str:
    """Every step of an explanation, and what would help."""
    return "\n".join(_told(explanation, remedy))


def shown(value: str) -> str:
    """A value from a token or a policy, unable to move the cursor or to start a line of its own."""
    cut = value if len(value) <= 200 else value[:199] + "…"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in cut) or '""'


def _told(explanation: Explanation, remedy: Edit | Refusal | None) -> Iterator[str]:
    policies = [step for step in explanation.steps if step.kind is Kind.POLICY]
    others = [step for step in explanation.steps if step.kind is not Kind.POLICY]
    obstacle = next((step for step in explanation.steps if step.verdict is Verdict.NO), None)
    if obstacle is None:
        yield f"allowed: {shown(policies[0].detail or '')}"
    else:
        yield f"denied: {shown(obstacle.detail or 'the token cannot be used')}"
    yield ""
    for step in others:
        yield from _check(step)
    for step in policies:
        yield f"{'policy':<{_WIDTH}}{_VERDICTS[step.verdict]}: {shown(step.detail or '')}"
        yield from _statements(step)
    if remedy is not None:
        yield ""
        yield from remedy.lines()


def _check(step: Step) -> Iterator[str]:
    about = step.detail or " | ".join(map(shown, step.found))
    yield f"{_LABELS[step.kind]:<{_WIDTH}}{_VERDICTS[step.verdict]}: {shown(about)}"
    if step.verdict is Verdict.NO and step.kind is not Kind.TOKEN:
        yield from (f"  {line}" for line in _difference(step))
        yield from (f"    {shown(hint.text)}" for hint in step.hints)


def _policy(step: Step) -> Iterator[str]:
    yield f"{'allowed' if step.verdict is Verdict.YES else 'denied'}: {step.detail}"
    yield from _statements(step)


def _statements(step: Step) -> Iterator[str]:
    for statement in step.steps[:_MAX_STATEMENTS]:
        applies = statement.verdict is Verdict.YES
        yield f"  {statement.title} {'applies' if applies else 'does not apply'}"
        for part in statement.steps:
            yield from (f"    {line}" for line in _part(part, applies=applies))
    left = len(step.steps) - _MAX_STATEMENTS
    if left > 0:
        yield f"  and {left} more statement{'s' if left > 1 else ''}"


def _part(step: Step, *, applies: bool) -> Iterator[str]:
    if step.verdict is Verdict.YES and not (step.detail and applies):
        return
    why = [hint.text for hint in step.hints] or [step.detail or ""]
    if step.kind is not Kind.CONDITION:
        yield shown(step.detail or "")
        yield from (f"  {shown(hint.text)}" for hint in step.hints)
        return
    yield shown(step.title)
    if step.verdict is Verdict.NO:
        yield from _difference(step)
    yield from (f"  {shown(text)}" for text in why)


def _difference(step: Step) -> Iterator[str]:
    yield f"  wanted  {_values(step.wanted)}"
    yield f"  found   {_values(step.found)}"


def _values(values: tuple[str, ...]) -> str:
    if not values:
        return "nothing"
    left = len(values) - _MAX_VALUES
    return " | ".join(map(shown, values[:_MAX_VALUES])) + (f" | and {left} more" if left > 0 else "")
