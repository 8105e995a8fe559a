"""Daypass's own: immutable ids in the subject, names beside them, nothing without a meaning."""

from __future__ import annotations

from typing import Final

from daypass.subjects.formats import (
    AudienceForm,
    Certainty,
    Claim,
    Marking,
    Source,
    Standing,
    SubjectPart,
    TokenFormat,
)
from daypass.subjects.issuers.common import FURTHER, STANDARD, named
from daypass.subjects.pairs import PairSubject
from daypass.subjects.phrases import Phrase
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

_DAYPASS_PROJECT: Final = (
    "organization:",
    named("organization", "organization", ChosenBy.ISSUER),
    ":project:",
    named("project", "project", ChosenBy.ISSUER),
)
DAYPASS: Final = Grammar(
    name="daypass",
    about="this Daypass",
    issuer=None,
    shared=False,
    audience=None,
    tenant="organization",
    shapes=(
        *(
            Shape(
                kind,
                (*_DAYPASS_PROJECT, f":{kind}:", named("workload", kind, ChosenBy.ISSUER)),
                kind,
                ("organization", "project"),
                f"organization:org_a1b2:project:prj_c3d4:{kind}:{kind[:3]}_e5f6",
            )
            for kind in ("job", "workspace", "environment")
        ),
        Shape(
            "chosen components",
            (*_DAYPASS_PROJECT, ":", FURTHER),
            "workload",
            ("organization", "project"),
            "organization:org_a1b2:project:prj_c3d4:ref:main",
        ),
    ),
    customised="the organization chooses the components behind organization and project",
    source="Daypass, token formats",
)

_FIXED: Final = Marking.IMMUTABLE
_NAMED: Final = Marking.TENANT_CHOSEN
_ID_LENGTH: Final = 24  # three letters, `_` and 20 characters
_ATTRIBUTES: Final = (
    SubjectPart("ref", _NAMED),
    SubjectPart("ref_type", _FIXED),
    SubjectPart("ref_protected", _FIXED),
    SubjectPart("event", _FIXED),
    SubjectPart("deployment_environment", _NAMED),
    SubjectPart("repository", _NAMED),
    SubjectPart("user_id", _FIXED),
)

DAYPASS_FORMAT: Final = TokenFormat(
    name="daypass",
    about="Daypass's own: `sub` of immutable ids, one `aud` as a string, five minutes",
    noun="Daypass ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=300,
    claims=(
        *STANDARD,
        Claim("organization_id", Source.ORGANIZATION_ID),
        Claim("organization_slug", Source.ORGANIZATION_SLUG),
        Claim("project_id", Source.PROJECT_ID),
        Claim("project_slug", Source.PROJECT_SLUG),
        Claim("workload_id", Source.WORKLOAD_ID),
        Claim("workload_kind", Source.WORKLOAD_KIND),
        Claim("workload_name", Source.WORKLOAD_NAME),
        # Nested, so that an attribute can never take the name of a claim that means something else.
        Claim("attributes", Source.ATTRIBUTES),
    ),
    subject=PairSubject(
        components=(
            SubjectPart("organization", _FIXED, _ID_LENGTH),
            SubjectPart("project", _FIXED, _ID_LENGTH),
            SubjectPart("workload", _FIXED, len("environment:") + _ID_LENGTH),
            SubjectPart("kind", _FIXED, len("environment")),
            *_ATTRIBUTES,
        ),
        first=("organization", "project"),
        default=("organization", "project", "workload"),
    ),
    subject_limit=127,  # Google's limit, the shortest of the clouds'
    standing=Standing("daypass, decision 5", Certainty.OURS),
    issuers=(DAYPASS,),
    marks=("organization_id", "project_id", "workload_id", "workload_kind"),
    phrases=(
        Phrase("of the {}", "workload_kind"),
        Phrase("{}", "workload_id"),
        Phrase("in the project {}", "project_slug"),
        Phrase("(id {})", "project_id"),
        Phrase("of the organization {}", "organization_slug"),
        Phrase("(id {})", "organization_id"),
        Phrase(", on {}", "attributes/ref"),
        Phrase(", protected", "attributes/ref_protected", only=("true",)),
        Phrase(", because of {}", "attributes/event"),
        Phrase(", deploying to {}", "attributes/deployment_environment"),
    ),
    published_attributes=(*(part.name for part in _ATTRIBUTES), "commit", "run_id"),
)
