"""Gitpod Classic (`gp idp token`)."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_keys import ClaimKeySubject
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
    SubjectPart,
    TokenFormat,
    When,
)
from daypass.subjects.issuers.common import given, named
from daypass.subjects.phrases import Phrase
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

_OWNED: Final = "user_organization_owned"
_NO_CONTEXT: Final = "no-context"

# Kept as it was, also where we would do otherwise: `aud` is always an array, `auth_time` is the time of issuing,
# `c_hash` is one value per process, there is no `jti` and no `nbf`, and the subject's values are not escaped.
GITPOD_FORMAT: Final = TokenFormat(
    name="gitpod",
    about="Gitpod Classic's, for trust policies written for it: `sub` is the context URL or chosen claims",
    noun="Gitpod ID token",
    typ=None,
    audience_form=AudienceForm.ALWAYS_ARRAY,
    lifetime_seconds=3600,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("aud", Source.AUDIENCE),
        Claim("exp", Source.EXPIRES_AT),
        Claim("iat", Source.ISSUED_AT),
        Claim("azp", Source.FIRST_AUDIENCE),
        Claim("auth_time", Source.ISSUED_AT, type=ClaimType.NUMBER),
        Claim("c_hash", Source.PROCESS_HASH),
        Claim("sub", Source.SUBJECT),
        Claim("name", Attribute("user_name")),
        Claim(
            "email",
            Attribute("user_sso_email"),
            required=True,
            complaint="SSO email is empty",
            when=(When(_OWNED, ("true",)),),
        ),
        Claim("email_verified", Source.TRUE, when=(When(_OWNED, ("true",)),)),
        Claim("email", Attribute("user_email"), when=(When(_OWNED, ("true",), negated=True),)),
        Claim("user_id", Attribute("user_id"), required=True),
        Claim("org_id", Source.ORGANIZATION_ID),
        Claim("context", Attribute("context_url"), fallback=_NO_CONTEXT),
        Claim("workspace_id", Source.WORKLOAD_ID),
        Claim("repository", Attribute("repository")),
        Claim("scope", Source.SCOPE),
    ),
    subject=ClaimKeySubject(
        default="context",
        default_pattern=rf"https?://\S+|{_NO_CONTEXT}",
        keys=(
            SubjectPart("org_id", Marking.IMMUTABLE),
            SubjectPart("user_id", Marking.IMMUTABLE),
            # The subject itself when nothing is chosen, so choosing the format is choosing it.
            SubjectPart("context", Marking.IMMUTABLE),
            SubjectPart("workspace_id", Marking.IMMUTABLE),
            SubjectPart("repository", Marking.TENANT_CHOSEN),
            SubjectPart("name", Marking.PERSONAL),
            SubjectPart("email", Marking.PERSONAL),
        ),
        organization_key="org_id",
        known=GITPOD,
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "gitpod-io/gitpod at 4f45d02e, components/public-api-server, 2026-07-24",
        Certainty.READ_IN_CODE,
        ("Values are not escaped; one that reads as two pairs, as `u:context:x`, is refused here.",),
    ),
    issuers=(GITPOD, GITPOD_DEDICATED),
    marks=("azp", "user_id", "context", "workspace_id"),
    phrases=(
        Phrase("of the workspace {}", "workspace_id"),
        Phrase("of the user {}", "user_id"),
        Phrase("in the organization {}", "org_id"),
        Phrase(", opened from {}", "context"),
    ),
    operator_may_share=True,
)
