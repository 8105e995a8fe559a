"""The vectors of trust policies, made into what each part of the engine takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from daypass.names import ProviderArn, RoleArn
from daypass.sts.decide import Granted, Provider, Role, decide
from daypass.sts.refusal import Refusal
from daypass.sts.request import read_request
from daypass.sts.token import inspect_token
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from daypass.trust.context import web_identity_context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.statement import Principal, PrincipalKind
from support.tokens import private_key, verified

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "idp.example.com/t"
NOW = datetime(2026, 9, 12, 10, 0, tzinfo=UTC)
ACTION = "sts:AssumeRoleWithWebIdentity"
_ROLE = "arn:aws:iam::111122223333:role/deploy"


def provider(case: Mapping[str, Any]) -> ProviderArn:
    """The provider that the case's token is taken from."""
    return ProviderArn.parse(f"arn:aws:iam::111122223333:oidc-provider/{case.get('issuer', ISSUER)}")


def policy(case: Mapping[str, Any]) -> Policy:
    """The case's policy, parsed."""
    return Policy.parse(json.dumps(case["policy"]))


def request(case: Mapping[str, Any]) -> Request:
    """What the case's policy is asked."""
    context = web_identity_context(
        verified(case["claims"]),
        provider=provider(case),
        session_name=case.get("session_name", "ci-1"),
        now=NOW,
        source_ip=case.get("source_ip"),
    )
    principal = Principal(PrincipalKind.FEDERATED, str(provider(case)))
    return Request(principal, case.get("action", ACTION), context)


def answer(case: Mapping[str, Any]) -> Granted | Refusal:
    """What the call with the case's token is answered; the token is fresh and rightly signed."""
    key = private_key()
    seconds = int(NOW.timestamp())
    token = mint({"iat": seconds, "exp": seconds + 600, **case["claims"]}, key).reveal()
    asked = read_request(
        {"RoleArn": _ROLE, "RoleSessionName": case.get("session_name", "ci-1"), "WebIdentityToken": token}
    )
    if isinstance(asked, Refusal):
        return asked
    inspected = inspect_token(token)
    if isinstance(inspected, Refusal):
        return inspected
    client_ids = case.get("client_ids", ["sts.amazonaws.com"])
    return decide(
        asked,
        inspected,
        provider=None if client_ids is None else Provider(provider(case), tuple(client_ids)),
        keys=KeySet.parse(json.dumps({"keys": [key.public.to_jwk()]}).encode(), duplicates="last"),
        role=Role(RoleArn.parse(_ROLE), "AROAEXAMPLEEXAMPLE123", policy(case)),
        now=NOW,
        source_ip=case.get("source_ip"),
    )
