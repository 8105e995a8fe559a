"""GitLab CI/CD: the ID token, and the two that came before it."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import BRANCH, DIGITS, TAG, given, named
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

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
