"""The vectors of AssumeRoleWithWebIdentity, made into a request for one issuer at one time.

Texts hold `{issuer}` (the issuer's URL), `{prefix}` (without `https://`), `{now}`, `{now+60}` or `{now-60}` (seconds
since 1970); a text that is nothing but a time becomes a number. The same cases run against the pure decision and over
HTTP: `build` gives the parameters to send, and all that a server must know before.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from daypass.names import ProviderArn, RoleArn
from daypass.sts.decide import KeysUnavailable, Provider, Role
from daypass.sts.observed import Observed
from daypass.tokens import base64url
from daypass.tokens.jwk import PrivateKey
from daypass.tokens.key_set import KeySet
from daypass.trust.document import Policy
from support.tokens import private_key
from support.vectors import cases

if TYPE_CHECKING:
    from datetime import datetime

    from _pytest.mark import ParameterSet

ACCOUNT = "111122223333"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/ci/deploy"
ROLE_ID = "AROAEXAMPLEEXAMPLE123"

_TIME = re.compile(r"\{now(?:([+-])([0-9]+))?\}")


@dataclass(frozen=True, slots=True)
class StsCase:
    """A vector, built.

    Attributes:
        parameters: of the query protocol, without `Action` and `Version`.
        client_ids: those of the issuer's provider in the role's account; None when there is no provider.
        key_set: the issuer's key set; None when it cannot be had.
        trust_policy: of the role; None when there is no role.
        max_session_seconds: of the role.
        observed: the choices where AWS is not known.
        expect: the answer: `code`, `status` and `message`, or `granted`.
    """

    parameters: dict[str, str]
    provider_arn: str
    client_ids: tuple[str, ...] | None
    key_set: bytes | None
    trust_policy: str | None
    max_session_seconds: int
    expect: dict[str, Any]
    observed: Observed

    @property
    def provider(self) -> Provider | None:
        """The provider as the decision takes it."""
        return None if self.client_ids is None else Provider(ProviderArn.parse(self.provider_arn), self.client_ids)

    @property
    def keys(self) -> KeySet | KeysUnavailable:
        """The keys as the decision takes them."""
        if self.key_set is None:
            return KeysUnavailable("the issuer did not answer")
        return KeySet.parse(self.key_set, duplicates="last")

    @property
    def role(self) -> Role | None:
        """The role as the decision takes it."""
        if self.trust_policy is None:
            return None
        return Role(RoleArn.parse(ROLE_ARN), ROLE_ID, Policy.parse(self.trust_policy), self.max_session_seconds)


def sts_cases() -> list[ParameterSet]:
    """Every vector, for `parametrize`."""
    return cases("sts")


def build(vector: dict[str, Any], *, issuer: str, now: datetime) -> StsCase:
    """A vector for this issuer at this time."""
    filled = _filled(vector, issuer, int(now.timestamp()))
    parameters = {
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "ci-1",
        "WebIdentityToken": _token(filled["token"], filled["base_claims"]),
        **filled.get("parameters", {}),
    }
    role, keys = filled["role"], filled["keys"]
    return StsCase(
        parameters={name: value for name, value in parameters.items() if value is not None},
        provider_arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer.removeprefix('https://')}",
        client_ids=None if filled["client_ids"] is None else tuple(filled["client_ids"]),
        key_set=None if keys is None else json.dumps({"keys": _entries(keys)}).encode(),
        trust_policy=None if role is None else json.dumps(role["trust_policy"]),
        max_session_seconds=3600 if role is None else role.get("max_session_seconds", 3600),
        expect=filled["expect"],
        observed=Observed.parse(f"{name}={value}" for name, value in filled.get("settings", {}).items()),
    )


def _filled(value: Any, issuer: str, now: int) -> Any:
    if isinstance(value, dict):
        return {_filled(name, issuer, now): _filled(entry, issuer, now) for name, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, issuer, now) for entry in value]
    if not isinstance(value, str):
        return value

    def time(found: re.Match[str]) -> str:
        return str(now + int((found[1] or "+") + (found[2] or "0")))

    if _TIME.fullmatch(value):
        return int(_TIME.sub(time, value))
    text = value.replace("{issuer}", issuer).replace("{prefix}", issuer.removeprefix("https://"))
    return _TIME.sub(time, text)


@cache
def _key(name: str, algorithm: str) -> PrivateKey:
    """The key of this name: `rsa…`, `p256…`, `p384…` or `p521…`, for an algorithm that fits it."""
    made_for = {"rsa": "RS256", "p25": "ES256", "p38": "ES384", "p52": "ES512"}[name[:3]]
    key = private_key(made_for, name)
    return key if algorithm == made_for else PrivateKey.from_pkcs8(key.to_pkcs8(), algorithm=algorithm)


def _entries(specs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """JWKs: the public members of a named key, with `kid` its name, and changes."""
    entries = []
    for spec in specs:
        made_for = {"rsa": "RS256", "p25": "ES256", "p38": "ES384", "p52": "ES512"}[spec["key"][:3]]
        members = _key(spec["key"], made_for).public.to_jwk()
        members = {name: value for name, value in members.items() if name not in {"alg", "use"}}
        for index in range(spec.get("times", 1)):
            kid = spec["key"] if index == 0 else f"{spec['key']}-{index}"
            entry = {**members, "kid": kid, **spec.get("with", {})}
            entries.append({name: value for name, value in entry.items() if name not in spec.get("without", [])})
    return entries


def _token(spec: dict[str, Any], base_claims: dict[str, Any]) -> str:
    """A compact JWT of claims, header and a way to sign; or a text as it is."""
    if "text" in spec:
        return str(spec["text"])
    algorithm = spec.get("alg", "RS256")
    header = {"alg": algorithm, "kid": spec.get("key"), "typ": "JWT", **spec.get("header", {})}
    header = {name: value for name, value in header.items() if value is not None}
    payload = str(spec["payload"]) if "payload" in spec else json.dumps(_claims(spec, base_claims), ensure_ascii=False)
    content = base64url.encode(json.dumps(header).encode()) + b"." + base64url.encode(payload.encode())
    signature = _key(spec["key"], algorithm).sign(content) if spec.get("key") else b"unsigned"
    if spec.get("tampered"):
        content = content[: content.index(b".") + 1] + base64url.encode(payload.replace("shop", "shup").encode())
    return (content + b"." + base64url.encode(signature)).decode()


def _claims(spec: dict[str, Any], base_claims: dict[str, Any]) -> dict[str, Any]:
    claims = {**base_claims, **spec["claims"]}
    return {name: value for name, value in claims.items() if name not in spec.get("without", [])}
