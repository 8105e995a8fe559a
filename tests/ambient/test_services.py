"""Platforms that are asked over HTTP: GitHub Actions, Azure DevOps, Google; over real sockets, in recorded shapes."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from daypass.ambient import find, github
from daypass.errors import DaypassError, ServiceUnreachable, TokenSourceFailed, TokenSourceIncomplete
from support.ambient import AWS, token
from support.services import Reply, Service, https_service, json_reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEARER = "the-bearer-of-the-job"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, lambda seen: json_reply({"count": 2, "value": token()})) as running:
        yield running


def of_github(service: Service, **more: str) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": service.url + "/abc//idtoken/1/2?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        "DAYPASS_CA_BUNDLE": str(service.authority),
        **more,
    }


def of_azure(service: Service, **more: str) -> dict[str, str]:
    return {
        "TF_BUILD": "True",
        "SYSTEM_OIDCREQUESTURI": service.url + "/org/prj/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken",
        "SYSTEM_ACCESSTOKEN": BEARER,
        "DAYPASS_CA_BUNDLE": str(service.authority),
        **more,
    }


def given(environ: dict[str, str], **options: Any) -> str:
    found = find([AWS], environ, **options)
    assert found is not None
    return found.token.reveal()


def test_the_contract_of_github(service: Service) -> None:
    assert find(["https://a.example/x y&z"], of_github(service)) is not None
    (seen,) = service.seen
    assert (seen.method, seen.body) == ("GET", b"")
    assert seen.path == "/abc//idtoken/1/2?api-version=2.0&audience=https%3A%2F%2Fa.example%2Fx%20y%26z"
    assert seen.headers["Authorization"] == f"Bearer {BEARER}"
    assert not {"cookie", "x-amz-security-token"} & {name.lower() for name in seen.headers}


def test_each_token_of_github_is_a_new_one(service: Service) -> None:
    numbers = iter(range(9))
    service.answer = lambda seen: json_reply({"value": token(jti=str(next(numbers)))})
    assert given(of_github(service)) != given(of_github(service))


@pytest.mark.parametrize("missing", ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
def test_github_without_the_permission_names_the_lines(service: Service, missing: str) -> None:
    environ = of_github(service)
    del environ[missing]
    with pytest.raises(TokenSourceIncomplete, match="may not ask") as broken:
        find([AWS], environ)
    assert "  permissions:\n    id-token: write\n" in (broken.value.advice or "")
    assert service.seen == []


def event(folder: Path, head: object, base: object) -> str:
    path = folder / "event.json"
    path.write_text(json.dumps({"pull_request": {"head": {"repo": head}, "base": {"repo": base}}, "x": "\t"}))
    return str(path)


@pytest.mark.parametrize(("head", "fork"), [({"id": 2}, True), (None, True), ({"id": 1}, False)])
def test_a_fork_never_gets_a_token_from_github(tmp_path: Path, head: object, *, fork: bool) -> None:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": event(tmp_path, head, {"id": 1}),
    }
    with pytest.raises(TokenSourceIncomplete) as broken:
        find([AWS], environ)
    assert ("from a fork" in broken.value.message) == fork
    assert ("id-token: write" in (broken.value.advice or "")) != fork


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pull_request": 1}', '{"pull_request": {"head": 1}}', "\xff"])
def test_an_event_that_cannot_be_read_is_no_fork(tmp_path: Path, text: str) -> None:
    (tmp_path / "event").write_bytes(text.encode("latin-1"))
    environ = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(tmp_path / "event")}
    assert not github.is_from_fork(environ)
    assert not github.is_from_fork(environ | {"GITHUB_EVENT_PATH": "/nowhere"})
    assert not github.is_from_fork({})


def test_the_contract_of_azure_devops(service: Service) -> None:
    service.answer = lambda seen: json_reply({"oidcToken": token("api://AzureADTokenExchange")})
    assert given(of_azure(service), insisted=False)
    assert given(of_azure(service), insisted=False, source="azure-devops:11-22")
    first, second = service.seen
    assert (first.method, first.body, first.headers["Content-Length"]) == ("POST", b"", "0")
    assert first.path.endswith("/oidctoken?api-version=7.1")
    assert second.path.endswith("/oidctoken?api-version=7.1&serviceConnectionId=11-22")
    assert first.headers["Authorization"] == f"Bearer {BEARER}"
    assert first.headers["Content-Type"] == "application/json"


def test_azure_devops_without_its_access_token_names_the_lines(service: Service) -> None:
    environ = of_azure(service)
    del environ["SYSTEM_ACCESSTOKEN"]
    with pytest.raises(TokenSourceIncomplete) as broken:
        find([AWS], environ, insisted=False)
    assert "  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)" in (broken.value.advice or "")


def test_azure_devops_lets_nobody_choose_the_audience(service: Service) -> None:
    with pytest.raises(TokenSourceIncomplete, match="api://AzureADTokenExchange"):
        find([AWS], of_azure(service))
    assert service.seen == []


FAULTS = [
    (Reply(401, b"{}"), TokenSourceIncomplete),
    (Reply(403, b"{}"), TokenSourceIncomplete),
    (Reply(404, b"{}"), TokenSourceFailed),
    (Reply(302, b"", headers={"Location": "https://evil.example/"}), TokenSourceFailed),
    (Reply(429, b"{}"), ServiceUnreachable),
    (Reply(500, b"<html>"), ServiceUnreachable),
    (Reply(200, b"<html>", "text/html"), TokenSourceFailed),
    (Reply(200, b"[]"), TokenSourceFailed),
    (Reply(200, b"{}"), TokenSourceFailed),
    (json_reply({"value": 7, "oidcToken": None}), TokenSourceFailed),
    (json_reply({"value": "s3cret", "oidcToken": "s3cret"}), TokenSourceFailed),
    (json_reply({"value": "a.b.c\r\nX: 1", "oidcToken": "a.b." + "c" * 30_000}), TokenSourceFailed),
]


@pytest.mark.parametrize(("reply", "kind"), FAULTS)
def test_what_a_platform_may_answer_instead(service: Service, reply: Reply, kind: type[DaypassError]) -> None:
    service.answer = lambda seen: reply
    for environ in (of_github(service), of_azure(service)):
        with pytest.raises(kind) as broken:
            find(["api://AzureADTokenExchange"], environ)
        told = f"{broken.value.message} {broken.value.advice} {broken.value.facts}"
        assert BEARER not in told
        assert "s3cret" not in told
    assert len(service.seen) == 2, "no redirect is followed, nothing is asked twice"


@pytest.mark.parametrize("url", ["http://token.example.com/?x", "token.example.com", "https://u:s3cret@h/"])
def test_a_bearer_goes_over_tls_only(url: str) -> None:
    environ = {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER}
    with pytest.raises(TokenSourceIncomplete, match="cannot be called") as broken:
        find([AWS], environ)
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" in (broken.value.advice or "")
    assert "s3cret" not in broken.value.message


@contextmanager
def metadata(status: int, body: bytes, flavor: str | None = "Google") -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A metadata server in plain HTTP; gives its address and what it was asked, with the Metadata-Flavor."""
    seen: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Metadata-Flavor", "")))
            self.send_response(status)
            if flavor:
                self.send_header("Metadata-Flavor", flavor)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_the_contract_of_google() -> None:
    text = token(sub="108822334455667788990")
    with metadata(200, text.encode()) as (host, seen):
        assert given({"GCE_METADATA_HOST": host, "HTTPS_PROXY": "http://127.0.0.1:1"}) == text
    path = "/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience=sts.amazonaws.com"
    assert seen == [(path, "Google")]


@pytest.mark.parametrize(
    ("status", "flavor", "kind"),
    [
        (404, "Google", TokenSourceIncomplete),
        (503, "Google", ServiceUnreachable),
        (400, "Google", TokenSourceFailed),
        (200, None, TokenSourceFailed),
    ],
)
def test_what_googles_server_may_answer_instead(status: int, flavor: str | None, kind: type[DaypassError]) -> None:
    with metadata(status, b"a.b.c", flavor) as (host, _), pytest.raises(kind) as broken:
        find([AWS], {"GCE_METADATA_HOST": host})
    if kind is TokenSourceIncomplete:
        assert "gcloud compute instances set-service-account" in (broken.value.advice or "")


@pytest.mark.parametrize(
    "host", ["metadata.example.com", "10.0.0.1", "169.254.169.253", "127.0.0.1.example.com", "a@b"]
)
def test_googles_server_is_near(host: str) -> None:
    with pytest.raises(TokenSourceIncomplete, match="cannot be called") as broken:
        find([AWS], {"GCE_METADATA_HOST": host})
    assert "GCE_METADATA_HOST" in (broken.value.advice or "")
