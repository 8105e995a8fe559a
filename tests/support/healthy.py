"""The facts of an issuer with nothing wrong, a token and a role, as a saved examination has them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

from daypass.doctor.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER: Final = "https://idp.example.com"
ROLE: Final = "arn:aws:iam::482916370154:role/deploy"
PROVIDER: Final = "arn:aws:iam::482916370154:oidc-provider/idp.example.com"
NOW: Final = 1_790_000_000
"""2026-09-21T14:13:20Z, when it was examined."""

_DISCOVERY: Final = {
    "issuer": ISSUER,
    "jwks_uri": f"{ISSUER}/keys",
    "response_types_supported": ["id_token"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["ES256"],
}
# The key of RFC 7515 appendix A.3.
_KEY: Final = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "one",
    "use": "sig",
}
_HEADERS: Final = [
    ["content-type", "application/json"],
    ["cache-control", "public, max-age=300"],
    ["date", "Mon, 21 Sep 2026 14:13:20 GMT"],
]
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "idp.example.com:aud": "sts.amazonaws.com",
                    "idp.example.com:sub": "project:shop:main",
                }
            },
        }
    ],
}


def document(url: str, content: object) -> dict[str, Any]:
    """An answer as it should be; `content` is the body's value."""
    body = json.dumps(content)
    return {
        "url": url,
        "started_at": "2026-09-21T14:13:20+00:00",
        "status": 200,
        "headers": _HEADERS,
        "size": len(body),
        "body": body,
        "sha256": "0" * 64,
        "tcp_seconds": 0.01,
        "tls_seconds": 0.02,
        "first_byte_seconds": 0.03,
        "total_seconds": 0.07,
    }


def healthy() -> dict[str, Any]:
    """As `Facts.to_json` gives it."""
    return copy.deepcopy(
        {
            "version": 1,
            "issuer": ISSUER,
            "examined_at": "2026-09-21T14:13:20+00:00",
            "hosts": [
                {
                    "host": "idp.example.com",
                    "port": 443,
                    "dns": {"name": "idp.example.com", "ipv4": ["93.184.215.14"]},
                    "connections": [{"address": "93.184.215.14", "port": 443, "seconds": 0.01}],
                    "tls": {
                        "versions": [
                            {"version": "TLSv1", "accepted": False},
                            {"version": "TLSv1.1", "accepted": False},
                            {"version": "TLSv1.2", "accepted": True},
                            {"version": "TLSv1.3", "accepted": True},
                        ],
                        "negotiated": "TLSv1.3",
                        "trusted": True,
                    },
                }
            ],
            "discovery": [document(f"{ISSUER}/.well-known/openid-configuration", _DISCOVERY)] * 2,
            "keys": [document(f"{ISSUER}/keys", {"keys": [_KEY]})] * 2,
            "keys_url": f"{ISSUER}/keys",
            "fetch": {"seconds": 0.2, "keys": 1},
            "token": {
                "source": "file",
                "length": 400,
                "header": {"alg": "ES256", "kid": "one", "typ": "JWT"},
                "claims": {
                    "iss": ISSUER,
                    "sub": "project:shop:main",
                    "aud": "sts.amazonaws.com",
                    "iat": NOW,
                    "exp": NOW + 300,
                },
                "signature": "valid",
            },
            "account": {
                "source": "iam",
                "account": "482916370154",
                "role_arn": ROLE,
                "providers": [{"arn": PROVIDER, "client_ids": ["sts.amazonaws.com"], "thumbprints": []}],
                "role": {"arn": ROLE, "trust_policy": json.dumps(_TRUST), "max_session_seconds": 3600},
            },
            "verdict": {"allowed": True},
        }
    )


def changed(changes: Mapping[str, Any]) -> Facts:
    """The healthy facts with some put otherwise.

    Args:
        changes: from a path with dots to the new value. A number is a place in an array, `*` each of them; `{…}` before
            the rest of a path steps into JSON that is kept as text: `keys.*.body.{}.keys.0.use`. A value of
            `"(absent)"` takes the member away.
    """
    facts = healthy()
    for path, value in changes.items():
        _put(facts, path.split("."), value)
    return Facts.from_json(facts)


def _put(into: Any, path: list[str], value: Any) -> None:
    name, *rest = path
    if name == "*":
        for index in range(len(into)):
            _put(into, [str(index), *rest], copy.deepcopy(value))
        return
    key: Any = int(name) if isinstance(into, list) else name
    if rest[:1] == ["{}"]:
        inner = json.loads(into[key])
        _put(inner, rest[1:], value)
        into[key] = json.dumps(inner)
    elif rest:
        into[key] = copy.deepcopy(into[key])
        _put(into[key], rest, value)
    elif value == "(absent)":
        del into[key]
    else:
        into[key] = value
