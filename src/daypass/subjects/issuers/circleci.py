"""CircleCI."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Claim,
    Source,
    Standing,
    TokenFormat,
    When,
)
from daypass.subjects.issuers.common import given, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

_CIRCLECI_PROJECT: Final = (
    "org/",
    given("organization", "organization"),
    "/project/",
    given("project", "project"),
    "/user/",
    given("user", "user"),
)
_CIRCLECI_EXAMPLE: Final = (
    "org/4d7b1e90-2c3f-4a56-8b17-e09f1a2b3c41/project/8a1f5c27-6d3e-4b90-9c42-10e2f3a4b5c6"
    "/user/b3c9d8e7-1f20-4e3d-8a5b-6c7d8e9f0a12"
)
_CIRCLECI_SHAPES: Final = (
    Shape("project", _CIRCLECI_PROJECT, "user", ("organization", "project"), _CIRCLECI_EXAMPLE),
    Shape(
        "project with ref",
        (
            *_CIRCLECI_PROJECT,
            "/vcs-origin/",
            named("vcs_origin", "repository", ChosenBy.OWNER, ""),
            "/vcs-ref/",
            named("vcs_ref", "ref", ChosenBy.CONTRIBUTOR, ""),
        ),
        "ref",
        ("organization", "project"),
        f"{_CIRCLECI_EXAMPLE}/vcs-origin/github.com/tidewater/invoices/vcs-ref/refs/heads/main",
    ),
)
_CIRCLECI_SOURCE: Final = "CircleCI documentation, OpenID Connect tokens in jobs"
CIRCLECI: Final = Grammar(
    name="circleci",
    about="this CircleCI organization",
    issuer=r"oidc\.circleci\.com/org/[0-9a-f-]+",
    shared=False,
    audience=None,
    tenant="organization",
    shapes=_CIRCLECI_SHAPES,
    source=_CIRCLECI_SOURCE,
)
CIRCLECI_ROOT: Final = Grammar(
    name="circleci-root",
    about="oidc.circleci.com",
    issuer=r"oidc\.circleci\.com",
    shared=True,
    audience=None,
    tenant="organization",
    shapes=_CIRCLECI_SHAPES,
    source=_CIRCLECI_SOURCE,
)

_OWN: Final = "oidc.circleci.com"


def _claim(name: str, attribute: str, claim_type: ClaimType = ClaimType.TEXT, *, required: bool = False) -> Claim:
    return Claim(f"{_OWN}/{name}", Attribute(attribute), required=required, type=claim_type)


_FROM: Final = {
    "organization": Attribute("org_id"),
    "project": Attribute("project_id"),
    "user": Attribute("user_id"),
}
_WITH_REF: Final = (When("vcs_origin"), When("vcs_ref"))
CIRCLECI_FORMAT: Final = TokenFormat(
    name="circleci",
    about="CircleCI's: `sub` is organization, project and user, with origin and ref in version 2",
    noun="CircleCI ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=3600,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        Claim("iat", Source.ISSUED_AT),
        Claim("exp", Source.EXPIRES_AT),
        _claim("context-ids", "context_ids", ClaimType.TEXTS),
        _claim("job-id", "job_id", required=True),
        _claim("org-id", "org_id", required=True),
        _claim("pipeline-definition-id", "pipeline_definition_id"),
        _claim("pipeline-id", "pipeline_id"),
        _claim("project-id", "project_id", required=True),
        _claim("ssh-rerun", "ssh_rerun", ClaimType.BOOLEAN),
        _claim("vcs-origin", "vcs_origin"),
        _claim("vcs-ref", "vcs_ref"),
    ),
    subject=ShapedSubject(
        always=(
            Form(_CIRCLECI_SHAPES[1], _FROM, _WITH_REF),
            Form(_CIRCLECI_SHAPES[0], _FROM),
        )
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "CircleCI documentation, OpenID Connect tokens (circleci/circleci-docs at 9734a141, 2026)",
        Certainty.DOCUMENTED,
        (
            "The default audience, the organization's id, is asked for like any other.",
            "The header's `typ` is not documented.",
        ),
    ),
    issuers=(CIRCLECI, CIRCLECI_ROOT),
    marks=(f"{_OWN}/project-id",),
    phrases=(
        Phrase("of the project {}", f"{_OWN}/project-id"),
        Phrase("of the organization {}", f"{_OWN}/org-id"),
        Phrase(", for {}", f"{_OWN}/vcs-origin"),
        Phrase("at {}", f"{_OWN}/vcs-ref"),
        Phrase(", rerun with SSH", f"{_OWN}/ssh-rerun", only=("true",)),
    ),
)
