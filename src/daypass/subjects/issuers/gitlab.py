"""GitLab CI/CD: the ID token, and the two that came before it."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    AudienceForm,
    Certainty,
    Claim,
    Source,
    Standing,
    TokenFormat,
    When,
)
from daypass.subjects.identity import Identity
from daypass.subjects.issuers.common import BRANCH, DIGITS, STANDARD, TAG, TIMES, fact, given, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject, pair
from daypass.subjects.shapes import ChosenBy, Component, Grammar, Shape

_NO_PATH: Final = ":*? "
_PROJECT_PATH: Final = named("project_path", "project", ChosenBy.STRANGER, _NO_PATH)
_PROJECT_NUMBER: Final = given("project_id", "project", DIGITS)
_GITLAB_SHAPES: Final = (
    Shape(
        "branch",
        ("project_path:", _PROJECT_PATH, ":ref_type:branch:ref:", BRANCH),
        "branch",
        ("project_path",),
        "project_path:tidewater/billing/invoices:ref_type:branch:ref:main",
    ),
    Shape(
        "tag",
        ("project_path:", _PROJECT_PATH, ":ref_type:tag:ref:", TAG),
        "tag",
        ("project_path",),
        "project_path:tidewater/billing/invoices:ref_type:tag:ref:v2.1.0",
    ),
    Shape(
        "branch by project id",
        ("project_id:", _PROJECT_NUMBER, ":ref_type:branch:ref:", BRANCH),
        "branch",
        ("project_id",),
        "project_id:60417:ref_type:branch:ref:main",
    ),
    Shape(
        "tag by project id",
        ("project_id:", _PROJECT_NUMBER, ":ref_type:tag:ref:", TAG),
        "tag",
        ("project_id",),
        "project_id:60417:ref_type:tag:ref:v2.1.0",
    ),
)
_GITLAB_SOURCE: Final = "GitLab documentation, OpenID Connect (OIDC) Authentication Using ID Tokens"
_GITLAB_CUSTOMISED: Final = (
    "a maintainer chooses the components; the first is project_path or project_id (ci_id_token_sub_claim_components)"
)

GITLAB: Final = Grammar(
    name="gitlab",
    about="gitlab.com",
    issuer=r"gitlab\.com",
    shared=True,
    audience=None,
    tenant="project_path",
    shapes=_GITLAB_SHAPES,
    customised=_GITLAB_CUSTOMISED,
    source=_GITLAB_SOURCE,
)
GITLAB_SELF_MANAGED: Final = Grammar(
    name="gitlab-self-managed",
    about="this GitLab",
    issuer=r"gitlab\.[^/]+",
    shared=False,
    audience=None,
    tenant="project_path",
    shapes=_GITLAB_SHAPES,
    customised=_GITLAB_CUSTOMISED,
    source=_GITLAB_SOURCE,
)

_YES: Final = ("true",)
_TEXT_BOOLEAN: Final = ClaimType.TEXT_BOOLEAN
_DIGITS: Final = ClaimType.TEXT_NUMBER

_JOB: Final = (
    fact("namespace_id", _DIGITS, required=True),
    fact("namespace_path", required=True),
    fact("project_id", _DIGITS, required=True),
    fact("project_path", required=True),
    fact("user_id", _DIGITS, required=True),
    fact("user_login", required=True),
    fact("user_email", required=True),
)
_RUN: Final = (
    fact("pipeline_id", _DIGITS, required=True),
    fact("pipeline_source", required=True),
    fact("job_id", _DIGITS, required=True),
    fact("ref", required=True),
    fact("ref_type", required=True),
)
_REF_PROTECTED: Final = fact("ref_protected", _TEXT_BOOLEAN, fallback="false")
_ENVIRONMENT: Final = (
    fact("environment"),
    fact("environment_protected", _TEXT_BOOLEAN, when=(When("environment"),), fallback="false"),
)
_OLD: Final = (*_JOB, *_RUN, _REF_PROTECTED, *_ENVIRONMENT)
_WORD: Final = "abcdefghijklmnopqrstuvwxyz"
_REF_TYPE: Final = Component("ref_type", "kind of ref", ChosenBy.ISSUER, allowed=_WORD, longest=6)
_REF: Final = named("ref", "ref", ChosenBy.CONTRIBUTOR, BRANCH.excluded)
_SUBJECT: Final = ShapedSubject(
    parts=(
        pair("project_path", _PROJECT_PATH, example="tidewater/billing/invoices"),
        pair("project_id", _PROJECT_NUMBER, example="60417"),
        pair("ref_type", _REF_TYPE, optional=True, example="branch"),
        pair("ref", _REF, optional=True, example="main"),
        *(
            pair(name, Component(name, noun, ChosenBy.ISSUER, allowed=_WORD, longest=11), optional=True)
            for name, noun in (
                ("ref_protected", "protection of the ref"),
                ("environment_protected", "protection of the environment"),
                ("deployment_tier", "tier"),
            )
        ),
    ),
    first=("project_path", "project_id"),
    default=("project_path", "ref_type", "ref"),
    most=7,
)
_PHRASES: Final = (
    Phrase("of the project {}", "project_path"),
    Phrase("(id {})", "project_id"),
    Phrase(", run in the project {}: a merge request from a fork", "job_project_path", unlike="project_path"),
    Phrase(", for the", "ref_type", only=("branch", "tag")),
    Phrase("{}", "ref_type"),
    Phrase("{}", "ref"),
    Phrase(", protected", "ref_protected", only=_YES),
    Phrase(", not protected", "ref_protected", only=("false",)),
    Phrase(", in a merge request's pipeline", "pipeline_source", only=("merge_request_event",)),
    Phrase(", deploying to {}", "environment"),
    Phrase(", started by {}", "user_login"),
)

GITLAB_FORMAT: Final = TokenFormat(
    name="gitlab",
    about="GitLab's ID token (`id_tokens:`): `sub` begins with the project's path or id",
    noun="GitLab ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=3600,
    not_before_seconds=5,
    claims=(
        *_JOB,
        fact("user_access_level"),
        fact("job_project_id", _DIGITS),
        fact("job_project_path"),
        fact("job_namespace_id", _DIGITS),
        fact("job_namespace_path"),
        *_RUN,
        fact("ref_path"),
        _REF_PROTECTED,
        *_ENVIRONMENT,
        fact("deployment_tier"),
        fact("environment_action"),
        fact("groups_direct", ClaimType.TEXTS),
        fact("user_identities", ClaimType.OBJECTS),
        fact("runner_id", ClaimType.NUMBER, required=True),
        fact("runner_environment", required=True),
        fact("sha", required=True),
        fact("ci_config_ref_uri"),
        fact("ci_config_sha"),
        fact("project_visibility"),
        fact("job_source"),
        fact("job_config", ClaimType.OBJECT),
        *STANDARD,
    ),
    subject=_SUBJECT,
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "GitLab documentation, OpenID Connect (OIDC) Authentication Using ID Tokens; gitlabhq/gitlabhq,"
        " lib/gitlab/ci/jwt_v2.rb, 2026",
        Certainty.READ_IN_CODE,
        (
            "`exp` is `iat` and the job's timeout; here it is the lifetime asked for.",
            "`ci_config_ref_uri` and `ci_config_sha` are null in GitLab's tokens where they are left out here.",
        ),
    ),
    issuers=(GITLAB, GITLAB_SELF_MANAGED),
    identity=(Identity("project_id"),),
    marks=("project_path", "pipeline_id", "job_id", "runner_environment"),
    phrases=_PHRASES,
)
GITLAB_JWT_V2: Final = TokenFormat(
    name="gitlab-jwt-v2",
    about="GitLab's `CI_JOB_JWT_V2`, removed in 17.0: `aud` is the instance",
    noun="GitLab CI_JOB_JWT_V2",
    typ="JWT",
    audience_form=AudienceForm.THE_ISSUER,
    lifetime_seconds=3600,
    not_before_seconds=5,
    claims=(
        *_OLD,
        Claim("jti", Source.JTI),
        Claim("iss", Source.ISSUER),
        *TIMES,
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.ISSUER),
    ),
    subject=ShapedSubject(
        parts=tuple(part for part in _SUBJECT.parts if part.name in _SUBJECT.default),
        first=("project_path",),
        default=_SUBJECT.default,
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing("gitlabhq/gitlabhq, lib/gitlab/ci/jwt_v2.rb; GitLab documentation, 2023", Certainty.READ_IN_CODE),
    issuers=(GITLAB, GITLAB_SELF_MANAGED),
    identity=(Identity("project_id"),),
    marks=("project_path", "pipeline_id", "job_id", "aud"),
    marks_absent=("runner_environment",),
    phrases=_PHRASES,
)
_V1_SHAPE: Final = Shape("job", ("job_", given("job_id", "job", DIGITS)), "job", (), "job_40977")
GITLAB_JWT_V1: Final = TokenFormat(
    name="gitlab-jwt-v1",
    about="GitLab's `CI_JOB_JWT`, removed in 17.0: no `aud`, so AWS refuses it",
    noun="GitLab CI_JOB_JWT",
    typ="JWT",
    audience_form=AudienceForm.NONE,
    lifetime_seconds=3600,
    not_before_seconds=5,
    claims=(
        Claim("jti", Source.JTI),
        Claim("iss", Source.ISSUER_HOST),
        *TIMES,
        Claim("sub", Source.SUBJECT),
        *_OLD,
    ),
    subject=ShapedSubject(always=(Form(_V1_SHAPE),)),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "gitlabhq/gitlabhq, lib/gitlab/ci/jwt.rb", Certainty.READ_IN_CODE, ("`iss` is the host without `https://`.",)
    ),
    issuers=(GITLAB, GITLAB_SELF_MANAGED),
    identity=(Identity("project_id"),),
    marks=("project_path", "pipeline_id", "job_id"),
    marks_absent=("aud",),
    phrases=_PHRASES,
)
