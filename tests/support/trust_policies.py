"""Trust policies and tokens for the tests of what a policy lets in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from daypass.names import ProviderArn
from daypass.trust.callers import TokenBearer
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.trust.callers import Asked

ISSUER: Final = "idp.example.com"
GITLAB: Final = "gitlab.com"
GITHUB: Final = "token.actions.githubusercontent.com"
LOGIN: Final = "sts:AssumeRoleWithWebIdentity"


def provider(issuer: str = ISSUER) -> ProviderArn:
    return ProviderArn.parse(f"arn:aws:iam::111122223333:oidc-provider/{issuer}")


def statement(
    condition: Mapping[str, Any] | None = None,
    *,
    effect: str = "Allow",
    issuer: str = ISSUER,
    action: str | Sequence[str] = LOGIN,
) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": {"Federated": str(provider(issuer))},
        "Action": action,
        **({} if condition is None else {"Condition": condition}),
    }


def policy(*statements: Mapping[str, Any]) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def asked(values: Mapping[str, tuple[str, ...]], issuer: str = ISSUER) -> Asked:
    """A plain login with these condition keys."""
    bearer = TokenBearer.of(provider(issuer))
    found = bearer.asked(dict(values), (LOGIN,))
    assert found is not None
    return found
