"""Who can enter: every subject that a policy admits, in words, with samples and proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.subjects.grammars import grammar_for
from daypass.subjects.words import Breadth, Description, describe
from daypass.trust.callers import TokenBearer, callers
from daypass.trust.classes import Limit, value_language
from daypass.trust.languages import NotRegular
from daypass.trust.operators import Comparison, Quantifier
from daypass.trust.statement import Effect
from daypass.trust.token_claims import LOGIN
from daypass.trust.witness import Undecided, Witness, bearers, look, search, subject_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.names import ProviderArn
    from daypass.subjects.grammars import Grammar
    from daypass.trust.document import Policy
    from daypass.trust.statement import Condition, Statement

__all__ = ["Breadth", "Entrance", "Reach", "who"]

_CHOSEN_BY_CALLER: Final = frozenset({"sts:rolesessionname", "aws:useragent", "aws:requestedregion"})
_TEXTUAL: Final = frozenset({Comparison.EXACT, Comparison.IGNORING_CASE, Comparison.LIKE})


@dataclass(frozen=True, slots=True)
class Entrance:
    """One value of a policy through which subjects enter.

    Attributes:
        provider: whose tokens.
        statement: the Allow statement, from 0.
        subject: the exact subject or the pattern, as written; `*` when the statement asks for none.
        breadth: how many that are.
        audiences: that the statement asks for, as written; empty when any registered one will do.
        conditions: what else must hold, in words.
        words: the entrance in words, such as `every branch of mygroup/myproject`.
        sample: a token that enters here.
    """

    provider: ProviderArn
    statement: int
    subject: str
    breadth: Breadth
    audiences: tuple[str, ...]
    conditions: tuple[str, ...]
    words: str
    sample: Witness

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "provider": str(self.provider),
            "statement": self.statement,
            "subject": self.subject,
            "breadth": self.breadth.value,
            "audiences": list(self.audiences),
            "conditions": list(self.conditions),
            "words": self.words,
            "sample": self.sample.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can enter.

    Attributes:
        entrances: through which somebody enters; one that nobody passes is left out.
        only: the pattern asked about.
        counterexample: a token that enters and does not fit it.
        undecided: set when something was not decided; then the entrances may not be all, and nothing is proved.
        others: principals that the policy allows and that need no token; nothing is said about them.
    """

    entrances: tuple[Entrance, ...]
    only: str | None = None
    counterexample: Witness | None = None
    undecided: Undecided | None = None
    others: tuple[str, ...] = ()

    @property
    def proved(self) -> bool | None:
        """Whether nobody but `only` can enter; None when it was not asked or not decided."""
        if self.only is None:
            return None
        if self.counterexample is not None:
            return False
        return None if self.undecided else True

    def words(self) -> str:
        """For a terminal."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self._headline()
        for entrance in self.entrances:
            yield f"  {entrance.words}"
            if entrance.breadth is not Breadth.EXACT and entrance.subject != "*":
                yield f"    pattern   {entrance.subject}"
            yield f"    subject   {entrance.sample.subject}"
            yield f"    audience  {' | '.join(entrance.audiences) or 'any that the provider has registered'}"
            yield from (f"    and       {condition}" for condition in entrance.conditions)
        yield from (f"  not looked at: {other}, which needs no token" for other in self.others)
        if self.undecided is not None:
            yield f"not decided: {self.undecided.reason}"
        if self.only is not None:
            yield self._verdict(self.only)

    def _headline(self) -> str:
        if not self.entrances:
            return "nobody can enter with a token" if self.undecided is None else "who can enter"
        if self.undecided is None and all(entrance.breadth is Breadth.EXACT for entrance in self.entrances):
            count = len({entrance.subject for entrance in self.entrances})
            return "exactly this subject can enter" if count == 1 else f"exactly these {count} subjects can enter"
        return "who can enter"

    def _verdict(self, only: str) -> str:
        if self.counterexample is not None:
            return f"disproved: not only `{only}` can enter; `{self.counterexample.subject}` can"
        return f"not proved: only `{only}`" if self.undecided else f"proved: only `{only}` can enter"

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "entrances": [entrance.to_json() for entrance in self.entrances],
            "only": self.only,
            "proved": self.proved,
            "counterexample": None if self.counterexample is None else self.counterexample.to_json(),
            "undecided": None if self.undecided is None else self.undecided.reason,
            "others": list(self.others),
        }


def who(
    policy: Policy, *, provider: ProviderArn | None = None, grammar: Grammar | None = None, only: str | None = None
) -> Reach:
    """Who can enter.

    Args:
        policy: as parsed.
        provider: the one to look at; by default each that the policy names.
        grammar: of its issuer; by default the known one, if any.
        only: a `StringLike` pattern; proves that no other subject enters, or finds one.
    """
    entrances: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], Entrance] = {}
    undecided: Undecided | None = None
    for bearer in bearers(policy, provider):
        for statement in policy.statements:
            if statement.effect is not Effect.ALLOW or not _concerns(statement, bearer):
                continue
            for entrance in _entrances(policy, statement, bearer, grammar):
                if isinstance(entrance, Undecided):
                    undecided = entrance
                else:
                    key = (str(entrance.provider), entrance.subject, entrance.audiences, entrance.conditions)
                    entrances.setdefault(key, entrance)
    counterexample = None
    if only is not None:
        found = search(policy, provider=provider, grammar=grammar, not_matching=[only])
        counterexample = found if isinstance(found, Witness) else None
        undecided = found if isinstance(found, Undecided) else undecided
    return Reach(tuple(entrances.values()), only, counterexample, undecided, _others(policy))


def _concerns(statement: Statement, bearer: TokenBearer) -> bool:
    return statement.names_principal(bearer.principal) and statement.names_action(LOGIN)


def _others(policy: Policy) -> tuple[str, ...]:
    allowed = [statement for statement in policy.statements if statement.effect is Effect.ALLOW]
    return tuple(
        caller.principal.value
        for caller in callers(policy)
        if not isinstance(caller, TokenBearer)
        and any(statement.names_principal(caller.principal) for statement in allowed)
    )


def _entrances(
    policy: Policy, statement: Statement, bearer: TokenBearer, grammar: Grammar | None
) -> Iterator[Entrance | Undecided]:
    """Each value of `sub` that a statement asks for, when a token with such a subject is admitted."""
    key = subject_key(bearer)
    asked = [
        condition
        for condition in statement.conditions
        if condition.key.lower() == key and condition.parsed.comparison in _TEXTUAL and not condition.parsed.negated
    ]
    binding = min(asked, key=_looseness, default=None)
    further = tuple(_further(policy, statement, bearer, binding))
    for value in binding.values if binding is not None else ("*",):
        sample = _sample(policy, statement, bearer, grammar, (binding, value))
        if sample is None:
            continue  # proved: nobody enters by this value
        if isinstance(sample, Undecided):
            yield sample
            continue
        known = grammar or grammar_for(bearer.provider.issuer)
        described = _described(binding, value, bearer, known)
        if known is not None and not sample.realistic:
            described = Description(
                described.breadth, f"{described.words}; {known.about} makes no such subject unless it is customised"
            )
        guarded = _guards(statement, bearer)
        if described.breadth is Breadth.ANYBODY and guarded:
            described = Description(Breadth.PATTERN, f"{described.words} whose token has {' and '.join(guarded)}")
        yield Entrance(
            provider=bearer.provider,
            statement=statement.index,
            subject=value,
            breadth=described.breadth,
            audiences=_audiences(statement, bearer),
            conditions=further,
            words=described.words,
            sample=sample,
        )


def _sample(
    policy: Policy,
    statement: Statement,
    bearer: TokenBearer,
    grammar: Grammar | None,
    asked: tuple[Condition | None, str],
) -> Witness | Undecided | None:
    """A token that enters by one value; a stranger's where strangers can."""
    condition, value = asked
    limits: list[Limit] = []
    if condition is not None:
        try:
            language = value_language(condition, value, bearer.base)
        except NotRegular as problem:
            return Undecided(f"{problem} is not enumerated")
        if language is None:
            return None
        limits.append(Limit(subject_key(bearer), language, inside=True))
    return look(
        policy,
        bearer,
        limits=limits,
        grammar=grammar,
        statement=statement.index,
        patterns=[] if condition is None else [value],
    )


def _looseness(condition: Condition) -> tuple[bool, int]:
    exact = condition.parsed.comparison is Comparison.EXACT
    return not exact, len(condition.values)


def _described(condition: Condition | None, value: str, bearer: TokenBearer, grammar: Grammar | None) -> Description:
    issuer = bearer.provider.issuer
    if condition is not None and condition.parsed.comparison is Comparison.EXACT and ("*" in value or "?" in value):
        return Description(Breadth.EXACT, f"`{value}`, with the wildcard as a letter")
    if condition is not None and condition.parsed.comparison is Comparison.IGNORING_CASE:
        return Description(Breadth.PATTERN, f"`{value}` in any letter case")
    return describe(value, grammar, issuer)


def _audiences(statement: Statement, bearer: TokenBearer) -> tuple[str, ...]:
    key = f"{bearer.provider.issuer.lower()}:aud"
    return tuple(
        value
        for condition in statement.conditions
        if condition.key.lower() == key and condition.parsed.comparison in _TEXTUAL and not condition.parsed.negated
        for value in condition.values
    )


def _guards(statement: Statement, bearer: TokenBearer) -> list[str]:
    """Further claims that must have one of some values, in words."""
    prefix = f"{bearer.provider.issuer.lower()}:"
    plain = (f"{prefix}sub", f"{prefix}aud", f"{prefix}oaud", f"{prefix}amr")
    return [
        f"{condition.key.rpartition(':')[2]} {' or '.join(f'`{value}`' for value in condition.values)}"
        for condition in statement.conditions
        if condition.key.lower().startswith(prefix)
        and condition.key.lower() not in plain
        and condition.parsed.comparison in _TEXTUAL
        and not condition.parsed.negated
        and not condition.parsed.if_exists
        and condition.parsed.quantifier is not Quantifier.ALL
    ]


def _further(policy: Policy, statement: Statement, bearer: TokenBearer, binding: Condition | None) -> Iterator[str]:
    """The conditions besides the subject and the audience, and who denies."""
    audience = f"{bearer.provider.issuer.lower()}:aud"
    for condition in statement.conditions:
        if condition is binding or (condition.key.lower() == audience and condition.parsed.comparison in _TEXTUAL):
            continue
        free = " (the caller chooses it)" if condition.key.lower() in _CHOSEN_BY_CALLER else ""
        yield f"{condition.operator} {condition.key} {' | '.join(condition.values) or 'nothing'}{free}"
    for other in policy.statements:
        if other.effect is Effect.DENY and _concerns(other, bearer):
            yield f"not what statement {other.index + 1} denies"
