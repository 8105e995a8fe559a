"""AssumeRoleWithWebIdentity's parameters, read and held to their limits (AWS STS API reference)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import ArnInvalid, TokenRefused
from daypass.names import RoleArn
from daypass.secret import Secret
from daypass.sts import answers
from daypass.sts.constraints import ListConstraint, NumberConstraint, TextConstraint, validation_error
from daypass.sts.refusal import Refusal, refuse
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_DURATION_SECONDS: Final = 3_600

# The model's [\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+
_ARN_TEXT: Final = "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+"
_ARN_CHARACTERS: Final = re.compile("[\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")

_ROLE_ARN: Final = TextConstraint("roleArn", 20, 2_048, _ARN_CHARACTERS, _ARN_TEXT, required=True)
_SESSION_NAME: Final = TextConstraint(
    "roleSessionName", 2, 64, re.compile(r"[A-Za-z0-9_+=,.@-]*"), r"[\w+=,.@-]*", required=True
)
_TOKEN: Final = TextConstraint("webIdentityToken", 4, 20_000, required=True, sensitive=True)
_PROVIDER_ID: Final = TextConstraint("providerId", 4, 2_048)
_POLICY: Final = TextConstraint(
    "policy", 1, 2_048, re.compile("[\t\n\r\x20-\xff]+"), "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"
)
_POLICY_ARNS: Final = ListConstraint(
    "policyArns", 10, TextConstraint("policyArns.member.arn", 20, 2_048, _ARN_CHARACTERS, _ARN_TEXT)
)
_DURATION: Final = NumberConstraint("durationSeconds", 900, 43_200)

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,32}")
_INTEGER_LIMIT: Final = 2**31


@dataclass(frozen=True, slots=True)
class WebIdentityRequest:
    """Parameters in good form. `duration_seconds` is 3600 when none was given; `policy` is a text, not read yet."""

    role_arn: RoleArn
    session_name: str
    token: Secret
    duration_seconds: int = DEFAULT_DURATION_SECONDS
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()


def read_request(parameters: Mapping[str, str]) -> WebIdentityRequest | Refusal:
    """Read the parameters of the query protocol (`RoleArn`, `RoleSessionName`, …).

    A number that is none is told first, then all broken constraints together, as AWS does.
    """
    duration = _duration(parameters.get("DurationSeconds"))
    if isinstance(duration, Refusal):
        return duration
    policy_arns = [value for name, value in parameters.items() if name.partition(".")[0] == "PolicyArns"]
    faults = (
        *_ROLE_ARN.faults(parameters.get("RoleArn")),
        *_SESSION_NAME.faults(parameters.get("RoleSessionName")),
        *_TOKEN.faults(parameters.get("WebIdentityToken")),
        *_PROVIDER_ID.faults(parameters.get("ProviderId")),
        *_POLICY_ARNS.faults(policy_arns),
        *_POLICY.faults(parameters.get("Policy")),
        *_DURATION.faults(duration),
    )
    if faults:
        errors = validation_error(faults)
        return refuse(answers.PARAMETERS_INVALID, "parameters are outside their limits", errors=errors)
    try:
        role_arn = RoleArn.parse(parameters["RoleArn"])
    except ArnInvalid as fault:
        return refuse(answers.ROLE_ARN_INVALID, fault.message, arn=parameters["RoleArn"])
    if "ProviderId" in parameters:
        return _provider_id(parameters["ProviderId"], parameters["WebIdentityToken"])
    return WebIdentityRequest(
        role_arn=role_arn,
        session_name=parameters["RoleSessionName"],
        token=Secret(parameters["WebIdentityToken"]),
        duration_seconds=DEFAULT_DURATION_SECONDS if duration is None else duration,
        policy=parameters.get("Policy"),
        policy_arns=tuple(policy_arns),
    )


def _duration(text: str | None) -> int | Refusal | None:
    if text is None:
        return None
    # `0900` and `+900` are numbers to AWS; ` 900 `, `900.0`, `9e2` and 2**31 are not (observed 2026-09).
    if not _INTEGER.fullmatch(text) or not -_INTEGER_LIMIT <= int(text) < _INTEGER_LIMIT:
        return refuse(answers.NUMBER_INVALID, "DurationSeconds is not an integer", name="DurationSeconds")
    return int(text)


def _provider_id(provider_id: str, token: str) -> Refusal:
    """`ProviderId` is for the access tokens of two OAuth 2.0 providers, which are not asked from here."""
    if provider_id not in {"www.amazon.com", "graph.facebook.com"}:
        return refuse(answers.PROVIDER_ID_UNKNOWN, "leave out ProviderId: it is not for OpenID Connect")
    try:
        peek(token, duplicates="last")
    except TokenRefused:
        return refuse(answers.OAUTH_NOT_ASKED, f"{provider_id} is not asked from here", provider=provider_id)
    detail = f"an ID token was sent as an access token of {provider_id}; leave out ProviderId"
    return refuse(answers.NOT_AN_AMAZON_TOKEN if provider_id == "www.amazon.com" else answers.FACEBOOK_REFUSES, detail)
