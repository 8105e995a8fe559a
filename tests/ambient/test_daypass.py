"""Finding a token as a workload of our own identity provider, over real TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.ambient import daypass, find, find_token
from daypass.ambient.wish import Wish
from daypass.errors import (
    AudienceNotOffered,
    AuditUnavailable,
    CallerRefused,
    CredentialUnknown,
    DaypassError,
    FileUnavailable,
    FileUnsafe,
    NoTokenSource,
    RequestRefused,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    SettingInvalid,
)
from support.services import WORKLOAD_SECRET, Reply, Service, https_service, json_reply, platform, problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, platform) as running:
        yield running


def environment(service: Service, **more: str) -> dict[str, str]:
    return {
        "DAYPASS_URL": service.url + "/idp",
        "DAYPASS_TOKEN": WORKLOAD_SECRET,
        "DAYPASS_CA_BUNDLE": str(service.authority),
        **more,
    }


def test_nothing_set_is_not_here() -> None:
    assert find(["a"], {"HOME": "/"}) is None
    with pytest.raises(NoTokenSource) as refused:
        find_token(["a"], {})
    assert "DAYPASS_URL" in (refused.value.advice or "")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"DAYPASS_URL": "https://idp.example.com"}, "DAYPASS_TOKEN_FILE"),
        ({"DAYPASS_TOKEN": "dpw_x"}, "DAYPASS_URL"),
    ],
)
def test_half_of_it_names_the_line_to_add(environ: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        daypass.find(Wish(("a",), environ))
    assert (refused.value.advice or "").startswith(f"Add: export {missing}=")
    assert refused.value.facts["key"] == missing


def test_the_contract_of_the_request(service: Service) -> None:
    token = find_token(["a", "b"], environment(service), scope="s")
    (seen,) = service.seen
    assert (seen.method, seen.path) == ("POST", "/idp/v1/id-tokens")
    assert seen.json == {"audience": ["a", "b"], "scope": "s"}
    assert seen.headers["Authorization"] == f"Bearer {WORKLOAD_SECRET}"
    assert seen.headers["Content-Type"] == "application/json"
    assert token.reveal().count(".") == 2


def test_a_trailing_slash_of_the_url_does_not_matter(service: Service) -> None:
    find_token(["a"], environment(service, DAYPASS_URL=service.url + "/idp/"))
    assert service.seen[0].path == "/idp/v1/id-tokens"


def test_the_secrets_file_is_read_and_wins(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(WORKLOAD_SECRET + "\n")
    path.chmod(0o600)
    environ = environment(service, DAYPASS_TOKEN="wrong", DAYPASS_TOKEN_FILE=str(path))
    assert find_token(["a"], environ)
    path.chmod(0o644)
    with pytest.raises(FileUnsafe, match="0644"):
        find_token(["a"], environ)


def test_a_secrets_file_that_is_not_there_names_its_setting(tmp_path: Path) -> None:
    environ = {"DAYPASS_URL": "https://idp.example.com", "DAYPASS_TOKEN_FILE": str(tmp_path / "nope")}
    with pytest.raises(FileUnavailable, match="nope") as refused:
        find_token(["a"], environ)
    assert "DAYPASS_TOKEN_FILE" in (refused.value.advice or "")


@pytest.mark.parametrize("text", ["", " \n", "two\nlines", "a b", "ü", "a\x1b[0m"])
def test_a_secret_with_other_characters_is_refused_unprinted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingInvalid) as refused:
        daypass.find(Wish(("a",), {"DAYPASS_URL": "https://idp.example.com", "DAYPASS_TOKEN_FILE": str(path)}))
    assert "lines" not in refused.value.message


@pytest.mark.parametrize(
    "url", ["http://idp.example.com", "idp.example.com", "https://idp.example.com?x", "https://u:s3cret@h"]
)
def test_a_url_that_may_not_be_asked_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        daypass.find(Wish(("a",), {"DAYPASS_URL": url, "DAYPASS_TOKEN": "dpw_x"}))
    assert refused.value.facts["key"] == "DAYPASS_URL"
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (problem(401, "credential_unknown", "no"), CredentialUnknown),
        (problem(400, "audience_not_offered", "the audience `a` is not offered", "Ask for b."), AudienceNotOffered),
        (problem(503, "audit_unavailable", "no"), AuditUnavailable),
        (problem(403, "a_code_of_the_future", "no"), CallerRefused),
        (problem(429, "a_code_of_the_future", "no"), RequestRefused),
        (problem(502, "a_code_of_the_future", "no"), ServiceUnreachable),
        (Reply(502, b"<html>bad gateway</html>", "text/html"), ServiceUnreachable),
        (Reply(404, b"", "text/html"), ServiceAnswerInvalid),
        (Reply(302, b"", "text/html", {"Location": "https://evil.example/"}), ServiceAnswerInvalid),
        (Reply(500, b"[]", "application/problem+json"), ServiceAnswerInvalid),
        (Reply(200, b"[]"), ServiceAnswerInvalid),
        (Reply(200, b'{"token": 1}'), ServiceAnswerInvalid),
        (Reply(200, b'{"token": "a.b"}'), ServiceAnswerInvalid),
        (Reply(200, b'{"token": "a.b.c\\n"}'), ServiceAnswerInvalid),
        (Reply(200, b'{"token": "a.b.c", "token": "d.e.f"}'), ServiceAnswerInvalid),
        (Reply(200, b"<html>"), ServiceAnswerInvalid),
    ],
)
def test_refusals_are_the_errors_they_were(service: Service, reply: Reply, kind: type[DaypassError]) -> None:
    service.answer = lambda seen: reply
    with pytest.raises(kind) as refused:
        find_token(["a"], environment(service))
    assert type(refused.value) is kind
    assert WORKLOAD_SECRET not in repr(refused.value.facts) + refused.value.message


def test_a_refusals_words_advice_facts_and_request_id_arrive(service: Service) -> None:
    body = (
        b'{"title": "no such audience", "code": "audience_not_offered", "advice": "Ask for b.",'
        b' "facts": {"offered": ["b"], "message": "x", "self": 1}}'
    )
    service.answer = lambda seen: Reply(400, body, "application/problem+json; charset=utf-8", {"X-Request-Id": "r-1"})
    with pytest.raises(AudienceNotOffered) as refused:
        find_token(["a"], environment(service))
    error = refused.value
    assert (error.message, error.advice) == ("no such audience", "Ask for b.")
    assert error.facts == {"offered": ["b"], "http_status": 400, "request_id": "r-1"}


def test_an_answer_that_is_a_token_is_believed(service: Service) -> None:
    service.answer = lambda seen: json_reply({"token": "a.b.c", "unknown": {}})
    assert find_token(["a"], environment(service)).reveal() == "a.b.c"
