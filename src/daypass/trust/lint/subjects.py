"""DP031 to DP034 and DP037: subjects that the issuer does not make, or that will not stay what they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.trust.lint.examples import GITLAB, MAIN, ONA_UUID, PIPELINE, SOUND, policy, statement
from daypass.trust.lint.identity import Identity, identities
from daypass.trust.lint.model import Finding, Known, Rule, Severity
from daypass.trust.lint.scope import Scope, aligned, first_wildcard, is_possible, scope_of
from daypass.trust.lint.view import has_wildcard, is_like, is_text, known_values
from daypass.trust.operators import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.subjects.grammars import Grammar
    from daypass.trust.lint.model import LintSubject
    from daypass.trust.lint.view import Trust
    from daypass.trust.statement import Condition

_GITHUB_CLAIMS: Final = frozenset(
    {
        *("repo", "context", "repository", "repository_id", "repository_owner", "repository_owner_id", "ref", "sha"),
        *("job_workflow_ref", "workflow", "workflow_ref", "environment", "actor", "actor_id", "event_name", "head_ref"),
        *("base_ref", "ref_type", "run_id", "run_number", "run_attempt", "repository_visibility", "enterprise"),
        *("enterprise_id", "runner_environment", "job_workflow_sha", "workflow_sha"),
    }
)
"""What a customised subject of GitHub can begin with."""

_REF: Final = re.compile(r":ref:(?!refs/|\*)([^:*?]+)$")
_GITHUB_MISSES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"^repo:[^:]*:ref:(?!refs/|[*?])"), "a ref is written in full: ref:refs/heads/main"),
    (re.compile(r"^repo:[^:]*:refs/"), "`ref:` is missing in front of the ref"),
    (re.compile(r"^repo:[^:]*:branch:"), "GitHub writes ref:refs/heads/main, and no `branch:`"),
    (re.compile(r"^repo:[^:]*:environment:[^:]*:ref:"), "an environment takes the place of the ref"),
    (re.compile(r"^repo:[^:]*:environment:[^:*?]*:(?!ref:)"), "a colon in an environment's name is written %3A"),
    (re.compile(r"^repo:[^:/@]+@[0-9]+/[^:@*?]+:|^repo:[^:/@*?]+/[^:@]+@[0-9]+:"), "both names have an id, or none"),
    (re.compile(r"^repo:[^:]*\.git(:|$)"), "a repository's name has no .git"),
    (re.compile(r"^repo:https?:"), "`repo:` is followed by owner and repository, and no URL"),
    (re.compile(r"^repo:[^:*?]+$"), "the branch, tag or environment is missing behind the repository"),
)
_GITLAB_MISSES: Final = (
    (
        re.compile(r":ref_type:(?!branch(:|$)|tag(:|$))[^:*?]+(:|$)"),
        "a ref is a branch or a tag; a merge request's is a branch",
    ),
    (re.compile(r"^project_path:[^:*?]+:ref:"), "`ref_type:branch:` is missing in front of `ref:`"),
    (re.compile(r":ref_type:(branch|tag):ref:refs/"), "GitLab writes the bare name of a branch"),
    (re.compile(r"^project_path:https?:"), "a project's path has no host"),
    (re.compile(r"^project_path:[^:]*\.git(:|$)"), "a project's path has no .git"),
)
_GITPOD_MISSES: Final = (
    (re.compile(r"\.git$"), "a repository's URL has no .git"),
    (re.compile(r"^http:"), "a repository's URL begins with https:"),
)
_EDGES: Final = (
    (re.compile(r"^\s|\s$"), "a blank stands at its edge"),
    (re.compile(r":$"), "a colon stands at its end"),
)
_SLASH: Final = (re.compile(r"/$"), "a slash stands at its end")
_MISSES: Final[Mapping[str, tuple[tuple[re.Pattern[str], str], ...]]] = {
    "github": (*_GITHUB_MISSES, _SLASH),
    "github-enterprise": (*_GITHUB_MISSES, _SLASH),
    "gitlab": (*_GITLAB_MISSES, _SLASH),
    "gitlab-self-managed": (*_GITLAB_MISSES, _SLASH),
    "gitpod": (*_GITPOD_MISSES, _SLASH),
    "gitpod-dedicated": (*_GITPOD_MISSES, _SLASH),
}
_PASSING: Final = frozenset({"environment_id", "step_uuid", "commit", "run_id"})
"""Components that are another one in every run."""


def _subjects(subject: LintSubject) -> Iterator[tuple[Trust, Condition, str]]:
    """Each value that is compared with `sub`, but those that rule DP024 speaks of."""
    for trust in subject.trusts:
        for condition in trust.on("sub"):
            for value in known_values(condition) if is_text(condition) else ():
                if value and "${" not in value and (is_like(condition) or not has_wildcard(value)):
                    yield trust, condition, value


def _miss(grammar: Grammar, value: str) -> str | None:
    for pattern, reason in (*_MISSES.get(grammar.name, ()), *_EDGES):
        if pattern.search(value):
            return reason
    return None


def _known_start(grammar: Grammar, value: str) -> bool:
    """Whether a customised subject of the issuer can begin so."""
    if grammar.customised is None:
        return False
    if grammar.name.startswith("github") and value.partition(":")[0] in _GITHUB_CLAIMS:
        return True
    heads = [shape.parts[0] for shape in grammar.shapes if isinstance(shape.parts[0], str)]
    head = value[: first_wildcard(value)]
    return any(head.startswith(each) or (has_wildcard(value) and each.startswith(head)) for each in heads)


def _impossible(subject: LintSubject) -> Iterator[tuple[Trust, Condition, str, Grammar]]:
    for trust, condition, value in _subjects(subject):
        grammar = trust.grammar
        if condition.parsed.comparison is Comparison.IGNORING_CASE or grammar is None:
            continue
        if not is_possible(value, grammar, like=is_like(condition)) or _miss(grammar, value):
            yield trust, condition, value, grammar


def _foreign_shape(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition, value, grammar in _impossible(subject):
        if not _known_start(grammar, value) and not _edge_only(grammar, value):
            yield Finding(
                "DP031",
                Severity.ERROR,
                f"{trust.issuer} makes no subject like `{value}`",
                trust.at(condition),
                f"A subject of {grammar.about} reads {grammar.shapes[0].example}.",
                statement=trust.index,
                wanted=(grammar.shapes[0].example,),
                found=(value,),
            )


def _edge_only(grammar: Grammar, value: str) -> bool:
    return _miss(grammar, value) is not None and grammar.shape_of(value.strip().rstrip(":/")) is not None


def _near_misses(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition, value, grammar in _impossible(subject):
        reason = _miss(grammar, value)
        if reason is not None and (_known_start(grammar, value) or _edge_only(grammar, value)):
            advice = "Write the subject as the issuer's token has it."
            if grammar.name.startswith("github") and (match := _REF.search(value)):
                advice = f"Write {value[: match.start()]}:ref:refs/heads/{match[1]}."
            yield Finding(
                "DP032",
                Severity.ERROR,
                f"`{value}` is almost a subject of {trust.issuer}: {reason}",
                trust.at(condition),
                advice,
                statement=trust.index,
                found=(value,),
            )
    wanted = (subject.known.claims or {}).get("sub")
    for trust, condition, value in _subjects(subject):
        ignoring = condition.parsed.comparison is Comparison.IGNORING_CASE
        if isinstance(wanted, str) and not ignoring and value != wanted and value.lower() == wanted.lower():
            yield Finding(
                "DP032",
                Severity.ERROR,
                f"`{value}` differs from the token's subject in letter case only, and it counts",
                trust.at(condition),
                f"Write {wanted}.",
                statement=trust.index,
                wanted=(wanted,),
                found=(value,),
            )


def _two_forms(subject: LintSubject) -> Iterator[Finding]:
    sub = (subject.known.claims or {}).get("sub")
    with_ids = isinstance(sub, str) and re.match(r"repo:[^:/@]+@[0-9]+/[^:/@]+@[0-9]+:", sub)
    if not with_ids or not isinstance(sub, str):
        return
    by_name = re.sub(r"@[0-9]+", "", sub)
    for trust in subject.trusts:
        values = [(condition, value) for each, condition, value in _subjects(subject) if each is trust]
        if trust.grammar is None or not trust.grammar.name.startswith("github") or any(v == sub for _, v in values):
            continue
        for condition, value in values:
            if value == by_name:
                yield Finding(
                    "DP033",
                    Severity.ERROR,
                    f"`{value}` is the subject by names, and the token has it by ids",
                    trust.at(condition),
                    f"Allow both for as long as old tokens live: add {sub}.",
                    statement=trust.index,
                    wanted=(sub,),
                    found=(value,),
                )


def _reusable_names(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        found = identities(trust)
        values = [
            (condition, value, scope_of(value, trust.grammar, like=is_like(condition)))
            for each, condition, value in _subjects(subject)
            if each is trust and not condition.parsed.negated
        ]
        if Identity.ID in found.values() or Identity.TENANT_ID in found.values():
            continue
        if trust.issuer == GITLAB:
            by_path = [
                (condition, value)
                for condition, value, scope in values
                if scope < Scope.EVERYONE
                and trust.grammar is not None
                and is_possible(value, trust.grammar, like=is_like(condition))
                and not value.startswith("project_id:")
            ]
            if by_path:
                condition, value = by_path[0]
                yield Finding(
                    "DP034",
                    Severity.WARNING,
                    f"`{value}` names a project by its path, which can be somebody else's after a rename",
                    trust.at(condition),
                    "Test gitlab.com:project_id or gitlab.com:namespace_id too.",
                    statement=trust.index,
                    found=(value,),
                )
        elif found and not values and Identity.NAME in found.values():
            names = ", ".join(sorted(name for name, kind in found.items() if kind is Identity.NAME))
            yield Finding(
                "DP034",
                Severity.WARNING,
                f"{names} is a name, which somebody else can have later",
                trust.path,
                "Test an id beside it.",
                statement=trust.index,
                found=(names,),
            )


def _passing_values(subject: LintSubject) -> Iterator[Finding]:
    for trust, condition, value in _subjects(subject):
        grammar = trust.grammar
        for shape, parts in aligned(value, grammar) if grammar is not None else ():
            pinned = [name for name in _PASSING & parts.keys() if not has_wildcard(parts[name])]
            if pinned:
                yield Finding(
                    "DP037",
                    Severity.WARNING,
                    f"`{value}` names one {pinned[0].split('_')[0]}, and the next one is another",
                    trust.at(condition),
                    f"Write StringLike and * for that part of a {shape.leaf}'s subject.",
                    statement=trust.index,
                    found=(value,),
                )
                break


_GITLAB_SOUND: Final = policy(
    statement(
        issuer=GITLAB, sub=PIPELINE, aud="https://gitlab.com", more={"StringEquals": {"gitlab.com:project_id": "60417"}}
    )
)
_WITH_IDS: Final = Known(claims={"sub": "repo:tidewater@73105/invoices@50883127:ref:refs/heads/main"})
_ONA: Final = "app.gitpod.io"
_ENVIRONMENT: Final = f"org:{ONA_UUID}1/prj:{ONA_UUID}2/env:{ONA_UUID}3"

RULES: Final = (
    Rule(
        "DP031",
        "foreign-subject",
        Severity.ERROR,
        "The issuer makes no such subject",
        "A subject of another issuer's form never comes, so the role can never be assumed.",
        "Write the subject in the issuer's form.",
        policy(statement(issuer=GITLAB, sub=MAIN, aud="https://gitlab.com")),
        _GITLAB_SOUND,
        _foreign_shape,
    ),
    Rule(
        "DP032",
        "near-miss",
        Severity.ERROR,
        "The subject is almost right",
        "One letter too many or too few, and no token fits: a branch without `refs/heads/`, a `ref_type` that does not"
        " exist, `.git`, a blank.",
        "Copy the subject from a token.",
        policy(statement(sub="repo:tidewater/invoices:ref:main")),
        SOUND,
        _near_misses,
    ),
    Rule(
        "DP033",
        "two-forms",
        Severity.WARNING,
        "Only one of GitHub's two forms is allowed",
        "GitHub puts ids into the subjects of repositories that are new, renamed or transferred since July 2026. A"
        " policy by names stops working then.",
        "List both exact forms for a time.",
        policy(statement(), known=_WITH_IDS),
        policy(statement(sub=[MAIN, "repo:tidewater@73105/invoices@50883127:ref:refs/heads/main"]), known=_WITH_IDS),
        _two_forms,
    ),
    Rule(
        "DP034",
        "reusable-name",
        Severity.WARNING,
        "Only names that others can have later",
        "A path on gitlab.com that was deleted can be taken by somebody else, and so can a user's or a repository's"
        " name. Ids are never given twice.",
        "Test an id beside the name.",
        policy(statement(issuer=GITLAB, sub=PIPELINE, aud="https://gitlab.com")),
        _GITLAB_SOUND,
        _reusable_names,
    ),
    Rule(
        "DP037",
        "passing-value",
        Severity.WARNING,
        "A value that is another one in the next run",
        "An environment's, step's or commit's id in an exact subject lets the role work once.",
        "Write `*` for that part, under `StringLike`.",
        policy(statement(issuer=_ONA, sub=_ENVIRONMENT)),
        policy(statement(issuer=_ONA, sub=f"org:{ONA_UUID}1/prj:{ONA_UUID}2/*", operator="StringLike")),
        _passing_values,
    ),
)
