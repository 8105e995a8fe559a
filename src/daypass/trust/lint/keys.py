"""DP028 to DP030: condition keys that no request has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.lint.document import faults
from daypass.trust.lint.edits import renamed
from daypass.trust.lint.examples import GITHUB, GITLAB, MAIN, OWN, PIPELINE, SOUND, policy, statement
from daypass.trust.lint.model import Claim, Finding, Rule, Severity
from daypass.trust.lint.proof import holds_without_key
from daypass.trust.lint.view import clean_issuer
from daypass.trust.operators import Comparison
from daypass.trust.statement import Effect
from daypass.trust.unknown import has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.trust.lint.model import LintSubject
    from daypass.trust.lint.view import Trust
    from daypass.trust.statement import Condition

_SERVICES: Final = frozenset({"aws", "sts", "saml", "iam", "graph.facebook.com", "www.amazon.com"})

_ABSENT: Final = (
    *(
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principaltag/",
        "aws:principalservicename",
    ),
    *("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:username", "sts:externalid"),
    *("aws:multifactorauthage", "aws:multifactorauthpresent", "aws:resourcetag/"),
)
"""Keys that a web identity's request never has. A `/` at the end stands for all keys that begin so."""


def _prefix(condition: Condition) -> str:
    return condition.key.rpartition(":")[0]


def _is_service(prefix: str) -> bool:
    return prefix.lower() in _SERVICES or has_unknown(prefix)


def _damaged(trust: Trust, condition: Condition) -> bool:
    prefix = _prefix(condition)
    return prefix.lower() != trust.issuer.lower() and clean_issuer(prefix) == clean_issuer(trust.issuer)


def _single(subject: LintSubject) -> Iterator[tuple[Trust, Condition]]:
    """Each condition of a statement that trusts one issuer; rule DP018 speaks of the others."""
    for trust in subject.trusts:
        if sum(other.index == trust.index for other in subject.trusts) == 1 and _only_oidc(trust):
            yield from ((trust, condition) for condition in trust.statement.conditions)


def _only_oidc(trust: Trust) -> bool:
    return len(trust.statement.principals) == 1


def _effect(trust: Trust, condition: Condition) -> tuple[str, Claim | None]:
    if holds_without_key(trust, condition):
        return "no request has it, so the condition always holds", None
    return "no request has it, so the condition never holds", Claim.DEAD


def _foreign_prefix(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition in _single(subject):
        prefix = _prefix(condition)
        if _is_service(prefix) or prefix.lower() == trust.issuer.lower() or _damaged(trust, condition):
            continue
        words, claim = _effect(trust, condition)
        yield Finding(
            "DP028",
            Severity.ERROR,
            f"`{condition.key}` is not a key of {trust.issuer}: {words}",
            trust.at(condition),
            f"Write {trust.issuer}:{condition.key.rpartition(':')[2]}.",
            statement=trust.index,
            wanted=(f"{trust.issuer}:{condition.key.rpartition(':')[2]}",),
            found=(condition.key,),
            claim=claim,
        )
    yield from _dead_denies(subject)


def _dead_denies(subject: LintSubject) -> Iterator[Finding]:
    """A Deny whose key belongs to none of the policy's issuers never has its effect."""
    issuers = {trust.issuer.lower() for trust in subject.trusts}
    trust = subject.trusts[0] if subject.trusts else None
    if subject.policy is None or trust is None:
        return
    for index, each in zip(subject.indexes, subject.policy.statements, strict=True):
        for condition in each.conditions if each.effect is Effect.DENY else ():
            prefix = _prefix(condition)
            if _is_service(prefix) or prefix.lower() in issuers or holds_without_key(trust, condition):
                continue
            yield Finding(
                "DP028",
                Severity.ERROR,
                f"`{condition.key}` is not a key of any issuer of this policy: the Deny never has its effect",
                ("Statement", index, "Condition", condition.operator, condition.key),
                f"Write {trust.issuer}:{condition.key.rpartition(':')[2]}.",
                statement=index,
                found=(condition.key,),
                claim=Claim.DEAD,
            )


def _damaged_keys(subject: LintSubject) -> Iterator[Finding]:
    yield from faults(subject, "DP029")
    for trust, condition in _single(subject):
        if has_unknown(condition.key) or not _damaged(trust, condition):
            continue
        words, claim = _effect(trust, condition)
        name = f"{trust.issuer}:{condition.key.rpartition(':')[2]}"
        yield Finding(
            "DP029",
            Severity.ERROR,
            f"`{condition.key}` is not how a key is written: {words}",
            trust.at(condition),
            f"Write {name}.",
            statement=trust.index,
            wanted=(name,),
            found=(condition.key,),
            claim=claim,
        )


def _with_key(subject: LintSubject, finding: Finding) -> str | None:
    return renamed(subject, finding.path, finding.wanted[0]) if finding.wanted else None


def _unfilled(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition in _single(subject):
        claim_name = trust.claim(condition)
        key = condition.key.lower()
        if claim_name is None:
            absent = any(key == name or (name.endswith("/") and key.startswith(name)) for name in _ABSENT)
            reason = "a web identity's request does not have it"
        else:
            absent = trust.keys.get(claim_name) is None
            reason = f"AWS reads only {', '.join(trust.keys.names)} from a token of {trust.issuer}"
        if not absent or (condition.parsed.comparison is Comparison.ABSENCE and holds_without_key(trust, condition)):
            continue
        words, claim = _effect(trust, condition)
        yield Finding(
            "DP030",
            Severity.ERROR,
            f"AWS never fills `{condition.key}`: {reason}; {words}",
            trust.at(condition),
            "Test a key that AWS fills, or have the issuer put the claim into `sub`.",
            statement=trust.index,
            wanted=tuple(f"{trust.issuer}:{name}" for name in trust.keys.names),
            found=(condition.key,),
            claim=claim,
        )


RULES: Final = (
    Rule(
        "DP028",
        "foreign-key",
        Severity.ERROR,
        "The key belongs to another issuer",
        "A condition key begins with the issuer of the provider that is trusted. A key of another issuer is never in"
        " the request.",
        "Begin the key with the text behind `oidc-provider/`.",
        policy(statement(sub=None, more={"StringEquals": {f"{GITLAB}:sub": MAIN}})),
        SOUND,
        _foreign_prefix,
        _with_key,
        repairs=True,
    ),
    Rule(
        "DP029",
        "damaged-key",
        Severity.ERROR,
        "The key is damaged",
        "A key is the issuer without `https://` and port, one colon, and the claim. Letter case does not matter;"
        " everything else does.",
        "Write `issuer:claim`.",
        policy(statement(sub=None, more={"StringEquals": {f"https://{GITHUB}:sub": MAIN}})),
        policy(statement(sub=None, more={"StringEquals": {f"{GITHUB}:SUB": MAIN}})),
        _damaged_keys,
        _with_key,
        repairs=True,
    ),
    Rule(
        "DP030",
        "claim-not-filled",
        Severity.ERROR,
        "AWS never fills this key",
        "Of a token AWS reads `aud`, `sub`, `amr`, `email`, and for issuers it knows a few more. A condition on"
        " any other claim never holds; under a negation or `…IfExists` it always does.",
        "Put what you need into `sub`, or test a key of the issuer's list.",
        policy(statement(issuer=OWN, more={"StringEquals": {f"{OWN}:project_path": "tidewater/invoices"}}, sub="x:y")),
        policy(
            statement(
                issuer=GITLAB,
                sub=PIPELINE,
                aud="https://gitlab.com",
                more={"StringEquals": {"gitlab.com:project_id": "60417"}},
            )
        ),
        _unfilled,
    ),
)
