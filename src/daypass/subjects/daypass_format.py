"""Our own format: immutable ids in the subject, names beside them, nothing without a meaning."""

from __future__ import annotations

from typing import Final

from daypass.subjects.formats import AudienceForm, Claim, Source, TokenFormat
from daypass.subjects.pairs import PairSubject

_ATTRIBUTES: Final = ("ref", "ref_type", "ref_protected", "event", "deployment_environment", "repository", "user_id")

DAYPASS: Final = TokenFormat(
    name="daypass",
    about="Daypass's own: `sub` of immutable ids, one `aud` as a string, five minutes",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=300,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        Claim("iat", Source.ISSUED_AT),
        Claim("nbf", Source.ISSUED_AT),
        Claim("exp", Source.EXPIRES_AT),
        Claim("jti", Source.JTI),
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
        components=("organization", "project", "workload", "kind", *_ATTRIBUTES),
        first=("organization", "project"),
        default=("organization", "project", "workload"),
    ),
    subject_limit=127,  # Google's limit, the shortest of the clouds'
    published_attributes=(*_ATTRIBUTES, "commit", "run_id"),
)
