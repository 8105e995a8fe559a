"""Bitbucket Pipelines."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import given
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
