"""DP024 to DP027, DP039 and DP040: operators that do not do what they seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.lint.edits import moved
from daypass.trust.lint.examples import GITHUB, OWN, SOUND, policy, statement
from daypass.trust.lint.identity import Identity, identities
from daypass.trust.lint.model import Claim, Finding, Rule, Severity
from daypass.trust.lint.proof import is_contradiction, stranger
from daypass.trust.lint.view import has_wildcard, is_guard, is_like, is_text, known_values, statements
from daypass.trust.operators import Comparison, Quantifier
from daypass.trust.unknown import has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.trust.lint.model import LintSubject
    from daypass.trust.statement import Condition

_ALWAYS_THERE: Final = frozenset({"sub", "aud"})


def _literal_wildcard(subject: LintSubject) -> Iterator[Finding]:
    for index, each in statements(subject):
        for condition in each.conditions:
            if not is_text(condition) or is_like(condition):
                continue
            for value in filter(has_wildcard, known_values(condition)):
                like = "StringNotLike" if condition.parsed.negated else "StringLike"
                yield Finding(
                    "DP024",
                    Severity.ERROR,
                    f"`{value}` under {condition.operator} is compared letter by letter: a * or ? stands for itself"
                    + (", so nobody is kept out" if condition.parsed.negated else ""),
                    ("Statement", index, "Condition", condition.operator, condition.key),
                    f"Write {like} when a pattern is meant, which lets more in, or the exact value.",
                    statement=index,
                    wanted=(like,),
                    found=(value,),
                )


def _like_without_wildcard(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        for condition in trust.statement.conditions:
            values = condition.values
            if not values or any("${" in value or has_unknown(value) for value in values):
                continue
            comparison, claim = condition.parsed.comparison, trust.claim(condition)
            if comparison is Comparison.LIKE and not any(map(has_wildcard, values)):
                exact = condition.operator.replace("Like", "Equals")
                message = f"{condition.operator} has no * or ? to match with"
            elif comparison is Comparison.IGNORING_CASE and claim is not None and claim.endswith("_id"):
                exact = condition.operator.replace("IgnoreCase", "")
                message = f"an id has one spelling, and {condition.operator} takes others"
            else:
                continue
            yield Finding(
                "DP025",
                Severity.NOTE,
                message,
                trust.at(condition),
                f"Write {exact}.",
                statement=trust.index,
                wanted=(exact,),
                found=(condition.operator,),
            )


def _with_operator(subject: LintSubject, finding: Finding) -> str | None:
    return moved(subject, finding.path, finding.wanted[0])


def _vacuous(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        for condition in trust.statement.conditions:
            claim = trust.claim(condition)
            key = trust.keys.get(claim) if claim else None
            if condition.parsed.quantifier is not Quantifier.ALL or key is None or key.multivalued:
                continue
            plain = condition.operator.partition(":")[2]
            yield Finding(
                "DP026",
                Severity.ERROR,
                f"{condition.operator} on `{condition.key}` holds for a token without the claim",
                trust.at(condition),
                f"Write {plain}: the claim has one value.",
                statement=trust.index,
                wanted=(plain,),
                found=(condition.operator,),
            )


def _if_exists(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        for condition in trust.statement.conditions:
            claim = trust.claim(condition)
            if claim is None or not condition.parsed.if_exists or condition.parsed.negated:
                continue
            plain = condition.operator.removesuffix("IfExists")
            yield Finding(
                "DP027",
                Severity.WARNING if claim in _ALWAYS_THERE else Severity.ERROR,
                f"{condition.operator} on `{condition.key}` holds for a token without the claim",
                trust.at(condition),
                f"Write {plain}.",
                statement=trust.index,
                wanted=(plain,),
                found=(condition.operator,),
            )


def _only_negation(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        negations = [condition for condition in trust.on(trust.tenancy) if not is_guard(condition)]
        negations = [condition for condition in negations if not condition.parsed.if_exists]
        others = set(identities(trust).values()) - {Identity.FREE}
        if not negations or trust.guards(trust.tenancy) or others:
            continue
        witness = stranger(subject, trust)
        if witness is not None:
            condition = negations[0]
            yield Finding(
                "DP039",
                Severity.ERROR,
                f"the only guard on `{trust.tenancy}` is {condition.operator}: everyone who is not named gets in",
                trust.at(condition),
                f"Say who may enter: StringEquals or StringLike on {trust.issuer}:{trust.tenancy}.",
                statement=trust.index,
                found=condition.values,
                claim=Claim.OPEN,
                witness=witness,
            )


def _contradiction(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        by_claim: dict[str, list[Condition]] = {}
        for condition in trust.statement.conditions:
            claim = trust.claim(condition)
            if claim is not None and is_guard(condition) and not any(map(has_unknown, condition.values)):
                by_claim.setdefault(claim, []).append(condition)
        for claim, conditions in by_claim.items():
            if len(conditions) > 1 and trust.keys.get(claim) and is_contradiction(trust, conditions):
                yield Finding(
                    "DP040",
                    Severity.ERROR,
                    f"no `{claim}` satisfies {' and '.join(each.operator for each in conditions)} together:"
                    " operators are joined by AND",
                    trust.at(conditions[-1]),
                    "Put all values into one list, under one operator.",
                    statement=trust.index,
                    found=tuple(value for each in conditions for value in each.values),
                    claim=Claim.DEAD,
                )


RULES: Final = (
    Rule(
        "DP024",
        "literal-wildcard",
        Severity.ERROR,
        "A wildcard under an exact operator",
        "`StringEquals` compares `*` and `?` as letters. No real subject holds them, so the value never matches.",
        "Write `StringLike`, or the exact value. `StringLike` lets more in: decide whether that is meant.",
        policy(statement(sub="repo:tidewater/invoices:*")),
        SOUND,
        _literal_wildcard,
    ),
    Rule(
        "DP025",
        "like-without-wildcard",
        Severity.NOTE,
        "StringLike without a wildcard",
        "The value is exact, and a reader looks for a pattern. An id under an operator that ignores letter case takes"
        " spellings that the issuer never makes.",
        "Write `StringEquals`.",
        policy(statement(operator="StringLike")),
        SOUND,
        _like_without_wildcard,
        _with_operator,
    ),
    Rule(
        "DP026",
        "for-all-values",
        Severity.ERROR,
        "ForAllValues on a claim with one value",
        "`ForAllValues:` holds when the claim is absent. On `sub` and `aud` that does not happen today; on an optional"
        " claim it opens the role.",
        "Write the plain operator.",
        policy(statement(more={"ForAllValues:StringEquals": {f"{GITHUB}:environment": "production"}})),
        policy(statement(more={"StringEquals": {f"{GITHUB}:environment": "production"}})),
        _vacuous,
        _with_operator,
    ),
    Rule(
        "DP027",
        "if-exists",
        Severity.ERROR,
        "A condition that is skipped when the claim is absent",
        "`…IfExists` holds for a token without the claim. Whoever can have such a token gets in.",
        "Write the operator without `IfExists`.",
        policy(statement(more={"StringEqualsIfExists": {f"{GITHUB}:environment": "production"}})),
        policy(statement(more={"StringEquals": {f"{GITHUB}:environment": "production"}})),
        _if_exists,
        _with_operator,
    ),
    Rule(
        "DP039",
        "only-negation",
        Severity.ERROR,
        "The only guard is a negation",
        "`StringNotEquals`, `StringNotLike` and `Null` say who may not enter. Everyone else may.",
        "Say who may enter.",
        policy(statement(sub="repo:tidewater/website:*", operator="StringNotLike")),
        SOUND,
        _only_negation,
    ),
    Rule(
        "DP040",
        "contradiction",
        Severity.ERROR,
        "Conditions that no token can satisfy together",
        "Operators are joined by AND. Two lists of subjects under two operators let in only what is in both.",
        "Put all values into one list, under one operator.",
        policy(statement(issuer=OWN, sub="project:a", aud="sts", more={"StringLike": {f"{OWN}:sub": "project:b:*"}})),
        policy(statement(issuer=OWN, sub=["project:a", "project:b:*"], operator="StringLike", aud="sts")),
        _contradiction,
    ),
)
