"""What a condition key other than `sub` says about who a token belongs to, for the issuers that AWS knows."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.trust.lint.scope import first_wildcard
from daypass.trust.lint.view import is_guard, is_like, known_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.trust.lint.view import Trust


class Identity(StrEnum):
    """How well a key tells one customer from all others."""

    ID = "id"
    """Given by the issuer and never given again."""
    TENANT_ID = "tenant id"
    """Such an id of a whole organization."""
    NAME = "name"
    """A name that somebody else can have later."""
    FREE = "free"
    """Anybody can have a token with the value that is asked for."""


_GITHUB: Final = {
    "repository_id": Identity.ID,
    "actor_id": Identity.ID,
    "repository_owner_id": Identity.TENANT_ID,
    "enterprise_id": Identity.TENANT_ID,
    "repository": Identity.NAME,
    "actor": Identity.NAME,
    "job_workflow_ref": Identity.NAME,
    "ref": Identity.FREE,
    "workflow": Identity.FREE,
    "environment": Identity.FREE,
}
_GITLAB: Final = {
    "project_id": Identity.ID,
    "namespace_id": Identity.ID,
    "user_id": Identity.ID,
    "user_login": Identity.NAME,
    "user_email": Identity.NAME,
    "pipeline_source": Identity.FREE,
    "ref_protected": Identity.FREE,
    "runner_environment": Identity.FREE,
    "user_access_level": Identity.FREE,
}
_BUILDKITE: Final = {
    "organization_id": Identity.ID,
    "pipeline_id": Identity.ID,
    "cluster_id": Identity.ID,
    "organization_slug": Identity.NAME,
    "pipeline_slug": Identity.FREE,
    "cluster_name": Identity.FREE,
    "build_branch": Identity.FREE,
}
_BY_ISSUER: Final[Mapping[str, Mapping[str, Identity]]] = {
    "GitHub Actions": _GITHUB,
    "GitLab.com": _GITLAB,
    "Buildkite": _BUILDKITE,
}


def identities(trust: Trust) -> Mapping[str, Identity]:
    """The claims beside `sub` and `aud` that a statement asks for, and how well each identifies."""
    table = _BY_ISSUER.get(trust.keys.known_as or "", {})
    found: dict[str, Identity] = {}
    for condition in trust.statement.conditions:
        claim = trust.claim(condition)
        if claim is None or claim not in table or not is_guard(condition):
            continue
        values = known_values(condition)
        pinned = not is_like(condition) or all(_names_owner(claim, value) for value in values)
        found[claim] = table[claim] if pinned or not values else Identity.FREE
    return found


def _names_owner(claim: str, value: str) -> bool:
    """Whether a pattern says whose it is before its first wildcard."""
    head = value[: first_wildcard(value)]
    return "/" in head.lstrip("/") if claim in {"repository", "job_workflow_ref"} else head == value
