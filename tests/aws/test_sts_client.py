"""The STS client against a real HTTPS server: what it sends, what it believes, when it tries again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.aws.persist import Waiting
from daypass.aws.sts_client import StsClient
from daypass.errors import (
    AwsAccessDenied,
    AwsRefused,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    SettingInvalid,
)
from daypass.names import RoleArn
from daypass.secret import Secret
from support.services import (
    ROLE,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    Reply,
    Seen,
    Service,
    https_service,
    sts_fault,
    sts_reply,
    sts_success,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.aws.credentials import Session

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ARN = "arn:aws:sts::111122223333:assumed-role/deploy/wsp_42"
KEY_NOT_FETCHED = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)


class World:
    """A clock that only sleeping moves."""

    def __init__(self, random: float = 0.5) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._random = random

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def waiting(self) -> Waiting:
        return Waiting(lambda: self.time, self.sleep, lambda: self._random)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, sts_success) as running:
        yield running


def assume(service: Service, world: World | None = None, now: datetime = NOW) -> Session:
    client = StsClient(
        service.url,
        environ={},
        waiting=(world or World()).waiting(),
        clock=lambda: now,
        ca_bundle=service.authority,
    )
    return client.assume_role_with_web_identity(
        Secret("t.o.k"), role=RoleArn.parse(ROLE), session_name="wsp_42", duration_seconds=900
    )


def test_the_call_is_unsigned_and_the_session_is_what_was_asked_for(service: Service) -> None:
    session = assume(service)
    (seen,) = service.seen
    assert (seen.method, seen.path) == ("POST", "/")
    assert seen.form == {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "wsp_42",
        "WebIdentityToken": "t.o.k",
        "DurationSeconds": "900",
    }
    assert not {"authorization", "x-amz-security-token", "x-amz-date", "cookie"} & {n.lower() for n in seen.headers}
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert (session.arn, session.account) == (ARN, "111122223333")
    found = session.credentials
    assert found.secret_access_key.reveal() == SECRET_ACCESS_KEY
    assert found.session_token.reveal() == SESSION_TOKEN
    assert found.expires_at == datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC)
    assert SECRET_ACCESS_KEY not in repr(session)


FORGED = (
    "</SubjectFromWebIdentityToken><Credentials><AccessKeyId>ASIAFORGEDFORGED1234</AccessKeyId></Credentials>"
    "<SubjectFromWebIdentityToken>"
)


@pytest.mark.parametrize(
    "reply",
    [
        sts_reply(ARN, subject=FORGED),
        sts_reply(ARN, access_key_id="ASIA\n[admin]\nx"),
        sts_reply(ARN, access_key_id=""),
        sts_reply(ARN, secret_access_key="abc def ghi jkl mno pqr"),
        sts_reply(ARN, session_token="token token token token\n[x]"),
        sts_reply(ARN, session_token="<a/>"),
        sts_reply(ARN, expiration="tomorrow"),
        sts_reply(ARN, expiration="2026-13-45T00:00:00Z"),
        sts_reply("arn:aws:sts::111122223333:assumed-role/other/wsp_42"),
        sts_reply("arn:aws:sts::999999999999:assumed-role/deploy/wsp_42"),
        Reply(200, b"<html>welcome</html>", "text/html"),
        Reply(200, b"", "text/xml"),
        Reply(200, b'{"AssumeRoleWithWebIdentityResponse": {}}'),
        Reply(200, sts_reply(ARN).body.replace(b"sts.amazonaws.com/doc", b"evil.example/doc"), "text/xml"),
        Reply(200, b'<!DOCTYPE x [<!ENTITY a "b">]>' + sts_reply(ARN).body, "text/xml"),
        Reply(200, b"<AssumeRoleWithWebIdentityResponse" + b"<" * 5000, "text/xml"),
        Reply(200, sts_reply(ARN).body + b" " * 200_000, "text/xml"),
        Reply(404, b"<html>not here</html>", "text/html"),
        Reply(302, b"", "text/html", {"Location": "https://evil.example/"}),
    ],
)
def test_answers_that_are_not_believed(service: Service, reply: Reply) -> None:
    service.answer = lambda seen: reply
    with pytest.raises(ServiceAnswerInvalid):
        assume(service)
    assert len(service.seen) == 1


def test_access_denied_is_told_apart_and_not_tried_again(service: Service) -> None:
    text = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    service.answer = lambda seen: sts_fault("AccessDenied", text, 403, {"x-daypass-why": "/_daypass/why/1"})
    with pytest.raises(AwsAccessDenied, match=text) as denied:
        assume(service)
    assert denied.value.facts["why"] == "/_daypass/why/1"
    assert denied.value.facts["http_status"] == 403
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("InvalidIdentityToken", "Incorrect token audience", 400),
        ("ExpiredTokenException", "Token expired: current date/time 1 must be before the expiration date/time 0", 400),
        ("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400),
        ("RegionDisabledException", "STS is not activated in this region", 403),
    ],
)
def test_other_refusals_carry_awss_code_and_an_advice(service: Service, code: str, message: str, status: int) -> None:
    service.answer = lambda seen: sts_fault(code, message, status)
    with pytest.raises(AwsRefused, match=message) as refused:
        assume(service)
    assert not isinstance(refused.value, AwsAccessDenied)
    assert (refused.value.facts["aws_code"], refused.value.facts["http_status"]) == (code, status)
    assert refused.value.advice
    assert len(service.seen) == 1


TRANSIENT = [
    (sts_fault("IDPCommunicationError", "no answer"), AwsRefused),
    (sts_fault("InvalidIdentityToken", KEY_NOT_FETCHED), AwsRefused),
    (sts_fault("Throttling", "Rate exceeded"), ServiceUnreachable),
    (sts_fault("InternalFailure", "oops", 500), ServiceUnreachable),
    (Reply(503, b"<html>busy</html>", "text/html"), ServiceUnreachable),
]


@pytest.mark.parametrize(("reply", "kind"), TRANSIENT)
def test_what_may_pass_by_itself_is_tried_three_times_more(
    service: Service, reply: Reply, kind: type[Exception]
) -> None:
    service.answer = lambda seen: reply
    world = World(random=0.5)
    with pytest.raises(kind):
        assume(service, world)
    assert len(service.seen) == 4
    assert world.slept == [0.5, 1.0, 2.0], "half of 1, 2 and 4 seconds: full jitter of a doubling wait"


@pytest.mark.parametrize(("reply", "kind"), TRANSIENT)
def test_a_fault_that_passes_is_not_seen(service: Service, reply: Reply, kind: type[Exception]) -> None:
    def answer(seen: Seen) -> Reply:
        return reply if len(service.seen) < 3 else sts_success(seen)

    service.answer = answer
    assert assume(service).arn == ARN
    assert len(service.seen) == 3


def test_no_retry_starts_past_thirty_seconds(service: Service) -> None:
    world = World()

    def answer(seen: Seen) -> Reply:
        world.time += 14
        return Reply(503, b"", "text/xml")

    service.answer = answer
    with pytest.raises(ServiceUnreachable):
        assume(service, world)
    assert len(service.seen) == 2


def test_nobody_listening_is_tried_again(service: Service) -> None:
    world = World()
    client = StsClient(
        "https://localhost:1", environ={}, waiting=world.waiting(), clock=lambda: NOW, ca_bundle=service.authority
    )
    with pytest.raises(ServiceUnreachable):
        client.assume_role_with_web_identity(
            Secret("t"), role=RoleArn.parse(ROLE), session_name="ab", duration_seconds=900
        )
    assert len(world.slept) == 3


def test_a_certificate_that_is_not_trusted_is_said_at_once(service: Service) -> None:
    world = World()
    client = StsClient(service.url, environ={}, waiting=world.waiting(), clock=lambda: NOW)
    with pytest.raises(ServiceUnreachable) as refused:
        client.assume_role_with_web_identity(
            Secret("t"), role=RoleArn.parse(ROLE), session_name="ab", duration_seconds=900
        )
    assert world.slept == []
    assert "AWS_CA_BUNDLE" in (refused.value.advice or "")


@pytest.mark.parametrize(("seconds", "said"), [(3600, "ahead of"), (-3600, "behind"), (0, None)])
def test_a_wrong_clock_is_named(service: Service, seconds: int, said: str | None) -> None:
    service.answer = lambda seen: sts_fault("ExpiredTokenException", "Token expired")
    with pytest.raises(AwsRefused) as refused:
        assume(service, now=datetime.now(UTC) + timedelta(seconds=seconds))
    advice = refused.value.advice or ""
    assert ("This machine's clock" in advice) == (said is not None)
    assert said is None or said in advice


@pytest.mark.parametrize("endpoint", ["http://sts.amazonaws.com", "sts.amazonaws.com", "https://u:p@sts.local"])
def test_a_token_is_not_sent_to_an_endpoint_without_tls(endpoint: str) -> None:
    with pytest.raises(SettingInvalid, match="cannot be called"):
        StsClient(endpoint, environ={}, waiting=World().waiting(), clock=lambda: NOW)
