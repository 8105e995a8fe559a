"""`/_daypass/`: who may steer, what is told, and the local AWS's clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import RequestInvalid
from daypass.localaws.clock import EARLIEST, LATEST, LocalClock

if TYPE_CHECKING:
    from support.local_aws import LocalAws, Raw

MARK = {"x-daypass-control": "1"}
REAL = datetime(2026, 9, 1, 12, tzinfo=UTC)


def said(answer: Raw, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.body)


def post(aws: LocalAws, path: str, content: object = None, headers: dict[str, str] | None = None) -> Raw:
    body = b"" if content is None else json.dumps(content).encode()
    return aws.raw("POST", f"/_daypass/{path}", body, MARK if headers is None else headers)


def test_it_says_that_it_is_there(aws: LocalAws) -> None:
    told = said(aws.raw("GET", "/_daypass/health"))
    assert told["status"] == "ok"
    assert told["services"] == []


@pytest.mark.parametrize("path", ["reset", "clock", "tokens"])
def test_a_form_of_another_site_cannot_steer(ready: LocalAws, path: str) -> None:
    """CSRF: a page can send a form, or plain text that is JSON, but no header of ours without a preflight."""
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        answer = post(ready, path, {"advance": 1} if path == "clock" else {}, {"content-type": kind})
        assert said(answer, 403)["code"] == "control_header_missing"
    assert said(ready.raw("GET", "/_daypass/clock"))["moved"] is False
    assert ready.client("iam").list_roles()["Roles"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:4566"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("method", "path"), [("POST", "reset"), ("GET", "why"), ("GET", "clock"), ("GET", "health")])
def test_pages_of_other_sites_and_rebound_names_stay_outside(
    ready: LocalAws, method: str, path: str, headers: dict[str, str]
) -> None:
    """DNS rebinding (the page's own name leads to this machine), and requests that name their origin."""
    assert ready.raw(method, f"/_daypass/{path}", b"", {**MARK, **headers}).status == 403
    assert ready.client("iam").list_roles()["Roles"]


def test_a_preflight_is_not_answered(aws: LocalAws) -> None:
    """A page of another port of this machine asks before it may send our header, and hears no yes."""
    asking = {
        "origin": "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-daypass-control",
    }
    answer = aws.raw("OPTIONS", "/_daypass/reset", b"", asking)
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_list_of_refusals_needs_the_header(aws: LocalAws) -> None:
    assert said(aws.raw("GET", "/_daypass/why"), 403)["code"] == "control_header_missing"


def test_refusals_are_told_newest_first_and_hold_no_secret(ready: LocalAws) -> None:
    token = ready.token(sub="workspace:two")
    for _ in range(2):
        with pytest.raises(ClientError):
            ready.assume(WebIdentityToken=token)
    wrong = {"AccessKeyId": "111122223333", "SecretAccessKey": "a-secret-that-is-wrong"}
    with pytest.raises(ClientError) as refused:
        ready.client("iam", wrong).list_roles()
    listed = said(ready.raw("GET", "/_daypass/why", b"", MARK))["refusals"]
    assert [one["code"] for one in listed] == ["SignatureDoesNotMatch", "AccessDenied", "AccessDenied"]
    assert listed[0]["id"] == refused.value.response["ResponseMetadata"]["RequestId"]
    assert listed[0]["asked"] == "iam:ListRoles"
    assert set(listed[0]) == {"id", "time", "asked", "code", "message", "line"}
    whole = [said(ready.raw("GET", f"/_daypass/why/{one['id']}")) for one in listed]
    assert "workspace:two" in whole[1]["words"]
    everything = json.dumps([listed, whole])
    parts = [*token.split("."), "a-secret-that-is-wrong", "Signature=", "AWS4-HMAC"]
    assert not [part for part in parts if part in everything]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"advance": "1h"}', "not a number"),
        (b'{"advance": true}', "not a number"),
        (b'{"advance": 1e300}', "cannot be moved"),
        (b'{"set": "yesterday"}', "not a time"),
        (b'{"set": "1066-10-14T09:00:00Z"}', "cannot tell"),
        (b'{"set": "9999-12-31T23:59:59-14:00"}', "not a time"),
        (b'{"freeze": 1}', "not true or false"),
        (b'{"real": true, "advance": 1}', "nothing else"),
        (b'{"hours": 1}', "not known"),
        (b"[]", "not a JSON object"),
        (b"{", "JSON"),
        (b"", "nothing is asked"),
    ],
)
def test_what_the_clock_does_not_take(aws: LocalAws, body: bytes, reason: str) -> None:
    told = said(aws.raw("POST", "/_daypass/clock", body, MARK), 400)
    assert reason in told["message"]
    assert said(aws.raw("GET", "/_daypass/clock"))["moved"] is False


def test_the_clock_is_set_moved_stopped_and_let_go(aws: LocalAws) -> None:
    aws.clock.stop()
    assert (
        said(post(aws, "clock", {"set": "2030-01-01T00:00:00Z", "freeze": True}))["now"] == "2030-01-01T00:00:00.000Z"
    )
    aws.clock.ahead = timedelta(hours=1)
    assert said(post(aws, "clock", {"advance": 0.5}))["now"] == "2030-01-01T00:00:00.500Z"
    told = said(post(aws, "clock", {"freeze": False}))
    assert (told["now"], told["frozen"], told["moved"]) == ("2030-01-01T00:00:00.500Z", False, True)
    aws.clock.ahead = timedelta(hours=2)
    assert said(aws.raw("GET", "/_daypass/clock"))["now"] == "2030-01-01T01:00:00.500Z"
    assert said(post(aws, "clock", {"real": True}))["moved"] is False


def test_paths_and_methods_that_there_are_not(aws: LocalAws) -> None:
    assert said(aws.raw("GET", "/_daypass/nothing"), 404)["code"] == "not_found"
    assert said(aws.raw("GET", "/_daypass/why/00000000"), 404)["code"] == "not_found"
    assert said(aws.raw("GET", "/_daypass/reset"), 405)["code"] == "method_not_allowed"
    assert said(aws.raw("DELETE", "/_daypass/clock", b"", MARK), 405)["code"] == "method_not_allowed"


def test_without_stand_ins_no_token_is_made(aws: LocalAws) -> None:
    told = said(post(aws, "tokens", {"issuer": "gitlab.com"}), 400)
    assert told["advice"] == "Start it with --as-issuer gitlab.com."


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"issuer": 1},
        {"issuer": "gitlab.com", "claims": []},
        {"issuer": "gitlab.com", "lifetime_seconds": 0},
        {"issuer": "gitlab.com", "lifetime_seconds": 1e400},
        {"issuer": "gitlab com"},
        {"issuer": "http://gitlab.com"},
    ],
    ids=str,
)
def test_tokens_that_are_asked_for_wrongly(aws: LocalAws, content: object) -> None:
    assert post(aws, "tokens", content).status == 400


@given(moves=st.lists(st.floats(-1e9, 1e9), max_size=8), later=st.floats(0, 1e6))
def test_moves_of_a_clock_add_up(moves: list[float], later: float) -> None:
    passed = timedelta(0)
    clock = LocalClock(lambda: REAL + passed)
    expected = REAL
    for move in moves:
        if EARLIEST <= expected + timedelta(seconds=move) < LATEST:
            expected += timedelta(seconds=move)
            clock.advance(move)
        else:
            with pytest.raises(RequestInvalid):
                clock.advance(move)
    assert clock() == expected
    passed = timedelta(seconds=later)
    assert clock() == expected + passed
    clock.freeze()
    stood = clock()
    passed *= 2
    assert clock() == stood
    clock.go()
    assert clock() == stood
    clock.restore()
    assert clock() == REAL + passed
    assert not clock.moved
