"""Bitbucket Pipelines."""

from __future__ import annotations

from typing import Final

from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Claim,
    Source,
    Standing,
    TokenFormat,
)
from daypass.subjects.issuers.common import given
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Behind, Form, ShapedSubject
from daypass.subjects.shapes import Grammar, Shape

_BRACED: Final = ("{", given("repository_uuid", "repository"), "}:{")
BITBUCKET: Final = Grammar(
    name="bitbucket",
    about="this Bitbucket workspace",
    issuer=r"api\.bitbucket\.org/2\.0/workspaces/[^/]+/pipelines-config/identity/oidc",
    shared=False,
    audience=None,
    tenant=None,
    shapes=(
        Shape(
            "step",
            (*_BRACED, given("step_uuid", "step"), "}"),
            "step",
            ("repository_uuid",),
            "{7c0e1d2f-3a4b-4c5d-8e6f-708192a3b4c5}:{e1f20314-2536-4758-9a6b-7c8d9eafb0c1}",
        ),
        Shape(
            "deployment step",
            (
                *_BRACED,
                given("deployment_environment_uuid", "environment"),
                "}:{",
                given("step_uuid", "step"),
                "}",
            ),
            "step",
            ("repository_uuid", "deployment_environment_uuid"),
            "{7c0e1d2f-3a4b-4c5d-8e6f-708192a3b4c5}:{50617283-94a5-4b6c-8d7e-8f90a1b2c3d4}"
            ":{e1f20314-2536-4758-9a6b-7c8d9eafb0c1}",
        ),
    ),
    source="Atlassian documentation, Bitbucket Pipelines OpenID Connect",
)

_FROM: Final = {name: Behind(name, "{", "}") for name in ("repository_uuid", "step_uuid")}


def _claim(name: str, attribute: str, *, required: bool = False) -> Claim:
    return Claim(name, Attribute(attribute), required=required)


BITBUCKET_FORMAT: Final = TokenFormat(
    name="bitbucket",
    about="Bitbucket Pipelines': `sub` is repository and step, each a UUID in braces",
    noun="Bitbucket ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=3600,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        Claim("iat", Source.ISSUED_AT),
        Claim("exp", Source.EXPIRES_AT),
        _claim("workspaceUuid", "workspace_uuid", required=True),
        _claim("repositoryUuid", "repository_uuid", required=True),
        _claim("pipelineUuid", "pipeline_uuid"),
        _claim("stepUuid", "step_uuid", required=True),
        _claim("deploymentEnvironmentUuid", "deployment_environment_uuid"),
        _claim("branchName", "branch_name"),
    ),
    subject=ShapedSubject(always=(Form(BITBUCKET.shape_named("step"), _FROM),)),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "Atlassian documentation, Bitbucket Pipelines OpenID Connect; gravitational/teleport, lib/bitbucket, 2026",
        Certainty.PARTLY,
        (
            "A form with the environment's UUID in the middle is reported; it is recognised and not issued.",
            "The lifetime and the header's `typ` are not documented.",
        ),
    ),
    issuers=(BITBUCKET,),
    marks=("repositoryUuid", "stepUuid"),
    phrases=(
        Phrase("of the repository {}", "repositoryUuid"),
        Phrase("of the workspace {}", "workspaceUuid"),
        Phrase(", for the branch {}", "branchName"),
        Phrase(", deploying to the environment {}", "deploymentEnvironmentUuid"),
    ),
)
