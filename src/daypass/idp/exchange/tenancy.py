"""Shared issuers: everybody's tokens have the same `iss`, so the rules must say whose are meant.

AWS refuses trust policies that do not (IAM, "OIDC providers: secure by default"); a connection is a trust policy too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.idp.exchange.patterns import SEPARATORS
from daypass.idp.exchange.rules import Comparison
from daypass.subjects.grammars import grammar_for

if TYPE_CHECKING:
    from daypass.idp.exchange.rules import ClaimRule
    from daypass.idp.exchange.terms import Terms

_OWNERS: Final = {
    "gitlab": ("project_id", "project_path", "namespace_id", "namespace_path"),
    "github": ("repository_id", "repository", "repository_owner_id", "repository_owner", "enterprise_id"),
    "buildkite": ("organization_id", "organization_slug", "pipeline_id"),
    "circleci": ("oidc.circleci.com/org-id", "oidc.circleci.com/project-id"),
    "bitbucket": ("workspaceUuid", "repositoryUuid"),
    "hcp-terraform": (
        "terraform_organization_id",
        "terraform_organization_name",
        "terraform_project_id",
        "terraform_workspace_id",
    ),
}
"""By issuer, the claims beside `sub` that say whose a token is."""
_BEGINNINGS: Final = {
    "github": ("repo:", *(f"{claim}:" for claim in _OWNERS["github"])),
}
"""By issuer whose customers choose what `sub` is made of: how one begins that says whose it is. Everybody can have
`environment:production`, and call a public workflow for `job_workflow_ref:tidewater/…`."""


def demand_owner(terms: Terms) -> None:
    """Let terms pass that name whose tokens are meant, where the issuer is shared.

    Raises:
        RequestInvalid: when no rule does; `claims` among the facts are those of which one is needed.
    """
    grammar = grammar_for(terms.issuer)
    if grammar is None or not grammar.shared:
        return
    claims = (*_OWNERS.get(grammar.name, ()), "sub")
    if not any(rule.path[0] in claims and len(rule.path) == 1 and _names(rule, grammar.name) for rule in terms.rules):
        raise RequestInvalid(
            f"`{terms.issuer}` issues tokens for everybody, and no rule says whose are meant",
            advice=f"Add a rule on one of {', '.join(f'`{claim}`' for claim in claims)} that names yours.",
            claims=list(claims),
            members=["rules"],
        )


def _names(rule: ClaimRule, issuer: str) -> bool:
    """Whether a rule names an owner: whole values, or patterns whose first part between separators is whole."""
    beginnings = _BEGINNINGS.get(issuer, ())
    if beginnings and rule.path == ("sub",) and not all(str(value).startswith(beginnings) for value in rule.values):
        return False
    match rule.comparison:
        case Comparison.EQUALS | Comparison.ONE_OF:
            return True
        case Comparison.MATCHES:
            return all(isinstance(value, str) and _leads(value) for value in rule.values)
        case _:
            return False


def _leads(pattern: str) -> bool:
    """`tidewater/*` and `repo:tidewater/*` name an owner; `*/app` and `repo:*` do not."""
    literal = pattern.partition("*")[0]
    if literal == pattern:
        return True
    parts = [part for part in literal.replace(SEPARATORS[1], SEPARATORS[0]).split(SEPARATORS[0]) if part]
    # A subject begins with the name of its first component, which says nothing yet.
    needed = 2 if SEPARATORS[1] in literal else 1
    return literal[-1:] in SEPARATORS and len(parts) >= needed
