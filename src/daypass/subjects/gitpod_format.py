"""The tokens of Gitpod Classic (`gp idp token`), as its public server made them in 2026.

Kept as they were, also where we would do otherwise: `aud` is always an array, `auth_time` is the time of issuing,
`c_hash` is one value per process, there is no `jti` and no `nbf`, and the subject's values are not escaped.
"""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_keys import ClaimKeySubject
from daypass.subjects.formats import AWS_SUBJECT_LIMIT, Attribute, AudienceForm, Claim, Source, TokenFormat

_OWNED: Final = "user_organization_owned"
_NO_CONTEXT: Final = "no-context"

GITPOD: Final = TokenFormat(
    name="gitpod",
    about="Gitpod Classic's, for trust policies written for it: `sub` is the context URL or chosen claims",
    typ=None,
    audience_form=AudienceForm.ALWAYS_ARRAY,
    lifetime_seconds=3600,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("aud", Source.AUDIENCE),
        Claim("exp", Source.EXPIRES_AT),
        Claim("iat", Source.ISSUED_AT),
        Claim("azp", Source.FIRST_AUDIENCE),
        Claim("auth_time", Source.ISSUED_AT),
        Claim("c_hash", Source.PROCESS_HASH),
        Claim("sub", Source.SUBJECT),
        Claim("name", Attribute("user_name")),
        Claim("email", Attribute("user_sso_email"), required=True, complaint="SSO email is empty", when=(_OWNED, True)),
        Claim("email_verified", Source.TRUE, when=(_OWNED, True)),
        Claim("email", Attribute("user_email"), when=(_OWNED, False)),
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
        keys=("org_id", "user_id", "context", "workspace_id", "repository", "name", "email"),
        organization_key="org_id",
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
)
