"""Runs cases: prepare the account, ask, compare, put away."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from botocore.credentials import Credentials

from daypass.errors import ServiceUnreachable
from daypass.testing.conformance import shapes
from daypass.testing.conformance.cases import ROLE_NAME, ROLE_PATH, SESSION_NAME, build, message_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from daypass.testing.conformance.cases import Case
    from daypass.testing.conformance.endpoint import Answer, Endpoint
    from daypass.testing.conformance.issuers import Issuers
    from daypass.testing.conformance.vectors import Vector

_DRIFT_SECONDS: Final = 10
_THUMBPRINT: Final = "0" * 40
"""Given so that IAM does not ask the issuer, some of which do not answer."""


class Verdict(StrEnum):
    """What a case came to; `LETS_IN` and `KEEPS_OUT` are the differences that decide over access."""

    AGREE = "agree"
    LETS_IN = "lets in"
    KEEPS_OUT = "keeps out"
    DIFFER = "differ"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case at one endpoint.

    Attributes:
        verdict: what it came to.
        got: the answer in one line, without credentials or tokens.
        differences: what is not as the vector says; empty when all is.
        left_out: why the case was not run, or None.
        answer: as it came; None when it was not run.
    """

    verdict: Verdict
    got: str
    differences: tuple[str, ...] = ()
    left_out: str | None = None
    answer: Answer | None = field(default=None, repr=False)


def wanted(vector: Vector) -> str:
    """What a vector expects, in one line."""
    expect = vector.content["expect"]
    if "granted" in expect:
        members = expect["granted"]
        return f"200 granted for {members['audience']}, {members['duration_seconds']} s"
    return f"{expect['status']} {expect['code']}: {expect['message']}"


def prepare(endpoint: Endpoint, case: Case, issuer: str) -> str | None:
    """Make provider and role; what the endpoint said when it refused them, or None.

    Raises:
        ServiceUnreachable: when no answer comes, or the account has such a role already.
    """
    if case.client_ids is not None:
        ids = [client_id for client_id in case.client_ids if client_id]
        parameters = {"Url": issuer, "ThumbprintList.member.1": _THUMBPRINT}
        parameters |= {f"ClientIDList.member.{index}": text for index, text in enumerate(ids, 1)}
        answer = endpoint.call("iam", "CreateOpenIDConnectProvider", parameters)
        if answer.status != 200:
            return f"CreateOpenIDConnectProvider: {answer.status} {answer.text('Code')}: {answer.text('Message')}"
    if case.trust_policy is None:
        return None
    parameters = {
        "RoleName": ROLE_NAME,
        "Path": ROLE_PATH,
        "AssumeRolePolicyDocument": case.trust_policy,
        "MaxSessionDuration": str(case.max_session_seconds),
    }
    answer = endpoint.call("iam", "CreateRole", parameters)
    if answer.status == 409:
        raise ServiceUnreachable(
            f"`{endpoint.url}`: the account {endpoint.account} has a role `{ROLE_NAME}` of its own",
            advice="Use an account, or a server, that holds nothing.",
        )
    return None if answer.status == 200 else f"CreateRole: {answer.status} {answer.text('Code')}"


def put_away(endpoint: Endpoint, case: Case) -> None:
    """Delete what `prepare` made."""
    if case.trust_policy is not None:
        endpoint.call("iam", "DeleteRole", {"RoleName": ROLE_NAME})
    if case.client_ids is not None:
        endpoint.call("iam", "DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": case.provider_arn})


class Runner:
    """Runs cases against one endpoint.

    Args:
        endpoint: entered.
        issuers: served where the endpoint finds them.
        clock: now, in UTC.
        clock_is_the_endpoints: whether the endpoint has this very clock, and it stands still during a case; only then
            are the cases run whose answer changes within a second.
        settings: what the endpoint was started with; a case that is for others is left out.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        issuers: Issuers,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_is_the_endpoints: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._endpoint = endpoint
        self._issuers = issuers
        self._clock = clock
        self._stopped = clock_is_the_endpoints
        self._settings = dict(settings)
        self._drift = 0 if clock_is_the_endpoints else _DRIFT_SECONDS
        self._run = uuid.uuid4().hex[:8]
        self._operation = shapes.sts_model().operation_model("AssumeRoleWithWebIdentity")
        self._identity = shapes.sts_model().operation_model("GetCallerIdentity")

    def run(self, vector: Vector) -> Result:
        """One case, from an account without its provider and role back to that.

        Raises:
            ServiceUnreachable: when the account cannot be prepared, or no answer comes.
        """
        name = f"{self._run}/{vector.name.replace('::', '-')}"
        issuer, now = self._issuers.url(name), self._clock()
        case = build(vector.content, issuer=issuer, now=now, account=self._endpoint.account)
        if case.stopped_clock and not self._stopped:
            return Result(Verdict.LEFT_OUT, "", left_out="needs an endpoint whose clock stands still")
        if case.settings != self._settings:
            told = ", ".join(f"{name}={value}" for name, value in case.settings.items()) or "no settings"
            return Result(Verdict.LEFT_OUT, "", left_out=f"needs an endpoint with {told}")
        self._issuers.publish(name, case.key_set, case.fault)
        try:
            refused = prepare(self._endpoint, case, issuer)
            if refused is not None:
                return Result(Verdict.DIFFER, refused, (refused,))
            for _ in range(case.repeats - 1):
                self._endpoint.assume(case.parameters)
            answer = self._endpoint.assume(case.parameters)
            found = shapes.faults(self._operation, answer.status, answer.body)
            read = shapes.parsed(self._operation, answer.status, answer.headers, answer.body)
            if "granted" in vector.content["expect"]:
                # While the role is there: its sessions go with it.
                found += self._grant_differences(case, answer, read)
        finally:
            put_away(self._endpoint, case)
        if "granted" not in vector.content["expect"]:
            expect = vector.content["expect"]
            error = read.get("Error", {})
            found += _differing("status", expect["status"], answer.status)
            found += _differing("code", expect["code"], error.get("Code"))
            fits = message_fits(
                expect["message"],
                _message(error),
                issuer=issuer,
                now=now,
                account=self._endpoint.account,
                drift_seconds=self._drift,
            )
            if not fits:
                found += _differing("message", case.expect["message"], _message(error))
        hidden = {
            case.parameters.get("WebIdentityToken", ""): "<token>",
            issuer: "{issuer}",
            issuer.removeprefix("https://"): "{prefix}",
        }
        return Result(
            _verdict(found, granted=answer.status == 200, wanted="granted" in case.expect),
            _said(answer, read, hidden),
            tuple(_without(each, hidden) for each in found),
            answer=answer,
        )

    def _grant_differences(self, case: Case, answer: Answer, read: dict[str, Any]) -> Iterator[str]:
        yield from _differing("status", 200, answer.status)
        if answer.status != 200:
            return
        members = case.expect["granted"]
        user, given = read.get("AssumedRoleUser", {}), read.get("Credentials", {})
        yield from _differing("Audience", members["audience"], read.get("Audience"))
        yield from _differing(
            "SubjectFromWebIdentityToken", members["subject"], read.get("SubjectFromWebIdentityToken")
        )
        yield from _differing("PackedPolicySize", members["packed_policy_size"], read.get("PackedPolicySize"))
        yield from _differing("SourceIdentity", members["source_identity"], read.get("SourceIdentity"))
        yield from _differing("Provider", members.get("provider", case.provider_arn), read.get("Provider"))
        yield from _differing("AssumedRoleUser.Arn", case.session_arn, user.get("Arn"))
        yield from _unlike("AssumedRoleUser.AssumedRoleId", f"AROA[A-Z0-9]+:{SESSION_NAME}", user.get("AssumedRoleId"))
        yield from _unlike("Credentials.AccessKeyId", "ASIA[A-Z0-9]{16}", given.get("AccessKeyId"))
        expiration = given.get("Expiration")
        lasts = (expiration - self._clock()).total_seconds() if isinstance(expiration, datetime) else 0
        if abs(lasts - members["duration_seconds"]) > max(self._drift, 1):
            yield f"Credentials.Expiration: wanted {members['duration_seconds']} s ahead, got {lasts:.0f} s"
        yield from self._caller_differences(case, given, user)

    def _caller_differences(self, case: Case, given: dict[str, Any], user: dict[str, Any]) -> Iterator[str]:
        """Whether the credentials are of that session."""
        credentials = Credentials(
            given.get("AccessKeyId", ""), given.get("SecretAccessKey", ""), given.get("SessionToken", "")
        )
        answer = self._endpoint.call("sts", "GetCallerIdentity", {}, credentials)
        yield from (f"GetCallerIdentity: {each}" for each in shapes.faults(self._identity, answer.status, answer.body))
        read = shapes.parsed(self._identity, answer.status, answer.headers, answer.body)
        yield from _differing("GetCallerIdentity.Arn", case.session_arn, read.get("Arn"))
        yield from _differing("GetCallerIdentity.UserId", user.get("AssumedRoleId"), read.get("UserId"))
        yield from _differing("GetCallerIdentity.Account", self._endpoint.account, read.get("Account"))


def _verdict(found: list[str], *, granted: bool, wanted: bool) -> Verdict:
    if granted != wanted:
        return Verdict.LETS_IN if granted else Verdict.KEEPS_OUT
    return Verdict.DIFFER if found else Verdict.AGREE


def _differing(what: str, wanted: object, got: object) -> Iterator[str]:
    if wanted != got:
        yield f"{what}: wanted {_shown(wanted)}, got {_shown(got)}"


def _unlike(what: str, pattern: str, got: object) -> Iterator[str]:
    if not isinstance(got, str) or not re.fullmatch(pattern, got):
        yield f"{what}: wanted {pattern}, got {_shown(got)}"


def _shown(value: object) -> str:
    return "nothing" if value is None or value == "" else str(value)


def _message(error: dict[str, Any]) -> str:
    return str(error.get("Message") or "")


def _said(answer: Answer, read: dict[str, Any], hidden: dict[str, str]) -> str:
    error = read.get("Error", {})
    if answer.status == 200:
        return f"200 granted for {_shown(read.get('Audience'))}"
    return _without(f"{answer.status} {_shown(error.get('Code'))}: {_message(error)}", hidden)


def _without(text: str, hidden: dict[str, str]) -> str:
    for value, name in hidden.items():
        text = text.replace(value, name) if value else text
    return text if len(text) <= 400 else f"{text[:400]}…"
