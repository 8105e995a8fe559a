"""GitHub Actions: subjects with ids and without, and customised ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Claim,
    Marking,
    Source,
    Standing,
    TokenFormat,
    When,
)
from daypass.subjects.identity import Identity
from daypass.subjects.issuers.common import BRANCH, DIGITS, TAG, TIMES, fact, given, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Behind, Escape, Form, From, Part, Piece, ShapedSubject, pair
from daypass.subjects.shapes import ChosenBy, Component, Grammar, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

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

_TEXT_BOOLEAN: Final = ClaimType.TEXT_BOOLEAN
_DIGITS: Final = ClaimType.TEXT_NUMBER
_IN_ENVIRONMENT: Final = When("environment")
_NO_ENVIRONMENT: Final = When("environment", negated=True)
_REQUESTED: Final = ("pull_request",)
_OF_REF: Final = (_NO_ENVIRONMENT, When("event_name", _REQUESTED, negated=True))


def _fragment(name: str, parts: tuple[str | Component, ...], leaf: str, example: str) -> Shape:
    return Shape(name, parts, leaf, (), example)


_NAMES: Final[Mapping[str, From]] = {
    "owner": Piece("repository", 0),
    "owner_id": Attribute("repository_owner_id"),
    "repository": Piece("repository", 1),
    "repository_id": Attribute("repository_id"),
}
_SUBJECT: Final = ShapedSubject(
    parts=(
        Part(
            "repo",
            (Form(_fragment("repo", _BY_ID, "repository", "repo:tidewater@73105/invoices@50883127"), _NAMES),),
            Marking.IMMUTABLE,
        ),
        Part(
            "name_only_repo",
            (Form(_fragment("name only", _BY_NAME, "repository", "repo:tidewater/invoices"), _NAMES),),
            Marking.TENANT_CHOSEN,
        ),
        Part(
            "context",
            (
                Form(
                    _fragment("environment", ("environment:", _ENVIRONMENT), "environment", "environment:production"),
                    when=(_IN_ENVIRONMENT,),
                    escape=Escape.COLON,
                ),
                Form(
                    _fragment("pull request", ("pull_request",), "pull request", "pull_request"),
                    when=(_NO_ENVIRONMENT, When("event_name", _REQUESTED)),
                ),
                Form(
                    _fragment("branch", ("ref:refs/heads/", BRANCH), "branch", "ref:refs/heads/main"),
                    {"branch": Behind("ref", "refs/heads/")},
                    when=_OF_REF,
                ),
                Form(
                    _fragment("tag", ("ref:refs/tags/", TAG), "tag", "ref:refs/tags/v1"),
                    {"tag": Behind("ref", "refs/tags/")},
                    when=_OF_REF,
                ),
            ),
            Marking.IMMUTABLE,  # GitHub's own default, so choosing the format is choosing it
        ),
        pair("repository_id", _REPOSITORY_ID, example="50883127"),
        pair("repository_owner_id", given("repository_owner_id", "organization id", DIGITS), example="73105"),
        pair("repository", named("repository", "repository", ChosenBy.STRANGER, ":*? ")),
        pair("repository_owner", named("repository_owner", "organization", ChosenBy.STRANGER, _NO_NAME)),
        *(
            pair(name, named(name, noun, ChosenBy.CONTRIBUTOR), escape=Escape.COLON)
            for name, noun in (
                ("job_workflow_ref", "workflow"),
                ("workflow_ref", "workflow"),
                ("workflow", "workflow"),
                ("ref", "ref"),
                ("event_name", "event"),
                ("head_ref", "branch"),
                ("base_ref", "branch"),
            )
        ),
        *(
            pair(name, named(name, "person", ChosenBy.CONTRIBUTOR), marking=Marking.PERSONAL, escape=Escape.COLON)
            for name in ("actor", "actor_id")
        ),
    ),
    first=("repo", "name_only_repo", "repository_id", "repository_owner_id", "repository", "repository_owner"),
    default=("repo", "context"),
)

GITHUB_FORMAT: Final = TokenFormat(
    name="github",
    about="GitHub Actions': `sub` is repository with ids and context, as since July 2026, or chosen claims",
    noun="GitHub Actions ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=300,
    not_before_seconds=600,
    claims=(
        Claim("jti", Source.JTI),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        fact("ref", required=True),
        fact("sha", required=True),
        fact("repository", required=True),
        fact("repository_owner", required=True),
        fact("repository_owner_id", _DIGITS, required=True),
        fact("run_id", _DIGITS, required=True),
        fact("run_number", _DIGITS, required=True),
        fact("run_attempt", _DIGITS, required=True),
        fact("repository_visibility"),
        fact("repository_id", _DIGITS, required=True),
        fact("actor_id", _DIGITS),
        fact("actor"),
        fact("workflow"),
        fact("head_ref"),
        fact("base_ref"),
        fact("event_name", required=True),
        fact("ref_protected", _TEXT_BOOLEAN, fallback="false"),
        fact("ref_type", required=True),
        fact("workflow_ref"),
        fact("workflow_sha"),
        fact("job_workflow_ref"),
        fact("job_workflow_sha"),
        fact("runner_environment"),
        fact("environment"),
        fact("enterprise"),
        fact("enterprise_id", _DIGITS),
        fact("check_run_id", _DIGITS),
        Claim("iss", Source.ISSUER),
        *TIMES,
    ),
    subject=_SUBJECT,
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "GitHub documentation, OpenID Connect reference (github/docs at 051718f2, 2026)",
        Certainty.DOCUMENTED,
        (
            "`%` in an environment is written `%25`, which GitHub does not say of itself.",
            "`repo_property_…` claims are not issued.",
            "`name_only_repo` is our word for the `repo` of repositories without ids in their subject.",
            "The default audience, the owner's URL, is asked for like any other.",
        ),
    ),
    issuers=(GITHUB, GITHUB_ENTERPRISE),
    marks=("repository", "repository_owner", "run_number", "event_name"),
    identity=(
        Identity("repository_id", ("repo", "name_only_repo", "repository", "repository_id")),
        Identity("repository_owner_id", ("repository_owner", "repository_owner_id")),
    ),
    phrases=(
        Phrase("of the repository {}", "repository"),
        Phrase("(id {})", "repository_id"),
        Phrase(", for {}", "ref"),
        Phrase(", protected", "ref_protected", only=("true",)),
        Phrase(", deploying to the environment {}", "environment"),
        Phrase(", for a pull request", "event_name", only=_REQUESTED),
        Phrase(
            ", for a pull request, with the rights of the target: whoever opens one starts it",
            "event_name",
            only=("pull_request_target",),
        ),
        Phrase(", by the reusable workflow {}", "job_workflow_ref", unlike="workflow_ref"),
        Phrase(", started by {}", "actor"),
    ),
)
