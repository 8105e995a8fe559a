"""A decision in words, for a terminal: one screen, no colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.decision import Reason
from daypass.trust.statement import Effect, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.trust.decision import ConditionResult, Decision, StatementResult

_MAX_VALUES: Final = 4
_MAX_STATEMENTS: Final = 8

_WHY: Final = {
    Reason.VALUE_DIFFERS: "the value is another one",
    Reason.CASE_DIFFERS: "only the letter case differs, and it counts here",
    Reason.WILDCARD_IN_EXACT_OPERATOR: "this operator takes * literally; StringLike matches patterns",
    Reason.VALUE_EXCLUDED: "the value is one of those that are ruled out",
    Reason.KEY_PRESENT: "the key must be absent, and it is there",
    Reason.KEY_MULTIVALUED: "this key can have several values, and only ForAnyValue: and ForAllValues: read such keys",
    Reason.NO_VALUES_WANTED: "the list of values is empty, and matches nothing",
    Reason.VALUE_UNREADABLE: "the value is not one that this operator can read",
    Reason.POLICY_VALUE_UNREADABLE: "the policy's value is not one that this operator can read",
    Reason.VARIABLE_UNRESOLVED: "a policy variable has no value in this request",
}

_ACCEPTED: Final = {
    Reason.ABSENT_ACCEPTED: "the key is absent",
    Reason.VALUE_UNREADABLE: "the value cannot be read",
    Reason.POLICY_VALUE_UNREADABLE: "the policy's value cannot be read",
    Reason.VARIABLE_UNRESOLVED: "a policy variable has no value in this request",
}


def words(decision: Decision) -> str:
    """Per statement whether it applies; for each condition in the way: operator, key, wanted, found, and why."""
    return "\n".join((_headline(decision), *_body(decision)))


def _headline(decision: Decision) -> str:
    action = decision.request.action
    if decision.denied_by:
        return f"denied: {_name(decision.denied_by[0])} denies {action}"
    if decision.allowed:
        return f"allowed: {_name(decision.allowed_by[0])} allows {action}"
    return f"denied: no statement allows {action}"


def _body(decision: Decision) -> Iterator[str]:
    for result in decision.statements[:_MAX_STATEMENTS]:
        yield f"  {_name(result)} ({result.effect.value}) {'applies' if result.applies else 'does not apply'}"
        yield from (f"    {line}" for line in _statement(decision, result))
    left = len(decision.statements) - _MAX_STATEMENTS
    if left > 0:
        yield f"  and {left} more statement{'s' if left > 1 else ''}"


def _statement(decision: Decision, result: StatementResult) -> Iterator[str]:
    request = decision.request
    if result.principal is not Reason.MATCHED:
        yield f"it speaks of another principal than {request.principal.value}"
    if result.action is not Reason.MATCHED:
        yield f"it speaks of another action than {request.action}"
    for condition in result.conditions:
        if not condition.matched:
            yield f"{condition.operator} {_shown(condition.key)}"
            yield f"  wanted  {_values(condition.wanted)}"
            yield f"  found   {_values(condition.found)}"
            yield f"  {_why(decision, condition)}"
        elif condition.reason in _ACCEPTED and result.applies:
            yield f"{condition.operator} {_shown(condition.key)}"
            yield f"  holds because {_ACCEPTED[condition.reason]}{_danger(result)}"


def _danger(result: StatementResult) -> str:
    return ": it guards nothing here" if result.effect is Effect.ALLOW else ""


def _why(decision: Decision, condition: ConditionResult) -> str:
    if condition.reason is Reason.KEY_ABSENT:
        return _why_absent(decision, condition.key)
    return _WHY[condition.reason]


def _why_absent(decision: Decision, key: str) -> str:
    """Why a key is never there: a prefix that is nearly the issuer's, or a claim that AWS does not show."""
    prefix, _, claim = key.rpartition(":")
    issuer = _issuer(decision)
    if issuer is None or prefix.lower() in {"aws", "sts"} or prefix.lower().startswith("aws:"):
        return "the request has no such key"
    near = f"{issuer}:{claim}"
    if prefix.lower() == issuer.lower():
        shown = sorted(
            name.removeprefix(issuer) for name in decision.request.context.values if name.startswith(issuer + ":")
        )
        return f"this token gives no such key; it gives {', '.join(shown)}"
    if prefix.lower().removeprefix("https://").rstrip("/") == issuer.lower().rstrip("/"):
        if prefix.lower().startswith("https://"):
            return f"a key has no https://; write {near}"
        return f"a slash at the end makes it another issuer; write {near}"
    if issuer.lower().startswith(prefix.lower().removeprefix("https://").rstrip("/") + "/"):
        return f"the issuer's path is missing; write {near}"
    return f"this is not the issuer's prefix; its keys are {issuer}:…"


def _issuer(decision: Decision) -> str | None:
    principal = decision.request.principal
    _, found, issuer = principal.value.partition(":oidc-provider/")
    return issuer if principal.kind is PrincipalKind.FEDERATED and found else None


def _name(result: StatementResult) -> str:
    return f"statement {result.index + 1}" + (f" `{result.sid}`" if result.sid else "")


def _values(values: tuple[str, ...]) -> str:
    if not values:
        return "nothing"
    left = len(values) - _MAX_VALUES
    return " | ".join(map(_shown, values[:_MAX_VALUES])) + (f" | and {left} more" if left > 0 else "")


def _shown(value: str) -> str:
    """A value from a token or a policy, unable to move the cursor or to start a line of its own."""
    cut = value if len(value) <= 200 else value[:199] + "…"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in cut) or '""'
