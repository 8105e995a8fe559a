"""What rules ask of a statement: which issuer it trusts, which of its conditions speak of which claim."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass.names import ProviderArn
from daypass.subjects.grammars import grammar_for, grammar_named
from daypass.trust.claim_keys import keys_for
from daypass.trust.operators import Comparison, Quantifier
from daypass.trust.shared_issuers import shared_issuer
from daypass.trust.statement import Effect, PrincipalKind
from daypass.trust.unknown import UNKNOWN, has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.subjects.grammars import Grammar
    from daypass.trust.claim_keys import ClaimKeys
    from daypass.trust.lint.model import LintSubject, Path
    from daypass.trust.statement import Condition, Statement

_FIELD: Final = f"(?:{UNKNOWN}|[^:])*"
_OIDC: Final = re.compile(
    f"arn:(?P<partition>{_FIELD}):iam:{_FIELD}:(?P<account>{_FIELD}|.*?):oidc-provider/(?P<issuer>.*)", re.DOTALL
)
_PORT: Final = re.compile(r":[0-9]+(?=/|\Z)")
_NO_ACCOUNT: Final = "000000000000"

TEXTS: Final = frozenset({Comparison.EXACT, Comparison.IGNORING_CASE, Comparison.LIKE})


@dataclass(frozen=True, slots=True)
class OidcArn:
    """The ARN of an OIDC provider as written, right or not: its parts as texts."""

    partition: str
    account: str
    issuer: str

    @classmethod
    def of(cls, text: str) -> OidcArn | None:
        """The parts; None when the text does not try to be such an ARN."""
        found = _OIDC.fullmatch(text)
        return None if found is None else cls(found["partition"], found["account"], found["issuer"])


@dataclass(frozen=True, slots=True)
class Trust:
    """An Allow statement and one OIDC provider that it names.

    Attributes:
        statement: with its index in the policy that can be evaluated.
        index: the statement's index in the document.
        arn: the provider's, as written.
        issuer: that is meant: without scheme, port, and a slash that the keys do not have.
        provider: the ARN for the engine; an account that is not known is all zeros.
        grammar: of the issuer's subjects, None when it is not known.
        keys: that AWS fills for the issuer.
        shared: whether many customers have this issuer.
        tenancy: the claim that tells its customers apart.
    """

    statement: Statement
    index: int
    arn: str
    issuer: str
    provider: ProviderArn
    grammar: Grammar | None = field(repr=False)
    keys: ClaimKeys = field(repr=False)
    shared: bool
    tenancy: str

    @property
    def path(self) -> Path:
        """Of the statement."""
        return ("Statement", self.index)

    def at(self, condition: Condition) -> Path:
        """The path of a condition."""
        return (*self.path, "Condition", condition.operator, condition.key)

    def claim(self, condition: Condition) -> str | None:
        """The claim of this issuer that a condition speaks of, in lower case; None for another key."""
        prefix, _, name = condition.key.rpartition(":")
        return name.lower() if prefix.lower() == self.issuer.lower() else None

    def on(self, claim: str) -> tuple[Condition, ...]:
        """The conditions on a claim."""
        return tuple(condition for condition in self.statement.conditions if self.claim(condition) == claim.lower())

    def guards(self, claim: str) -> tuple[Condition, ...]:
        """The conditions that ask a claim to have a value: neither negated nor content with its absence."""
        return tuple(condition for condition in self.on(claim) if is_guard(condition))

    @property
    def guarded_claims(self) -> frozenset[str]:
        """Every claim with a guard."""
        return frozenset(
            claim
            for condition in self.statement.conditions
            if is_guard(condition) and (claim := self.claim(condition)) is not None
        )


def is_guard(condition: Condition) -> bool:
    """Whether a condition asks for a value. `ForAllValues:` counts as IAM counts it; rule DP026 speaks of it."""
    parsed = condition.parsed
    return not (parsed.negated or parsed.if_exists or parsed.comparison is Comparison.ABSENCE)


def is_like(condition: Condition) -> bool:
    """Whether wildcards mean something in the values."""
    return condition.parsed.comparison is Comparison.LIKE


def is_text(condition: Condition) -> bool:
    """Whether texts are compared."""
    return condition.parsed.comparison in TEXTS


def has_quantifier(condition: Condition) -> bool:
    """Whether `ForAllValues:` or `ForAnyValue:` stands in front."""
    return condition.parsed.quantifier is not Quantifier.NONE


def has_wildcard(value: str) -> bool:
    """Whether `*` or `?` is in a value, other than as `${*}` and `${?}`."""
    plain = value.replace("${*}", "").replace("${?}", "")
    return "*" in plain or "?" in plain


def known_values(condition: Condition) -> tuple[str, ...]:
    """The values that a template does not leave open."""
    return tuple(value for value in condition.values if not has_unknown(value))


def clean_issuer(text: str) -> str:
    """An issuer as it should be written: no scheme, no port, no slash at the end, host in lower case."""
    text = text.partition("://")[2] or text
    host, slash, path = _PORT.sub("", text).rstrip("/:").partition("/")
    return f"{host.lower()}{slash}{path}"


def statements(subject: LintSubject) -> Iterator[tuple[int, Statement]]:
    """Each statement without fault, with its index in the document."""
    if subject.policy is not None:
        yield from zip(subject.indexes, subject.policy.statements, strict=True)


def trusts(subject: LintSubject) -> Iterator[Trust]:
    """Each Allow statement with each OIDC provider that it names and whose issuer is known."""
    for index, statement in statements(subject):
        if statement.effect is not Effect.ALLOW:
            continue
        for principal in statement.principals:
            arn = OidcArn.of(principal.value) if principal.kind is PrincipalKind.FEDERATED else None
            if arn is not None and arn.issuer and not has_unknown(arn.issuer):
                yield _trust(subject, index, statement, principal.value, arn)


def _trust(subject: LintSubject, index: int, statement: Statement, text: str, arn: OidcArn) -> Trust:
    issuer = meant_issuer(statement, arn.issuer)
    name = subject.known.issuers.get(issuer)
    grammar = grammar_for(issuer) if name is None else grammar_named(name)
    entry = shared_issuer(issuer)
    required = entry.keys[0].rpartition(":")[2] if entry is not None else None
    account = arn.account if re.fullmatch(r"[0-9]{12}", arn.account) else None
    role = subject.known.role
    return Trust(
        statement=statement,
        index=index,
        arn=text,
        issuer=issuer,
        provider=ProviderArn("aws", account or (role.account if role else None) or _NO_ACCOUNT, issuer),
        grammar=grammar,
        keys=keys_for(issuer),
        shared=entry is not None or (grammar is not None and grammar.shared),
        tenancy=required or (grammar.tenancy_key if grammar is not None else "sub"),
    )


def meant_issuer(statement: Statement, written: str) -> str:
    """The issuer of an ARN without what does not belong there.

    A slash at the end is part of an issuer that has one: then the keys are written with it too.
    """
    clean = clean_issuer(written)
    if written.endswith("/"):
        slashed = clean + "/"
        if any(condition.key.rpartition(":")[0].lower() == slashed.lower() for condition in statement.conditions):
            return slashed
    return clean
