"""A concrete token that a policy lets in: claims that the engine itself admits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.subjects.grammars import grammar_for
from daypass.subjects.strangers import suggestions
from daypass.trust.callers import TokenBearer, token_bearers
from daypass.trust.classes import Limit
from daypass.trust.languages import Language
from daypass.trust.operators import Comparison
from daypass.trust.search import Found, Undecided, admits, find
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.names import ProviderArn
    from daypass.subjects.grammars import Grammar
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.context import Context
    from daypass.trust.document import Policy
    from daypass.trust.statement import Statement

__all__ = ["Undecided", "Witness", "search", "witness"]


@dataclass(frozen=True, slots=True)
class Witness:
    """A token that a policy lets in.

    Attributes:
        claims: of the token: `iss`, `sub`, `aud` and what else the policy asks for.
        subject: its `sub`.
        audience: its `aud`.
        provider: the IAM OIDC provider it is for.
        context: the condition keys that `evaluate` admitted.
        realistic: whether the issuer is known, and its grammar has such a subject.
        statement: the Allow statement that lets it in, from 0.
    """

    claims: Mapping[str, JsonValue]
    subject: str
    audience: str
    provider: ProviderArn
    context: Context
    realistic: bool
    statement: int

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "provider": str(self.provider),
            "subject": self.subject,
            "audience": self.audience,
            "realistic": self.realistic,
            "statement": self.statement,
            "claims": dict(self.claims),
            "context": {key: list(values) for key, values in self.context.values.items()},
        }


def witness(
    policy: Policy,
    *,
    provider: ProviderArn | None = None,
    grammar: Grammar | None = None,
    not_matching: Sequence[str] = (),
) -> Witness | None:
    """A token that the policy admits and whose `sub` fits none of the patterns; None when none was found.

    Args:
        policy: as parsed.
        provider: the one to look at; by default each that the policy names.
        grammar: of its issuer; by default the known one, if any.
        not_matching: `StringLike` patterns of the subjects that are meant to enter.
    """
    found = search(policy, provider=provider, grammar=grammar, not_matching=not_matching)
    return found if isinstance(found, Witness) else None


def search(
    policy: Policy,
    *,
    provider: ProviderArn | None = None,
    grammar: Grammar | None = None,
    not_matching: Sequence[str] = (),
) -> Witness | Undecided | None:
    """As `witness`; None is a proof that there is no such token."""
    undecided: Undecided | None = None
    for bearer in bearers(policy, provider):
        limits = [Limit(subject_key(bearer), Language.like(map(Pattern.parse, not_matching)), inside=False)]
        found = look(policy, bearer, limits=limits if not_matching else (), grammar=grammar)
        if isinstance(found, Witness):
            return found
        undecided = found or undecided
    return undecided


def bearers(policy: Policy, provider: ProviderArn | None) -> tuple[TokenBearer, ...]:
    """Whose tokens to look at: those of `provider`, or of every provider that the policy names."""
    named = token_bearers(policy)
    if provider is None:
        return named
    # A built-in provider has no ARN, and the policy names it by its host.
    return tuple(
        each
        for each in named
        if each.provider.issuer == provider.issuer and each.principal.value in {str(provider), provider.issuer}
    ) or (TokenBearer.of(provider),)


def subject_key(bearer: TokenBearer) -> str:
    """The condition key for `sub`, in lower case."""
    return f"{bearer.provider.issuer.lower()}:sub"


def shaped(bearer: TokenBearer, grammar: Grammar) -> Iterator[Limit]:
    """Each form of the issuer's subjects, one at a time: mostly the first will do."""
    for shape in grammar.shapes:
        yield Limit(subject_key(bearer), Language.shaped((shape,)), inside=True)


def look(
    policy: Policy,
    bearer: TokenBearer,
    *,
    limits: Sequence[Limit] = (),
    grammar: Grammar | None = None,
    statement: int | None = None,
    patterns: Sequence[str] | None = None,
) -> Witness | Undecided | None:
    """One token of a bearer's issuer within the limits, such as the issuer makes them where that is known.

    Args:
        policy: that admits it.
        bearer: whose tokens.
        limits: on the values of keys.
        grammar: of the issuer; by default the known one, if any.
        statement: the only Allow statement to look at, from 0; None for all.
        patterns: of the subject, to choose one that reads well; by default those of the statement.
    """
    grammar = grammar or grammar_for(bearer.provider.issuer)
    if grammar is not None and grammar.audience is not None:
        bearer = TokenBearer(bearer.provider, bearer.principal, grammar.audience)
    found = find(policy, bearer, limits=limits, statement=statement)
    if not isinstance(found, Found):
        return found
    asked = asked_subjects(policy.statements[found.statement], bearer) if patterns is None else patterns
    if grammar is None:
        named = _replaced(policy, bearer, found, _fitting(asked), limits)
        return _witness(bearer, named or found, realistic=False)
    real = _replaced(policy, bearer, found, suggestions(grammar, asked), limits)
    if real is None:
        for limit in shaped(bearer, grammar):
            again = find(policy, bearer, limits=[*limits, limit], statement=statement)
            if isinstance(again, Found):
                real = again
                break
    return _witness(bearer, real or found, realistic=real is not None)


def _witness(bearer: TokenBearer, found: Found, *, realistic: bool) -> Witness:
    claims = found.asked.claims or {}
    return Witness(
        claims=claims,
        subject=str(claims["sub"]),
        audience=str(claims.get("azp", claims["aud"])),
        provider=bearer.provider,
        context=found.asked.context,
        realistic=realistic,
        statement=found.statement,
    )


def _replaced(
    policy: Policy,
    bearer: TokenBearer,
    found: Found,
    subjects: Iterator[str],
    limits: Sequence[Limit],
) -> Found | None:
    """The same request with the first of the subjects with which it is admitted as well; None without such a one."""
    key = subject_key(bearer)
    for subject in subjects:
        if not all(limit.language.has(subject) is limit.inside for limit in limits if limit.key == key):
            continue
        values = {**found.values, key: (subject,)}
        asked = bearer.asked(values, found.asked.actions)
        if asked is not None and admits(policy, bearer, asked):
            return Found(bearer, asked, values, found.statement)
    return None


def asked_subjects(statement: Statement, bearer: TokenBearer) -> tuple[str, ...]:
    """The values of `sub` that a statement asks for, as written; none when it asks for none."""
    wanted = {Comparison.EXACT, Comparison.LIKE}
    return tuple(
        value
        for condition in statement.conditions
        if condition.key.lower() == subject_key(bearer)
        and condition.parsed.comparison in wanted
        and not condition.parsed.negated
        for value in condition.values
    )


def _fitting(patterns: Sequence[str]) -> Iterator[str]:
    """Subjects that fit what is asked for, with a word in the place of a star."""
    for value in patterns or ("*",):
        for word in ("anybody", "stranger") if value.startswith("*") else ("-evil", "anybody", "x"):
            yield value.replace("*", word).replace("?", "x")
