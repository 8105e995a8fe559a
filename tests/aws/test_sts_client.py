"""The STS client against a real HTTPS server: what it sends, what it believes, when it tries again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.aws.sts_client import StsClient
from daypass.calling.persist import Fate, fate_of
from daypass.errors import (
    AwsAccessDenied,
    AwsRefused,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    SettingInvalid,
)
from daypass.names import RoleArn
from daypass.secret import Secret
from support.patience import World
from support.services import (
    ROLE,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    Reply,
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


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, sts_success) as running:
        yield running


def assume(service: Service, now: datetime = NOW) -> Session:
    client = StsClient(
        service.url,
        environ={},
        waiting=World().waiting(),
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


def test_a_certificate_that_is_not_trusted_is_said_at_once(service: Service) -> None:
    client = StsClient(service.url, environ={}, waiting=World().waiting(), clock=lambda: NOW)
    with pytest.raises(ServiceUnreachable) as refused:
        client.assume_role_with_web_identity(
            Secret("t"), role=RoleArn.parse(ROLE), session_name="ab", duration_seconds=900
        )
    assert fate_of(refused.value) is Fate.FINAL
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
