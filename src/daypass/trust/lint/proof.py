"""What the engine says about a suspicion: a token that gets in, or that none does.

A rule suspects from the form of a condition; only what is proved here is reported as open or dead.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.subjects.strangers import STRANGER, tenant_of
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.lint.view import OidcArn
from daypass.trust.reading import VERSION
from daypass.trust.statement import Effect, Principal, PrincipalKind
from daypass.trust.unknown import has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daypass.names import ProviderArn
    from daypass.subjects.grammars import Grammar
    from daypass.tokens.strict_json import JsonObject
    from daypass.trust.lint.model import LintSubject
    from daypass.trust.lint.view import Trust
    from daypass.trust.statement import Condition, Statement
    from daypass.trust.witness import Witness

ACTION: Final = "sts:AssumeRoleWithWebIdentity"


def stranger(
    subject: LintSubject,
    trust: Trust,
    *,
    narrowed: tuple[Condition, Sequence[str]] | None = None,
    not_matching: Sequence[str] = (),
) -> Witness | None:
    """A token that gets in and is not of the customer who is meant.

    Who is meant is told by `not_matching`; without it, whoever gets in first is, so that a Deny which leaves one
    customer is no open door.
    """
    first = admitted(subject, trust, narrowed=narrowed, not_matching=not_matching)
    if first is None or not_matching:
        return first
    policy = _narrowed(subject, trust, narrowed)
    another = _renamed(policy, trust, first) if policy is not None else None
    return another or admitted(subject, trust, narrowed=narrowed, not_matching=(_customer(trust, first.subject),))


def _renamed(policy: Policy, trust: Trust, first: Witness) -> Witness | None:
    """The same token of another customer, when it gets in too: the cheap way to a stranger."""
    tenant = _tenant(trust, first.subject)
    if tenant is None or tenant == STRANGER:
        return None
    start = first.subject.index(tenant)
    subject = first.subject[:start] + STRANGER + first.subject[start + len(tenant) :]
    context = Context({**first.context.values, f"{trust.issuer}:sub": (subject,)}, first.context.multivalued)
    principal = Principal(PrincipalKind.FEDERATED, str(trust.provider))
    if not evaluate(policy, Request(principal, ACTION, context)).allowed:
        return None
    return replace(first, claims={**first.claims, "sub": subject}, subject=subject, context=context)


def _tenant(trust: Trust, subject: str) -> str | None:
    """The name of the customer in a subject, None when it is not a name that others could have."""
    grammar = trust.grammar
    shape = grammar.shape_of(subject) if grammar is not None else None
    if grammar is None or shape is None or grammar.tenant is None:
        return None
    names = {component.name: component for component in shape.components}
    component = names.get(grammar.tenant)
    if component is None or component.allowed:
        return None
    return tenant_of(grammar, shape.parse(subject) or {}) or None


def _customer(trust: Trust, subject: str) -> str:
    """The pattern of all subjects of the customer that one subject belongs to."""
    tenant = _tenant(trust, subject)
    return subject if tenant is None else subject[: subject.index(tenant) + len(tenant)] + "*"


def admitted(
    subject: LintSubject,
    trust: Trust,
    *,
    narrowed: tuple[Condition, Sequence[str]] | None = None,
    not_matching: Sequence[str] = (),
) -> Witness | None:
    """A token of the trusted issuer that this statement alone lets in, past every Deny of the policy.

    Args:
        subject: the policy.
        trust: the statement and the provider.
        narrowed: a condition, and the values of it that are looked at alone.
        not_matching: patterns of the subjects that are meant to enter.
    """
    policy = _narrowed(subject, trust, narrowed)
    return None if policy is None else _search(policy.text, trust.provider, trust.grammar, tuple(not_matching))


@lru_cache(maxsize=4096)
def _search(text: str, provider: ProviderArn, grammar: Grammar | None, not_matching: tuple[str, ...]) -> Witness | None:
    """Several rules ask for the same token, and several roles have the same policy."""
    from daypass.trust.witness import witness  # noqa: PLC0415 - most policies raise no suspicion

    return witness(Policy.parse(text), provider=provider, grammar=grammar, not_matching=not_matching)


def _narrowed(subject: LintSubject, trust: Trust, narrowed: tuple[Condition, Sequence[str]] | None) -> Policy | None:
    conditions = [
        (each, narrowed[1] if narrowed is not None and each is narrowed[0] else each.values)
        for each in trust.statement.conditions
    ]
    return _alone(subject, trust, conditions)


def is_alive(subject: LintSubject, trust: Trust) -> bool:
    """Whether the statement lets anybody in."""
    return admitted(subject, trust) is not None


def is_contradiction(trust: Trust, conditions: Iterable[Condition]) -> bool:
    """Whether no token at all satisfies these conditions together; proved, not only not found."""
    policy = _parsed([_statement(trust, [(each, each.values) for each in conditions], (ACTION,))], VERSION)
    from daypass.trust.witness import search  # noqa: PLC0415 - most policies raise no suspicion

    return policy is not None and search(policy, provider=trust.provider, grammar=trust.grammar) is None


def holds_without_key(trust: Trust, condition: Condition) -> bool:
    """Whether a condition holds for a request that does not have its key."""
    policy = _parsed([_statement(trust, [(condition, condition.values)], (ACTION,))], VERSION)
    if policy is None:
        return True
    principal = Principal(PrincipalKind.FEDERATED, str(trust.provider))
    return evaluate(policy, Request(principal, ACTION, Context({}))).allowed


def _alone(subject: LintSubject, trust: Trust, conditions: Sequence[tuple[Condition, Sequence[str]]]) -> Policy | None:
    """The policy with this one Allow; None when a Deny holds values that are not known."""
    written = [_statement(trust, conditions, tuple(action.text for action in trust.statement.actions))]
    if subject.policy is None or trust.statement.not_actions:
        return None
    for statement in subject.policy.statements:
        if statement.effect is Effect.DENY:
            denied = _deny(trust, statement)
            if denied is None:
                return None
            written.append(denied)
    return _parsed(written, subject.policy.version)


def _deny(trust: Trust, statement: Statement) -> JsonObject | None:
    if any(has_unknown(text) for condition in statement.conditions for text in (*condition.values, condition.key)):
        return None
    named = [
        principal.value
        for principal in statement.principals
        if principal.kind is PrincipalKind.FEDERATED and _is_provider(trust, principal.value)
    ]
    everyone = any(principal.kind is PrincipalKind.ANYONE for principal in statement.principals)
    result = _statement(
        trust,
        [(condition, condition.values) for condition in statement.conditions],
        tuple(action.text for action in statement.actions or statement.not_actions),
    )
    if statement.not_actions:
        result["NotAction"] = result.pop("Action")
    if not named and not everyone:
        result["Principal"] = {"AWS": "*"}
    return result | {"Effect": Effect.DENY.value}


def _is_provider(trust: Trust, value: str) -> bool:
    arn = OidcArn.of(value)
    return value in {trust.arn, str(trust.provider), "*"} or (arn is not None and arn.issuer == trust.issuer)


def _statement(
    trust: Trust, conditions: Iterable[tuple[Condition, Sequence[str]]], actions: tuple[str, ...]
) -> JsonObject:
    block: dict[str, JsonObject] = {}
    for condition, values in conditions:
        block.setdefault(condition.operator, {})[condition.key] = list(values)
    return {
        "Effect": Effect.ALLOW.value,
        "Principal": {"Federated": str(trust.provider)},
        "Action": list(actions),
        "Condition": dict(block),
    }


def _parsed(statements: list[JsonObject], version: str) -> Policy | None:
    try:
        return Policy.parse(json.dumps({"Version": version, "Statement": statements}))
    except DaypassError:
        return None
