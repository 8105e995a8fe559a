"""Find a request that one policy admits and another does not, or prove that there is none.

One Allow statement after the other is taken as the one that lets the request in, and, where the other policy denies,
one Deny statement after the other as the one that stops it there. Then their own conditions must hold, those of the
statements in the way should not, and for each key few kinds of values are left. Every combination of these goes to
`evaluate`; it alone decides.

Why nothing is missed: with these statements fixed, the answer only ever turns to no when a condition in the way begins
to hold. So of two values of a key, the one under which fewer of them hold is never the worse choice, whatever the other
keys are, and the worse one need not be tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Final

from daypass.trust.classes import Limit, Wish, candidates, group_of
from daypass.trust.decision import Request
from daypass.trust.evaluate import evaluate
from daypass.trust.languages import NotRegular, TooManyClasses
from daypass.trust.statement import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.trust.callers import Asked, Caller, Values
    from daypass.trust.document import Policy
    from daypass.trust.statement import Condition, Statement

MAX_COMBINATIONS: Final = 20_000
"""Of values of all keys, for one Allow statement, that are put to the policies."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither a request nor a proof that there is none; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A request that was looked for: who asks, with which values, and the Allow statement that lets it in."""

    caller: Caller
    asked: Asked
    values: Mapping[str, tuple[str, ...]]
    statement: int

    @property
    def request(self) -> Request:
        """The request for the first of the actions."""
        return Request(self.caller.principal, self.asked.actions[0], self.asked.context)


def admits(policy: Policy, caller: Caller, asked: Asked) -> bool:
    """Whether the policy allows every action that the request needs."""
    return all(evaluate(policy, Request(caller.principal, action, asked.context)).allowed for action in asked.actions)


def find(
    policy: Policy,
    caller: Caller,
    *,
    unless: Policy | None = None,
    limits: Sequence[Limit] = (),
    statement: int | None = None,
) -> Found | Undecided | None:
    """A request of a caller that `policy` admits, `unless` that other policy does too; None proves there is none.

    Args:
        policy: that admits it.
        caller: who asks.
        unless: a policy that must not admit it.
        limits: on the values of keys.
        statement: the only Allow statement to look at, from 0; None for all.
    """
    undecided: Undecided | None = None
    for way in _ways(policy, unless, caller):
        for entering in _enterings(policy, caller, way):
            if statement is not None and entering[0].index != statement:
                continue
            try:
                found = _past_unless(entering, _Question(policy, unless, caller, limits), way)
            except NotRegular as problem:
                undecided = Undecided(f"{problem} is not enumerated")
            except TooManyClasses:
                undecided = Undecided("the conditions tell more values apart than are looked at")
            else:
                if found is not None:
                    return found
    return undecided


def _ways(policy: Policy, unless: Policy | None, caller: Caller) -> Iterator[tuple[str, ...]]:
    """The ways to ask; those that ask for more than the first only where something tells them apart."""
    first = caller.ways[0]
    yield first
    for way in caller.ways[1:]:
        more = [action for action in way if action not in first]
        if len(more) == len(way) or unless is not None or all(_mentions(policy, caller, action) for action in more):
            yield way


def _mentions(policy: Policy, caller: Caller, action: str) -> bool:
    """Whether a condition of the policy asks for a key that is there only when `action` is asked for."""
    keys = {condition.key.lower() for statement in policy.statements for condition in statement.conditions}
    plain = caller.ways[0]
    return any(caller.domain(key, (*plain, action)) != caller.domain(key, plain) for key in keys)


def _enterings(policy: Policy, caller: Caller, way: tuple[str, ...]) -> Iterator[tuple[Statement, ...]]:
    """Every choice of Allow statements that together allow all actions. One that covers an action is enough for it."""
    allows = [
        statement
        for statement in policy.statements
        if statement.effect is Effect.ALLOW and statement.names_principal(caller.principal)
    ]
    first, *further = way
    for statement in allows:
        if statement.names_action(first):
            open_actions = [action for action in further if not statement.names_action(action)]
            choices = [[other for other in allows if other.names_action(action)] for action in open_actions]
            for others in product(*choices):
                yield (statement, *dict.fromkeys(others))


@dataclass(frozen=True, slots=True)
class _Question:
    policy: Policy
    unless: Policy | None
    caller: Caller
    limits: Sequence[Limit]

    def admits(self, asked: Asked) -> bool:
        return admits(self.policy, self.caller, asked) and (
            self.unless is None or not admits(self.unless, self.caller, asked)
        )


def _past_unless(entering: tuple[Statement, ...], question: _Question, way: tuple[str, ...]) -> Found | None:
    """The other policy does not admit what none of its Allow statements lets in, or what one of its Deny stops."""
    found = _through(entering, None, question, way)
    if found is not None or question.unless is None:
        return found
    for statement in _concerning(question.unless, question.caller, way):
        if statement.effect is Effect.DENY:
            found = _through(entering, statement, question, way)
            if found is not None:
                return found
    return None


def _through(
    entering: tuple[Statement, ...], stopping: Statement | None, question: _Question, way: tuple[str, ...]
) -> Found | None:
    """A request that `entering` lets in, and that `stopping` stops in the other policy when there is one."""
    caller, limits = question.caller, question.limits
    wishes = _wishes(entering, stopping, question, way)
    groups = sorted({group_of(wish.condition.key.lower()) for wish in wishes} | {limit.key for limit in limits})
    choices: list[list[Values]] = []
    for group in groups:
        of_group = [wish for wish in wishes if group_of(wish.condition.key.lower()) == group]
        of_limits = [limit for limit in limits if limit.key == group]
        choices.append(candidates(group, of_group, of_limits, caller=caller, way=way))
        if not choices[-1]:
            return None
    if prod(map(len, choices)) > MAX_COMBINATIONS:
        raise TooManyClasses
    unreachable = False
    for combination in product(*choices):
        values = {key: found for choice in combination for key, found in choice.items()}
        asked = caller.asked(values, way)
        if asked is None:
            unreachable = True
        elif question.admits(asked):
            return Found(caller, asked, values, entering[0].index)
    if unreachable:
        raise NotRegular("what a token with these values looks like")
    return None


def _wishes(
    entering: tuple[Statement, ...], stopping: Statement | None, question: _Question, way: tuple[str, ...]
) -> list[Wish]:
    needed = [condition for statement in entering for condition in statement.conditions]
    if stopping is not None:
        needed += stopping.conditions
    few: list[Condition] = []
    for statement in _concerning(question.policy, question.caller, way):
        if statement.effect is Effect.DENY:
            few += statement.conditions
    if question.unless is not None and stopping is None:
        for statement in _concerning(question.unless, question.caller, way):
            if statement.effect is Effect.ALLOW:
                few += statement.conditions
    known = set(map(id, needed))
    return [
        *(Wish(condition, needed=True) for condition in needed),
        *(Wish(condition) for condition in few if id(condition) not in known),
    ]


def _concerning(policy: Policy, caller: Caller, way: tuple[str, ...]) -> Iterator[Statement]:
    for statement in policy.statements:
        if statement.names_principal(caller.principal) and any(map(statement.names_action, way)):
            yield statement
