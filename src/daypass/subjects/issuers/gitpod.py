"""Gitpod Classic (`gp idp token`)."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import given, named
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

_REPOSITORY_HOST: Final = named("host", "host", ChosenBy.STRANGER, "/")
_REPOSITORY_OWNER: Final = named("owner", "owner", ChosenBy.STRANGER, "/")
_REPOSITORY_PATH: Final = named("repository", "repository", ChosenBy.STRANGER, "/")
_CONTEXT: Final = named("context", "branch, pull request or issue", ChosenBy.CONTRIBUTOR, "")
_REPOSITORY_URL: Final = ("https://", _REPOSITORY_HOST, "/", _REPOSITORY_OWNER, "/", _REPOSITORY_PATH)
_GITPOD_SHAPES: Final = (
    Shape(
        "repository",
        _REPOSITORY_URL,
        "workspace",
        ("host", "owner", "repository"),
        "https://github.com/tidewater/invoices",
    ),
    Shape(
        "context",
        (*_REPOSITORY_URL, "/", _CONTEXT),
        "branch, pull request or issue",
        ("host", "owner", "repository"),
        "https://github.com/tidewater/invoices/tree/release",
    ),
    Shape(
        "organization, user and context",
        (
            "org_id:",
            given("org_id", "organization"),
            ":user_id:",
            given("user_id", "user"),
            ":context:",
            named("context", "context", ChosenBy.CONTRIBUTOR, ""),
        ),
        "context",
        ("org_id", "user_id"),
        "org_id:2f6a9c10-7d3e-4b58-8a41-90c3d5e7f112:user_id:c81e4d70-52ab-4f09-9b6d-3e5f7a9b1c24"
        ":context:https://github.com/tidewater/invoices",
    ),
    Shape("no context", ("no-context",), "workspace without a repository", (), "no-context"),
)
_GITPOD_SOURCE: Final = "gitpod-io/gitpod, getOIDCSubject of the public API server"
GITPOD: Final = Grammar(
    name="gitpod",
    about="gitpod.io",
    issuer=r"services\.gitpod\.io/idp",
    shared=True,
    audience=None,
    tenant="owner",
    shapes=_GITPOD_SHAPES,
    customised="the claims may be chosen for an organization (idp_claim_keys)",
    source=_GITPOD_SOURCE,
)
GITPOD_DEDICATED: Final = Grammar(
    name="gitpod-dedicated",
    about="this Gitpod",
    issuer=r"services\.[^/]+/idp",
    shared=False,
    audience=None,
    tenant="owner",
    shapes=_GITPOD_SHAPES,
    customised="the claims may be chosen for an organization (idp_claim_keys)",
    source=_GITPOD_SOURCE,
)
