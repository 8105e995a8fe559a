"""The whole explanation as one tree: token, provider, audience, every statement, condition and value.

Nothing is judged a second time. Claims are held to the checks that STS makes too (`token_claims`), the policy is the
evaluator's `Decision`, and single values are judged by asking the evaluator about them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.trust import recognisers, token_claims
from daypass.trust.decision import Decision, Reason, Request
from daypass.trust.each_value import judge_values
from daypass.trust.evaluate import evaluate
from daypass.trust.recognisers import Case, Hint
from daypass.trust.session import has_roles
from daypass.trust.statement import Effect, Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.trust.attempt import Attempt
    from daypass.trust.decision import ConditionResult, StatementResult
    from daypass.trust.document import Policy
    from daypass.trust.token_claims import Fault

MAX_STATEMENTS: Final = 64
"""So many statements are told value by value."""


class Kind(StrEnum):
    """What a step is about."""

    TOKEN = "token"  # noqa: S105 (a word, not a secret)
    PROVIDER = "provider"
    AUDIENCE = "audience"
    ROLES_CLAIM = "roles_claim"
    POLICY = "policy"
    STATEMENT = "statement"
    PRINCIPAL = "principal"
    ACTION = "action"
    CONDITION = "condition"
    VALUE = "value"


class Verdict(StrEnum):
    """How a step came out: a check is passed, a statement applies, a principal, action, condition or value matches."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """What the step would have to know was not told, so it stands in nobody's way here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One verdict.

    Attributes:
        kind: what it is about.
        title: which one: an action, `statement 1 (Allow)`, `StringEquals idp.example.com:sub`.
        verdict: how it came out.
        wanted: what would have been right.
        found: what was there.
        detail: why, in words; None where the verdict says it all.
        hints: the mistakes behind it.
        steps: what it is made of.
    """

    kind: Kind
    title: str
    verdict: Verdict
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    detail: str | None = None
    hints: tuple[Hint, ...] = ()
    steps: tuple[Step, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "kind": self.kind.value,
            "title": self.title,
            "verdict": self.verdict.value,
            "wanted": list(self.wanted),
            "found": list(self.found),
            "detail": self.detail,
            "hints": [hint.to_json() for hint in self.hints],
            "steps": [step.to_json() for step in self.steps],
        }

    def walk(self) -> Iterator[Step]:
        """This step and all below it."""
        yield self
        for step in self.steps:
            yield from step.walk()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every step of an attempt, and the decisions behind the steps of the policy, one for each action."""

    attempt: Attempt
    policy: Policy
    steps: tuple[Step, ...]
    decisions: tuple[Decision, ...] = field(repr=False)

    @property
    def allowed(self) -> bool:
        """Whether no step says no."""
        return all(step.verdict is not Verdict.NO for step in self.steps)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The hints of all steps, each once."""
        return tuple(dict.fromkeys(hint for step in self.steps for each in step.walk() for hint in each.hints))

    def to_json(self) -> dict[str, object]:
        """As plain values, for a program."""
        return {
            "allowed": self.allowed,
            "provider": str(self.attempt.provider),
            "role": None if self.attempt.role is None else str(self.attempt.role),
            "steps": [step.to_json() for step in self.steps],
        }


def explain(policy: Policy, attempt: Attempt) -> Explanation:
    """Take an attempt through every step, past the first that says no. Never raises."""
    principal = Principal(PrincipalKind.FEDERATED, str(attempt.provider))
    actions = [attempt.action] if attempt.action else [name for name, _ in token_claims.actions_of(attempt.claims)]
    decisions = tuple(evaluate(policy, Request(principal, action, attempt.context)) for action in actions)
    steps = (
        _token(attempt),
        _provider(attempt),
        _audience(attempt),
        *_roles_claim(attempt),
        *(policy_step(Case.of(decision, policy, attempt)) for decision in decisions),
    )
    return Explanation(attempt, policy, steps, decisions)


def policy_step(case: Case) -> Step:
    """What a policy says to one action."""
    decision = case.decision
    return Step(
        Kind.POLICY,
        decision.request.action,
        _verdict(yes=decision.allowed),
        detail=_headline(decision),
        steps=tuple(_statement(case, result) for result in decision.statements),
    )


def name_of(result: StatementResult) -> str:
    """A statement as people count it."""
    return f"statement {result.index + 1}" + (f" `{result.sid}`" if result.sid else "")


def _verdict(*, yes: bool) -> Verdict:
    return Verdict.YES if yes else Verdict.NO


def _headline(decision: Decision) -> str:
    action = decision.request.action
    if decision.denied_by:
        return f"{name_of(decision.denied_by[0])} denies {action}"
    if decision.allowed:
        return f"{name_of(decision.allowed_by[0])} allows {action}"
    return f"no statement allows {action}"


def _token(attempt: Attempt) -> Step:
    claims = attempt.claims
    faults = [
        token_claims.check_forms(claims, required=attempt.required),
        token_claims.check_session_claims(claims),
    ]
    if attempt.now is not None and faults[0] is None:
        faults.append(token_claims.check_times(claims, attempt.now))
    problems = [fault.detail for fault in faults if fault is not None]
    return Step(
        Kind.TOKEN,
        "claims",
        _verdict(yes=not problems),
        wanted=attempt.required,
        found=tuple(name for name in attempt.required if name in claims),
        detail="; ".join(problems) or None,
    )


def _provider(attempt: Attempt) -> Step:
    issuer, provider, role = attempt.claims.get("iss"), attempt.provider, attempt.role
    problems: list[str] = []
    hints: list[Hint] = []
    if isinstance(issuer, str) and issuer != provider.issuer_url:
        problems.append("the token is of another issuer than this provider stands for")
        hints.extend(_nearly(issuer, provider.issuer_url))
    if role is not None and (role.account, role.partition) != (provider.account, provider.partition):
        problems.append(f"the role is in account {role.account}, and role and provider share an account")
        hints.append(Hint("provider_of_another_account", f"use the provider of account {role.account}"))
    return Step(
        Kind.PROVIDER,
        str(provider),
        _verdict(yes=not problems and isinstance(issuer, str)),
        wanted=(provider.issuer_url,),
        found=(issuer,) if isinstance(issuer, str) else (),
        detail="; ".join(problems) or None,
        hints=tuple(hints),
    )


def _nearly(issuer: str, url: str) -> Iterator[Hint]:
    if issuer.rstrip("/") == url.rstrip("/"):
        yield Hint("issuer_slash", "they differ in a slash at the end, and that makes another issuer")
    elif issuer.lower() == url.lower():
        yield Hint("issuer_letter_case", "they differ only in letter case, and it counts")
    elif issuer.startswith(url.rstrip("/") + "/") or url.startswith(issuer.rstrip("/") + "/"):
        yield Hint("issuer_path", "one has a path that the other lacks; a provider has the whole URL")


def _audience(attempt: Attempt) -> Step:
    found = token_claims.effective_audience(attempt.claims)
    shown = (found,) if found else ()
    if attempt.client_ids is None:
        return Step(
            Kind.AUDIENCE, "client id", Verdict.UNKNOWN, found=shown, detail="the provider's client ids are not known"
        )
    fault: Fault | None = token_claims.check_audience(attempt.claims, attempt.client_ids)
    return Step(
        Kind.AUDIENCE,
        "client id",
        _verdict(yes=fault is None),
        wanted=attempt.client_ids,
        found=shown,
        detail=None if fault is None else fault.detail,
    )


def _roles_claim(attempt: Attempt) -> Iterator[Step]:
    if not has_roles(attempt.claims):
        return
    if attempt.role is None:
        yield Step(
            Kind.ROLES_CLAIM, "roles", Verdict.UNKNOWN, detail="the token lists roles; which is asked is not known"
        )
        return
    fault = token_claims.check_roles(attempt.claims, attempt.role)
    detail = None if fault is None else fault.detail
    yield Step(Kind.ROLES_CLAIM, "roles", _verdict(yes=fault is None), wanted=(str(attempt.role),), detail=detail)


def _statement(case: Case, result: StatementResult) -> Step:
    hints = recognisers.of_statement(case, result)
    principal, action = case.decision.request.principal.value, case.decision.request.action
    right_one, right_action = result.principal is Reason.MATCHED, result.action is Reason.MATCHED
    values = _values(case, result)
    return Step(
        Kind.STATEMENT,
        f"{name_of(result)} ({result.effect.value})",
        _verdict(yes=result.applies),
        steps=(
            Step(
                Kind.PRINCIPAL,
                "principal",
                _verdict(yes=right_one),
                wanted=_principals(case, result.index),
                found=(principal,),
                detail=None if right_one else f"it speaks of another principal than {principal}",
                hints=tuple(hint for hint in hints if hint.code.startswith(("principal", "provider"))),
            ),
            Step(
                Kind.ACTION,
                "action",
                _verdict(yes=right_action),
                wanted=_actions(case, result.index),
                found=(action,),
                detail=None if right_action else f"it speaks of another action than {action}",
                hints=tuple(hint for hint in hints if not hint.code.startswith(("principal", "provider"))),
            ),
            *(_condition(case, result, condition, values.get(condition, ())) for condition in result.conditions),
        ),
    )


def _principals(case: Case, index: int) -> tuple[str, ...]:
    return () if case.policy is None else tuple(each.value for each in case.policy.statements[index].principals)


def _actions(case: Case, index: int) -> tuple[str, ...]:
    if case.policy is None:
        return ()
    statement = case.policy.statements[index]
    return tuple(each.text for each in statement.actions) or tuple(f"not {each.text}" for each in statement.not_actions)


def _condition(case: Case, statement: StatementResult, condition: ConditionResult, values: tuple[Step, ...]) -> Step:
    return Step(
        Kind.CONDITION,
        f"{condition.operator} {condition.key}",
        _verdict(yes=condition.matched),
        wanted=condition.wanted,
        found=condition.found,
        detail=_why(statement, condition),
        hints=recognisers.of_condition(case, condition),
        steps=values,
    )


_WHY: Final = {
    Reason.KEY_ABSENT: "the request has no such key",
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


def _why(statement: StatementResult, condition: ConditionResult) -> str | None:
    """Why a condition does not hold, or what it holds for that is no value; None when it simply matches."""
    if not condition.matched:
        return _WHY[condition.reason]
    if condition.reason not in _ACCEPTED:
        return None
    open_door = statement.effect is Effect.ALLOW and statement.applies
    return f"holds because {_ACCEPTED[condition.reason]}" + (": it guards nothing here" if open_door else "")


def _values(case: Case, result: StatementResult) -> Mapping[ConditionResult, tuple[Step, ...]]:
    if case.policy is None or result.index >= MAX_STATEMENTS:
        return {}
    judged = judge_values(case.policy.version, result, case.decision.request.context)
    return {
        condition: tuple(
            Step(Kind.VALUE, value.value, _verdict(yes=value.matched), wanted=value.wanted, found=value.found)
            for value in values
        )
        for condition, values in judged.items()
    }
