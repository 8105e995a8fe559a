"""Where it is said what AWS does. Short names for the checks."""

from __future__ import annotations

from typing import Final

STS_API: Final = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"
CREATE_PROVIDER: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html"
CREATE_PROVIDER_API: Final = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html"
THUMBPRINT: Final = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html"
)
INVALID_TOKEN: Final = "https://repost.aws/knowledge-center/iam-sts-invalididentitytoken"  # noqa: S105 (an address)
FEDERATION: Final = "https://repost.aws/knowledge-center/iam-oidc-idp-federation"
GITLAB: Final = "https://docs.gitlab.com/ci/cloud_services/aws/#troubleshooting"
DISCOVERY: Final = "https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata"
JWK: Final = "https://www.rfc-editor.org/rfc/rfc7517"
JWT: Final = "https://www.rfc-editor.org/rfc/rfc7519"
JWA: Final = "https://www.rfc-editor.org/rfc/rfc7518"
TLS_CHAIN: Final = "https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2"
HTTP_CACHING: Final = "https://www.rfc-editor.org/rfc/rfc9111"
HTTP: Final = "https://www.rfc-editor.org/rfc/rfc9110"
JSON: Final = "https://www.rfc-editor.org/rfc/rfc8259"
TRUST: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html"
SESSION_TAGS: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"
OBSERVED: Final = "observed on AWS, September 2026"
