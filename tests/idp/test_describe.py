"""The discovery document says what is true, and what the standard demands."""

from __future__ import annotations

import json

import pytest

from daypass.idp.describe import GRANTS, claims_of, discovery_document
from daypass.names import IssuerUrl
from daypass.subjects.registry import FORMATS


@pytest.mark.parametrize("issuer", ["https://id.example/idp", "https://id.example", "https://id.example/"])
def test_the_document(issuer: str) -> None:
    document = json.loads(discovery_document(IssuerUrl.parse(issuer), ("RS256", "ES256"), claims_of(FORMATS.values())))
    base = issuer.rstrip("/")
    claims = document.pop("claims_supported")
    assert document == {
        "issuer": issuer,
        "jwks_uri": f"{base}/keys",
        "authorization_endpoint": f"{base}/not-supported",
        "response_types_supported": ["id_token"],
        "token_endpoint": f"{base}/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["implicit", *GRANTS],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "scopes_supported": ["openid"],
    }
    assert len(claims) == len(set(claims))
    assert {"iss", "sub", "aud", "exp", "iat", "jti", "c_hash", "organization_id"} <= set(claims)
