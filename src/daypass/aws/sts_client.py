"""AssumeRoleWithWebIdentity, called in this process: unsigned, over HTTPS, with the token in the body only.

Sources: AWS STS API reference, AssumeRoleWithWebIdentity and Common Errors; texts as observed on AWS, September 2026.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from daypass import __version__, calling
from daypass.aws import fate, sts_answer
from daypass.aws.form import form
from daypass.calling.persist import Fate
from daypass.errors import (
    AwsAccessDenied,
    AwsRefused,
    DaypassError,
    RequestInvalid,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    SettingInvalid,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Final

    from daypass.aws.credentials import Credentials, Session
    from daypass.calling.persist import Waiting
    from daypass.names import RoleArn
    from daypass.secret import Secret

_CALL_SECONDS: Final = 10.0
_MAX_SKEW_SECONDS: Final = 60
_REGIONAL: Final = r"sts(?:-fips)?\.([a-z0-9-]+)\..+"
# Not `strptime`, which knows the locale's names too, and is a module of its own. The day of the week says nothing.
_HTTP_DATE: Final = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Refusals of AWS even when they pass: AWS did answer, and the token's issuer did not.
_ABOUT_THE_ISSUER: Final = frozenset({"IDPCommunicationError", "InvalidIdentityToken"})

_ADVICE: Final[Mapping[str, str]] = {
    "ExpiredTokenException": "Get a new token: log in at the beginning of the job, or run it again. If the token is"
    " new, check the clocks of this machine and of the identity provider.",
    "IDPCommunicationError": "AWS could not reach the identity provider; check that its discovery document and key set"
    " answer from the internet within 5 seconds, and try again.",
    "IDPRejectedClaim": "The identity provider rejected the token; get a new one.",
    "InvalidIdentityToken": "Check that the account has an IAM OIDC provider for the token's issuer, with the token's"
    " audience among its client IDs.",
    "RegionDisabledException": "Activate STS in that region, or name another one with --region.",
    "ValidationError": "Check --duration-seconds against the role's maximum session duration, and the role's ARN.",
}
# By the beginning of the message, before the code alone.
_ADVICE_BY_TEXT: Final = (
    (
        "The ID Token provided is not a valid JWT",
        "Look at what gives the token: it must print three parts with dots between them, and nothing else.",
    ),
    (
        "Missing a required claim",
        "The issuer has to put iss, sub, aud, iat and exp into its tokens.",
    ),
    (
        "No OpenIDConnect provider found",
        "The role's account needs an IAM OIDC provider with exactly this URL, path and letter case included.",
    ),
    (
        "The web identity token provided could not be validated",
        "AWS says this alike of an audience that is not among the provider's client IDs and of a wrong signature.",
    ),
    (
        "Incorrect token audience",
        "The token's audience has to be among the client IDs of the IAM OIDC provider for its issuer.",
    ),
)


class StsClient:
    """STS at one endpoint. Each method makes one request; `waiting` is for whoever tries again (`persist`)."""

    def __init__(
        self,
        endpoint: str,
        *,
        environ: Mapping[str, str],
        waiting: Waiting,
        clock: Callable[[], datetime],
        ca_bundle: str | Path | None = None,
        ca_setting: str = "AWS_CA_BUNDLE",
    ) -> None:
        try:
            self.origin = calling.origin_of(endpoint)
        except RequestInvalid as error:
            raise SettingInvalid(
                error.message,
                advice="Check AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL.",
                key="AWS_ENDPOINT_URL_STS",
                reason=error.message,
            ) from None
        self._endpoint = endpoint.rstrip("/") + "/"
        self._environ = environ
        self.waiting = waiting
        self._clock = clock
        self._ca_bundle = ca_bundle
        self._ca_setting = ca_setting

    def assume_role_with_web_identity(
        self, token: Secret, *, role: RoleArn, session_name: str, duration_seconds: int
    ) -> Session:
        """Exchange a token for a session of `role`, with one request.

        Raises:
            AwsAccessDenied: the trust policy says no, or there is no such role.
            AwsRefused: AWS says no for another reason. `facts` of both hold `aws_code`, `http_status`, `fate`, and
                `why`: a path at this endpoint that explains it, or None; the local AWS has one.
            ServiceUnreachable: when STS did not answer, or could not.
            ServiceAnswerInvalid: when the answer is not STS's.
        """
        body = form(
            {
                "Action": "AssumeRoleWithWebIdentity",
                "Version": "2011-06-15",
                "RoleArn": str(role),
                "RoleSessionName": session_name,
                "WebIdentityToken": token.reveal(),
                "DurationSeconds": str(duration_seconds),
            }
        )
        return self._session(body, {}, role, session_name, "AssumeRoleWithWebIdentity")

    def assume_role(
        self,
        credentials: Credentials,
        *,
        role: RoleArn,
        session_name: str,
        duration_seconds: int,
        region: str | None = None,
    ) -> Session:
        """Go on from one session to one of `role` (role chaining), with one request; it lasts at most an hour.

        `region` is what the request is signed for; by default that of the endpoint's name, else us-east-1.

        Raises:
            As `assume_role_with_web_identity` does.
        """
        from urllib.parse import urlsplit  # noqa: PLC0415 - few sign anything

        from daypass.aws import sigv4  # noqa: PLC0415 - its hashes bring OpenSSL's

        fields = {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": str(role),
            "RoleSessionName": session_name,
            "DurationSeconds": str(duration_seconds),
        }
        body = form(fields)
        parts = urlsplit(self._endpoint)
        regional = re.fullmatch(_REGIONAL, parts.hostname or "")
        signed = sigv4.sign(
            body,
            host=calling.host_header(self._endpoint),
            path=parts.path,
            region=region or (regional[1] if regional else "us-east-1"),
            credentials=credentials,
            now=self._clock(),
        )
        return self._session(body, signed, role, session_name, "AssumeRole")

    def explanation(self, path: str) -> bytes:
        """What this same endpoint has at `path`, without any credential; for what `why` named.

        Raises:
            ServiceUnreachable: when it does not answer.
            ServiceAnswerInvalid: when it has no such thing.
        """
        answer = calling.call(
            "GET",
            self.origin + path,
            headers={"Accept": "application/json"},
            timeout_seconds=5.0,
            ca_bundle=self._ca_bundle,
            ca_setting=self._ca_setting,
            environ=self._environ,
        )
        if answer.status != 200:
            raise ServiceAnswerInvalid(f"{self.origin} has no explanation", http_status=answer.status)
        return answer.body

    def _session(
        self, body: bytes, signed: Mapping[str, str], role: RoleArn, session_name: str, operation: str
    ) -> Session:
        answer = self._call(body, signed)
        if answer.status != 200:
            raise self._failure(answer)
        session = sts_answer.read_session(answer.body, role, session_name, operation=operation)
        return session._replace(issued_at=_server_time(answer))

    def _call(self, body: bytes, signed: Mapping[str, str]) -> calling.Answer:
        return calling.call(
            "POST",
            self._endpoint,
            headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                "Accept": "text/xml",
                "User-Agent": f"daypass/{__version__}",
                **signed,
            },
            body=body,
            timeout_seconds=_CALL_SECONDS,
            ca_bundle=self._ca_bundle,
            ca_setting=self._ca_setting,
            max_bytes=sts_answer.MAX_BYTES,
            environ=self._environ,
        )

    def _failure(self, answer: calling.Answer) -> DaypassError:
        fault = sts_answer.read_fault(answer.body)
        facts: dict[str, object] = {"http_status": answer.status, "endpoint": self.origin}
        if fault is None:
            if answer.status >= 500 or answer.status == 429:
                return ServiceUnreachable(
                    f"STS could not answer: status {answer.status}",
                    advice="Run the same command again in a while.",
                    transient=True,
                    **facts,
                )
            return ServiceAnswerInvalid(
                f"{self.origin} answered with status {answer.status} and not as STS does",
                advice="Check that the endpoint, AWS_ENDPOINT_URL_STS perhaps, is STS.",
                **facts,
            )
        kind = fate.of_answer(fault.code, fault.message, answer.status)
        facts |= {"aws_code": fault.code, "why": answer.headers.get("x-daypass-why"), "fate": kind}
        sentence = f"AWS refused ({fault.code}): {fault.message or 'no reason given'}"
        if kind is Fate.TRANSIENT and fault.code not in _ABOUT_THE_ISSUER:
            return ServiceUnreachable(
                f"STS could not answer ({fault.code}): {fault.message or f'status {answer.status}'}",
                advice="Run the same command again in a while.",
                **facts,
            )
        if fault.code == "AccessDenied":
            return AwsAccessDenied(sentence, advice=None, **facts)
        by_text = next((text for start, text in _ADVICE_BY_TEXT if fault.message.startswith(start)), None)
        advice = by_text or _ADVICE.get("IDPCommunicationError" if kind is Fate.TRANSIENT else fault.code)
        skew = self._skew_seconds(answer)
        if skew is not None and abs(skew) > _MAX_SKEW_SECONDS:
            direction = "ahead of" if skew > 0 else "behind"
            facts["clock"] = f"This machine's clock is {abs(skew)} seconds {direction} that of AWS; set it."
            advice = f"{facts['clock']} {advice or ''}".rstrip()
        return AwsRefused(sentence, advice=advice, **facts)

    def _skew_seconds(self, answer: calling.Answer) -> int | None:
        """How far this machine's clock is ahead of the server's."""
        theirs = _server_time(answer)
        return None if theirs is None else round((self._clock() - theirs).total_seconds())


def _server_time(answer: calling.Answer) -> datetime | None:
    """When the answer was made, by the server's clock (`Date`, RFC 9110 section 6.6.1); None when it does not say."""
    found = _HTTP_DATE.fullmatch(answer.headers.get("date", ""))
    if found is None or found[2] not in _MONTHS:
        return None
    month = _MONTHS.index(found[2]) + 1
    try:
        return datetime(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), int(found[6]), tzinfo=UTC)
    except ValueError:
        return None
