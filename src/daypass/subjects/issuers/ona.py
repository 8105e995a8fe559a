"""Ona, once Gitpod Flex: versions 2 and 3 of its tokens."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import FURTHER, given
from daypass.subjects.shapes import Grammar, Shape

_ORGANIZATION_ID: Final = given("organization_id", "organization")
_PROJECT_ID: Final = given("project_id", "project")
_ONA_ORG: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a11"
_ONA_PROJECT: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a12"
_ONA_ENVIRONMENT: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a13"


def _ona_v2(leaf: str, word: str) -> Shape:
    return Shape(
        f"v2 {leaf}",
        ("org:", _ORGANIZATION_ID, f"/{word}:", given(f"{leaf}_id", leaf)),
        leaf,
        ("organization_id",),
        f"org:{_ONA_ORG}/{word}:{_ONA_ENVIRONMENT}",
    )


ONA: Final = Grammar(
    name="ona",
    about="app.gitpod.io",
    issuer=r"app\.gitpod\.io",
    shared=True,
    audience=None,
    tenant="organization_id",
    shapes=(
        Shape(
            "v3 project",
            ("organization_id:", _ORGANIZATION_ID, ":project_id:", _PROJECT_ID),
            "environment",
            ("organization_id", "project_id"),
            f"organization_id:{_ONA_ORG}:project_id:{_ONA_PROJECT}",
        ),
        Shape(
            "v3 environment without a project",
            ("organization_id:", _ORGANIZATION_ID, ":environment_id:", given("environment_id", "environment")),
            "environment",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:environment_id:{_ONA_ENVIRONMENT}",
        ),
        Shape(
            "v3 user",
            ("organization_id:", _ORGANIZATION_ID, ":user_id:", given("user_id", "user")),
            "user",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:user_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a14",
        ),
        Shape(
            "v3 service account",
            (
                "organization_id:",
                _ORGANIZATION_ID,
                ":service_account_id:",
                given("service_account_id", "service account"),
            ),
            "service account",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:service_account_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a15",
        ),
        Shape(
            "v3 account",
            ("account_id:", given("account_id", "account")),
            "account",
            ("account_id",),
            "account_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a16",
        ),
        Shape(
            "v3 project with further fields",
            ("organization_id:", _ORGANIZATION_ID, ":project_id:", _PROJECT_ID, ":", FURTHER),
            "environment",
            ("organization_id", "project_id"),
            f"organization_id:{_ONA_ORG}:project_id:{_ONA_PROJECT}:creator_email:nils.berg@tidewater.example",
        ),
        Shape(
            "v2 environment in a project",
            ("org:", _ORGANIZATION_ID, "/prj:", _PROJECT_ID, "/env:", given("environment_id", "environment")),
            "environment",
            ("organization_id", "project_id"),
            f"org:{_ONA_ORG}/prj:{_ONA_PROJECT}/env:{_ONA_ENVIRONMENT}",
        ),
        _ona_v2("environment", "env"),
        _ona_v2("user", "user"),
        _ona_v2("runner", "rnr"),
    ),
    customised="the organization chooses version and further fields",
    source="Ona documentation, OIDC",
)
