"""Each value of a condition judged alone, by asking the evaluator about a condition with that value only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.token_claims import LOGIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.trust.decision import ConditionResult, StatementResult

MAX_VALUES: Final = 32
"""So many values of a condition are judged one by one, and four times as many of a statement."""


@dataclass(frozen=True, slots=True)
class ValueResult:
    """How one value came out, with the policy's values and the request's that were compared."""

    value: str
    matched: bool
    wanted: tuple[str, ...]
    found: tuple[str, ...]


def judge_values(
    version: str, result: StatementResult, context: Context
) -> Mapping[ConditionResult, tuple[ValueResult, ...]]:
    """The values of each condition of a statement: the wanted ones, or those found where an operator takes sets.

    Args:
        version: the policy's, which tells whether `${` means something.
        result: the statement as evaluated.
        context: of the request.
    """
    probes = [probe for condition in result.conditions for probe in _probes(condition, context)][: 4 * MAX_VALUES]
    values = {
        condition: (ValueResult(condition.wanted[0], condition.matched, condition.wanted, condition.found),)
        for condition in result.conditions
        if _is_one(condition) and _is_asked(condition)
    }
    for probe, matched in zip(probes, _judged(version, probes), strict=True):
        value = probe.wanted[0] if probe.by_wanted else probe.found[0]
        told = ValueResult(value, matched, probe.wanted, probe.found)
        values[probe.condition] = (*values.get(probe.condition, ()), told)
    return values


@dataclass(frozen=True, slots=True)
class _Probe:
    condition: ConditionResult
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    context: Context
    by_wanted: bool


def _is_asked(condition: ConditionResult) -> bool:
    return bool(condition.found and condition.wanted) and condition.operator != "Null"


def _is_one(condition: ConditionResult) -> bool:
    """Whether the condition with its only value is the condition itself, which the evaluator has judged."""
    return len(condition.wanted) == 1 and ":" not in condition.operator


def _probes(condition: ConditionResult, context: Context) -> Iterator[_Probe]:
    if _is_one(condition) or not _is_asked(condition):
        return
    if ":" not in condition.operator:
        for value in condition.wanted[:MAX_VALUES]:
            yield _Probe(condition, (value,), condition.found, context, by_wanted=True)
        return
    for value in condition.found[:MAX_VALUES]:
        others = {key: values for key, values in context.values.items() if key.lower() != condition.key.lower()}
        alone = Context({**others, condition.key: (value,)}, context.multivalued)
        yield _Probe(condition, condition.wanted, (value,), alone, by_wanted=False)


def _judged(version: str, probes: Sequence[_Probe]) -> Iterator[bool]:
    """What the evaluator says of conditions with one value each."""
    by_context: dict[int, list[_Probe]] = {}
    for probe in probes:
        by_context.setdefault(id(probe.context), []).append(probe)
    answers = {id(probe): answer for group in by_context.values() for probe, answer in _asked(version, group)}
    return (answers[id(probe)] for probe in probes)


def _asked(version: str, probes: Sequence[_Probe]) -> Iterator[tuple[_Probe, bool]]:
    policy = _policy(version, tuple((probe.condition.operator, probe.condition.key, probe.wanted) for probe in probes))
    if policy is None:
        yield from ((probe, probe.condition.matched) for probe in probes)
        return
    request = Request(Principal(PrincipalKind.ANYONE, "*"), LOGIN, probes[0].context)
    for probe, statement in zip(probes, policy.statements, strict=True):
        yield probe, statement.applies(request)


@lru_cache(maxsize=128)
def _policy(version: str, conditions: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Policy | None:
    """One policy with a statement for each condition; None when together they are longer than a policy may be.

    Kept, because a policy is explained again and again, and its values stay the same.
    """
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {operator: {key: list(wanted)}}}
        for operator, key, wanted in conditions
    ]
    try:
        return Policy.parse(json.dumps({"Version": version, "Statement": statements}, ensure_ascii=False))
    except DaypassError:
        return None
