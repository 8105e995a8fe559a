"""GitHub Actions: subjects with ids and without, and customised ones."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import BRANCH, DIGITS, TAG, given, named
from daypass.subjects.shapes import ChosenBy, Component, Grammar, Shape

_NO_NAME: Final = ":/@*? "
_OWNER: Final = named("owner", "organization", ChosenBy.STRANGER, _NO_NAME)
_REPOSITORY: Final = named("repository", "repository", ChosenBy.OWNER, _NO_NAME)
_OWNER_ID: Final = given("owner_id", "organization id", DIGITS)
_REPOSITORY_ID: Final = given("repository_id", "repository id", DIGITS)
_ENVIRONMENT: Final = named("environment", "environment", ChosenBy.OWNER)
_WORKFLOW_REF: Final = named("job_workflow_ref", "workflow", ChosenBy.OWNER)
_BY_NAME: Final = ("repo:", _OWNER, "/", _REPOSITORY)
_BY_ID: Final = ("repo:", _OWNER, "@", _OWNER_ID, "/", _REPOSITORY, "@", _REPOSITORY_ID)
_CONTEXTS: Final[tuple[tuple[str, tuple[str | Component, ...], str], ...]] = (
    ("branch", (":ref:refs/heads/", BRANCH), ":ref:refs/heads/main"),
    ("tag", (":ref:refs/tags/", TAG), ":ref:refs/tags/v2.1.0"),
    ("environment", (":environment:", _ENVIRONMENT), ":environment:production"),
    ("pull request", (":pull_request",), ":pull_request"),
)
_GITHUB_SHAPES: Final = (
    *(
        Shape(
            f"{leaf} with ids",
            (*_BY_ID, *parts),
            leaf,
            ("owner", "owner_id", "repository", "repository_id"),
            f"repo:tidewater@73105/invoices@50883127{example}",
        )
        for leaf, parts, example in _CONTEXTS
    ),
    *(
        Shape(leaf, (*_BY_NAME, *parts), leaf, ("owner", "repository"), f"repo:tidewater/invoices{example}")
        for leaf, parts, example in _CONTEXTS
    ),
    Shape(
        "reusable workflow",
        (*_BY_NAME, ":job_workflow_ref:", _WORKFLOW_REF),
        "reusable workflow",
        ("owner", "repository"),
        "repo:tidewater/invoices:job_workflow_ref:tidewater/workflows/.github/workflows/deploy.yml@refs/heads/main",
    ),
    Shape(
        "reusable workflow alone",
        ("job_workflow_ref:", named("owner", "organization", ChosenBy.STRANGER, _NO_NAME), "/", _WORKFLOW_REF),
        "repository that calls the workflow",
        ("owner", "job_workflow_ref"),
        "job_workflow_ref:tidewater/workflows/.github/workflows/deploy.yml@refs/heads/main",
    ),
    Shape(
        "repository id alone",
        ("repository_id:", _REPOSITORY_ID),
        "job",
        ("repository_id",),
        "repository_id:50883127",
    ),
)
_GITHUB_SOURCE: Final = "GitHub documentation, OpenID Connect reference"
_GITHUB_CUSTOMISED: Final = "an organization or a repository chooses the claims (include_claim_keys)"
_GITHUB_AUDIENCE: Final = "sts.amazonaws.com"

GITHUB: Final = Grammar(
    name="github",
    about="github.com",
    issuer=r"token\.actions\.githubusercontent\.com",
    shared=True,
    audience=_GITHUB_AUDIENCE,
    tenant="owner",
    shapes=_GITHUB_SHAPES,
    customised=_GITHUB_CUSTOMISED,
    source=_GITHUB_SOURCE,
)
GITHUB_ENTERPRISE: Final = Grammar(
    name="github-enterprise",
    about="this GitHub enterprise",
    issuer=r"token\.actions\.githubusercontent\.com/[^/]+|token\.actions\.[^./]+\.ghe\.com|[^/]+/_services/token",
    shared=False,
    audience=_GITHUB_AUDIENCE,
    tenant="owner",
    shapes=_GITHUB_SHAPES,
    customised=_GITHUB_CUSTOMISED,
    source=_GITHUB_SOURCE,
)
