"""CircleCI."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import given, named
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
