"""DP020 to DP023, DP035, DP036 and DP041: policies that let more people in than were meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.lint.examples import GITHUB, MAIN, SOUND, policy, statement
from daypass.trust.lint.identity import Identity, identities
from daypass.trust.lint.model import Claim, Finding, Rule, Severity
from daypass.trust.lint.proof import admitted, is_alive, stranger
from daypass.trust.lint.scope import Scope, aligned, narrow_patterns, open_parts, scope_of
from daypass.trust.lint.view import is_guard, is_like, known_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.trust.lint.model import LintSubject
    from daypass.trust.lint.view import Trust
    from daypass.trust.statement import Condition
    from daypass.trust.witness import Witness

_CUSTOMISED_FREE: Final = ("environment:", "ref:", "workflow:", "event_name:", "ref_type:", "context:")
"""What a customised GitHub subject can begin with that every organization can have."""


def _identified(trust: Trust) -> bool:
    """Whether a key other than `sub` says who it is."""
    return bool(set(identities(trust).values()) - {Identity.FREE, Identity.TENANT_ID})


def _sub_values(trust: Trust) -> Iterator[tuple[Condition, str, Scope]]:
    for condition in trust.guards("sub") if trust.tenancy == "sub" else ():
        for value in known_values(condition):
            yield condition, value, scope_of(value, trust.grammar, like=is_like(condition))


def _scope(trust: Trust) -> Scope:
    """How much the statement's `sub` covers: the widest value of the narrowest condition."""
    widest: dict[str, Scope] = {}
    for condition, _, scope in _sub_values(trust):
        widest[condition.operator] = max(scope, widest.get(condition.operator, Scope.EXACT))
    return min(widest.values(), default=Scope.EVERYONE)


def _untested(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        if trust.guards(trust.tenancy) or trust.on(trust.tenancy) or identities(trust):
            continue
        witness = stranger(subject, trust)
        if witness is not None:
            whom = trust.grammar.about if trust.grammar is not None else trust.issuer
            key = f"{trust.issuer}:{trust.tenancy}"
            yield Finding(
                "DP020",
                Severity.ERROR if trust.shared else Severity.WARNING,
                f"`{key}` is not tested: anybody on {whom} gets in"
                if trust.shared
                else f"`{key}` is not tested: everybody who gets a token from {whom} gets in",
                trust.path,
                f"Test {key}.",
                statement=trust.index,
                wanted=(key,),
                claim=Claim.OPEN,
                witness=witness,
            )


def _every_tenant(subject: LintSubject) -> Iterator[tuple[Trust, Condition, str, Witness]]:
    for trust in subject.trusts:
        if _identified(trust) or Identity.TENANT_ID in identities(trust).values():
            continue
        for condition, value, scope in _sub_values(trust):
            if scope is Scope.EVERYONE:
                meant = narrow_patterns(value)
                witness = stranger(subject, trust, narrowed=(condition, (value,)), not_matching=meant)
                if witness is not None:
                    yield trust, condition, value, witness


def _open_patterns(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition, value, witness in _every_tenant(subject):
        if not _is_spoilt(trust, condition):
            yield Finding(
                "DP021",
                Severity.ERROR if trust.grammar is not None or trust.shared else Severity.WARNING,
                f"`{value}` matches every customer of {trust.issuer}",
                trust.at(condition),
                "Name the customer and the project, up to the separator behind them.",
                statement=trust.index,
                found=(value,),
                claim=Claim.OPEN,
                witness=witness,
            )


def _is_spoilt(trust: Trust, condition: Condition) -> bool:
    """Whether tight values stand beside a loose one."""
    return any(scope < Scope.TENANT and each is condition for each, _, scope in _sub_values(trust))


def _loose_members(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition, value, witness in _every_tenant(subject):
        if _is_spoilt(trust, condition):
            yield Finding(
                "DP023",
                Severity.ERROR,
                f"`{value}` spoils the list, whose values are joined by OR",
                trust.at(condition),
                f"Remove `{value}`.",
                statement=trust.index,
                found=(value,),
                claim=Claim.OPEN,
                witness=witness,
            )


def _whole_tenant(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        if _identified(trust):
            continue
        for condition, value, scope in _sub_values(trust):
            if scope is Scope.TENANT:
                witness = admitted(subject, trust, narrowed=(condition, (value,)))
                if witness is not None:
                    yield Finding(
                        "DP022",
                        Severity.WARNING,
                        f"`{value}` takes every project of its owner, also those that are still to come",
                        trust.at(condition),
                        "Name the projects.",
                        statement=trust.index,
                        found=(value,),
                        claim=Claim.OPEN,
                        witness=witness,
                    )


def _not_identifying(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        found = identities(trust)
        whole = Identity.TENANT_ID in found.values()
        free_subjects = [
            (condition, value)
            for condition, value, _ in _sub_values(trust)
            if trust.keys.known_as == "GitHub Actions" and value.startswith(_CUSTOMISED_FREE)
        ]
        if _identified(trust) or (trust.on(trust.tenancy) and not free_subjects) or not (found or free_subjects):
            continue
        witness = stranger(subject, trust)
        if witness is None:
            continue
        names = ", ".join(sorted(found)) or "the subject's first claim"
        yield Finding(
            "DP035",
            Severity.WARNING if whole or free_subjects else Severity.ERROR,
            f"{names} names a whole organization and no project"
            if whole
            else f"{names} does not tell whose token it is",
            trust.at(free_subjects[0][0]) if free_subjects else trust.path,
            f"Test {trust.issuer}:{trust.tenancy} too, or an id of the project.",
            statement=trust.index,
            claim=Claim.OPEN,
            witness=witness,
        )


def _unreviewed(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        grammar = trust.grammar
        if grammar is None or _has_other_ref_guard(trust):
            continue
        for condition, value, scope in _sub_values(trust):
            if scope >= Scope.TENANT:
                continue
            reason = _unreviewed_part(trust, value, like=is_like(condition))
            if reason is None:
                continue
            witness = admitted(subject, trust, narrowed=(condition, (value,)))
            if witness is not None:
                yield Finding(
                    "DP036",
                    Severity.WARNING,
                    f"`{value}` lets in code that nobody has reviewed: {reason}",
                    trust.at(condition),
                    "Name the branch or tag, or an environment with protection rules.",
                    statement=trust.index,
                    found=(value,),
                    claim=Claim.OPEN,
                    witness=witness,
                )


def _has_other_ref_guard(trust: Trust) -> bool:
    """Whether another key says which branch or environment it is."""
    for condition in trust.statement.conditions:
        claim = trust.claim(condition)
        exact = is_guard(condition) and not is_like(condition)
        if exact and claim in {"ref", "environment", "job_workflow_ref", "build_branch"}:
            return True
        if exact and claim == "ref_protected" and {value.lower() for value in condition.values} == {"true"}:
            return True
    return False


def _unreviewed_part(trust: Trust, value: str, *, like: bool) -> str | None:
    grammar = trust.grammar
    assert grammar is not None
    if not like:
        shape = grammar.shape_of(value)
        return "any pull request" if shape is not None and shape.leaf == "pull request" else None
    leaves = {shape.leaf for shape, _ in aligned(value, grammar)}
    if leaves == {"pull request"}:
        return "any pull request"
    if {"plan phase", "apply phase"} <= leaves:
        return "plans of any change, beside applies"
    parts = open_parts(value, grammar)
    if not parts:
        return None
    words = "any " + ", ".join(sorted(parts)) if len(parts) < 3 else "any branch, tag, environment or pull request"
    return f"{words} that fits"


def _audience(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        if trust.tenancy == "aud" or trust.guards("aud") or trust.on("aud") or trust.guards("oaud"):
            continue
        if is_alive(subject, trust):
            key = f"{trust.issuer}:aud"
            yield Finding(
                "DP041",
                Severity.WARNING,
                f"`{key}` is not tested: a token for any registered client gets in",
                trust.path,
                f"Test {key}.",
                statement=trust.index,
                wanted=(key,),
            )


RULES: Final = (
    Rule(
        "DP020",
        "tenant-not-tested",
        Severity.ERROR,
        "What tells customers apart is not tested",
        "An issuer that many customers share gives everybody tokens. Without a condition on `sub` (for some issuers"
        " `aud`) all of them get in; with a private issuer, everybody who has a token of it.",
        "Test `sub`.",
        policy(statement(sub=None)),
        SOUND,
        _untested,
    ),
    Rule(
        "DP021",
        "every-tenant",
        Severity.ERROR,
        "The pattern matches every customer",
        "`*` takes any text, `/` and `:` as well. A wildcard inside the owner's name takes owners that strangers can"
        " register: `repo:tidewater*` takes `tidewater-evil`.",
        "Name the owner and the project, up to the separator behind them.",
        policy(statement(sub="repo:tidewater*", operator="StringLike")),
        SOUND,
        _open_patterns,
    ),
    Rule(
        "DP022",
        "whole-tenant",
        Severity.WARNING,
        "The pattern matches every project of its owner",
        "Each repository, also one that somebody makes tomorrow, gets in.",
        "Name the projects.",
        policy(statement(sub="repo:tidewater/*", operator="StringLike")),
        SOUND,
        _whole_tenant,
    ),
    Rule(
        "DP023",
        "loose-member",
        Severity.ERROR,
        "One loose value spoils a list",
        "The values of one key are joined by OR. IAM looks at the list's form, and may take it.",
        "Remove the loose value.",
        policy(statement(sub=[MAIN, "repo:*"], operator="StringLike")),
        policy(statement(sub=[MAIN, "repo:tidewater/website:ref:refs/heads/main"])),
        _loose_members,
    ),
    Rule(
        "DP035",
        "not-identifying",
        Severity.ERROR,
        "The tested keys do not tell whose token it is",
        "A branch, a workflow's name and an environment are chosen by whoever owns a repository: a stranger's can have"
        " the same.",
        "Test `sub` too, or an id of the project.",
        policy(statement(sub=None, more={"StringEquals": {f"{GITHUB}:ref": "refs/heads/main"}})),
        policy(statement(more={"StringEquals": {f"{GITHUB}:ref": "refs/heads/main"}})),
        _not_identifying,
    ),
    Rule(
        "DP036",
        "unreviewed-code",
        Severity.WARNING,
        "Code that nobody reviewed gets in",
        "Pull requests, and branches that anybody with write access can make, run with the role.",
        "Name the branch, or an environment with protection rules.",
        policy(statement(sub="repo:tidewater/invoices:*", operator="StringLike")),
        SOUND,
        _unreviewed,
    ),
    Rule(
        "DP041",
        "audience-not-tested",
        Severity.WARNING,
        "The audience is not tested",
        "A token made for any client that the provider registers gets in.",
        "Test `aud`.",
        policy(statement(aud=None)),
        SOUND,
        _audience,
    ),
)
