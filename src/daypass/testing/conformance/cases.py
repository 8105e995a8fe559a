"""A vector made into a request for one issuer, one account and one time.

Texts hold `{issuer}` (the issuer's URL), `{prefix}` (without `https://`), `{now}`, `{now+60}` or `{now-60}` (seconds
since 1970); a text that is nothing but a time becomes a number. The vectors' account stands for the endpoint's.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from daypass.tokens import base64url
from daypass.tokens.jwk import PrivateKey

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

ACCOUNT: Final = "111122223333"
ROLE_NAME: Final = "deploy"
ROLE_PATH: Final = "/ci/"
SESSION_NAME: Final = "ci-1"

_TIME: Final = re.compile(r"\{now(?:([+-])([0-9]+))?\}")
_ALGORITHM: Final = {"rsa": "RS256", "p25": "ES256", "p38": "ES384", "p52": "ES512"}


@dataclass(frozen=True, slots=True)
class Case:
    """A vector, built.

    Attributes:
        parameters: of the query protocol, without `Action` and `Version`.
        provider_arn: of the issuer's provider, whether there is one or not.
        client_ids: those of the issuer's provider in the role's account; None when there is no provider.
        key_set: the issuer's key set; None when it cannot be had.
        fault: how the issuer misbehaves, a name of `issuers.FAULTS`; None when it does not.
        role_arn: of the role, whether there is one or not.
        trust_policy: of the role; None when there is no role.
        max_session_seconds: of the role.
        repeats: how often the request is sent; the last answer counts.
        stopped_clock: whether a second more changes the answer.
        settings: choices between answers where AWS is not known, which the endpoint must have been started with.
        expect: the answer: `code`, `status` and `message`, or `granted`.
    """

    parameters: dict[str, str]
    provider_arn: str
    client_ids: tuple[str, ...] | None
    key_set: bytes | None
    fault: str | None
    role_arn: str
    trust_policy: str | None
    max_session_seconds: int
    repeats: int
    stopped_clock: bool
    settings: dict[str, str]
    expect: dict[str, Any]

    @property
    def session_arn(self) -> str:
        """What a session of the role is called."""
        return (
            f"{self.role_arn.replace(':iam:', ':sts:').partition(':role/')[0]}:assumed-role/{ROLE_NAME}/{SESSION_NAME}"
        )


def build(vector: dict[str, Any], *, issuer: str, now: datetime, account: str = ACCOUNT) -> Case:
    """A vector for this issuer in this account at this time."""
    given = filled(vector, issuer, int(now.timestamp()), account)
    role_arn = f"arn:aws:iam::{account}:role{ROLE_PATH}{ROLE_NAME}"
    parameters = {
        "RoleArn": role_arn,
        "RoleSessionName": SESSION_NAME,
        "WebIdentityToken": _token(given["token"], given["base_claims"]),
        **given.get("parameters", {}),
    }
    role, keys = given["role"], given["keys"]
    return Case(
        parameters={name: value for name, value in parameters.items() if value is not None},
        provider_arn=f"arn:aws:iam::{account}:oidc-provider/{issuer.removeprefix('https://')}",
        client_ids=None if given["client_ids"] is None else tuple(given["client_ids"]),
        key_set=None if keys is None else json.dumps({"keys": _entries(keys, now)}).encode(),
        fault=given.get("issuer_fault"),
        role_arn=role_arn,
        trust_policy=None if role is None else json.dumps(role["trust_policy"]),
        max_session_seconds=3600 if role is None else role.get("max_session_seconds", 3600),
        repeats=given.get("repeats", 1),
        stopped_clock=given.get("stopped_clock", False),
        settings=given.get("settings", {}),
        expect=given["expect"],
    )


def filled(value: Any, issuer: str, now: int, account: str) -> Any:
    """A vector, or a part of it, with its texts filled in; `now` is in seconds since 1970."""
    if isinstance(value, dict):
        return {
            filled(name, issuer, now, account): filled(entry, issuer, now, account) for name, entry in value.items()
        }
    if isinstance(value, list):
        return [filled(entry, issuer, now, account) for entry in value]
    if not isinstance(value, str):
        return value

    def time(found: re.Match[str]) -> str:
        return str(now + int((found[1] or "+") + (found[2] or "0")))

    if _TIME.fullmatch(value):
        return int(_TIME.sub(time, value))
    text = value.replace("{issuer}", issuer).replace("{prefix}", issuer.removeprefix("https://"))
    return _TIME.sub(time, text.replace(ACCOUNT, account))


@cache
def _made(name: str) -> PrivateKey:
    return PrivateKey.generate(_ALGORITHM[name[:3]])


def _key(name: str, algorithm: str) -> PrivateKey:
    """The key of this name: `rsa…`, `p256…`, `p384…` or `p521…`, for an algorithm that fits it."""
    key = _made(name)
    return key if algorithm == _ALGORITHM[name[:3]] else PrivateKey.from_pkcs8(key.to_pkcs8(), algorithm=algorithm)


def _entries(specs: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """JWKs: the public members of a named key, with `kid` its name, and changes."""
    entries = []
    for spec in specs:
        members = _made(spec["key"]).public.to_jwk()
        members = {name: value for name, value in members.items() if name not in {"alg", "use"}}
        certificate = {"x5c": [_certificate(spec["certificate_of"], now)]} if "certificate_of" in spec else {}
        for index in range(spec.get("times", 1)):
            kid = spec["key"] if index == 0 else f"{spec['key']}-{index}"
            entry = {**members, "kid": kid, **certificate, **spec.get("with", {})}
            entries.append({name: value for name, value in entry.items() if name not in spec.get("without", [])})
    return entries


def _certificate(key_name: str, now: datetime) -> str:
    """A self-signed certificate of a named key, as an entry of `x5c` (RFC 7517 section 4.7)."""
    der = _made(key_name).to_pkcs8()
    key: CertificateIssuerPrivateKeyTypes = serialization.load_der_private_key(der, None)  # type: ignore[assignment]  # RSA or EC
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key_name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


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


def message_fits(template: str, message: str, *, issuer: str, now: datetime, account: str, drift_seconds: int) -> bool:
    """Whether a message is the vector's, with every time in it at most so many seconds away."""
    made = str(filled(template + "\n", issuer, int(now.timestamp()), account))[:-1]
    wanted = re.compile(re.sub(r"[0-9]{10}", "([0-9]{10})", re.escape(made)), re.DOTALL)
    found, times = wanted.fullmatch(message), re.findall("[0-9]{10}", made)
    if found is None:
        return False
    return all(abs(int(got) - int(time)) <= drift_seconds for got, time in zip(found.groups(), times, strict=True))
