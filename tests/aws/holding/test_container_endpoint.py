"""The endpoint on a real socket: who gets credentials, who does not, and that they are always there."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from daypass.aws.holding import container_endpoint
from daypass.aws.holding.container_endpoint import ContainerEndpoint, Kept
from daypass.errors import AwsAccessDenied, DaypassError, ServiceUnreachable, UsageInvalid
from daypass.secret import Secret
from support.held import Clocks, held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.aws.holding.cache import Held

SECRET = "the-secret-of-the-endpoint"


class Sts:
    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.calls = 0
        self.failure: DaypassError | None = None

    def __call__(self) -> Held:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        return held(self.clocks, number=self.calls)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def sts(clocks: Clocks) -> Sts:
    return Sts(clocks)


@pytest.fixture
def told() -> list[DaypassError]:
    return []


@pytest.fixture
def endpoint(clocks: Clocks, sts: Sts, told: list[DaypassError]) -> Iterator[ContainerEndpoint]:
    running = ContainerEndpoint({"role": Kept(sts, clocks)}, Secret(SECRET), clocks=clocks, trouble=told.append)
    running.start()
    yield running
    running.stop()


def ask(
    endpoint: ContainerEndpoint,
    path: str = "/credentials/role",
    method: str = "GET",
    headers: Mapping[str, str | None] | None = None,
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
    given: dict[str, str | None] = {"Authorization": SECRET, **(headers or {})}
    try:
        connection.request(method, path, headers={k: v for k, v in given.items() if v is not None})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_who_has_the_secret_gets_credentials(endpoint: ContainerEndpoint) -> None:
    status, text = ask(endpoint)
    assert status == 200
    assert json.loads(text) == {
        "AccessKeyId": "ASIAEXAMPLEEXAMPL001",
        "SecretAccessKey": "secret-access-key-1",
        "Token": "session-token-1",
        "Expiration": "2027-01-15T09:00:00Z",
        "AccountId": "111122223333",
        "RoleArn": "arn:aws:iam::111122223333:role/ci/deploy",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": SECRET + "x"}, 401),
        ({"Authorization": "Bearer " + SECRET}, 401),
        ({"Authorization": "\xe9"}, 401),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_everybody_else_gets_nothing(
    endpoint: ContainerEndpoint, sts: Sts, headers: dict[str, str | None], status: int
) -> None:
    """DNS rebinding, and pages that ask every port of the visitor's machine."""
    found, text = ask(endpoint, headers=headers)
    assert found == status
    assert "secret-access-key" not in text
    assert sts.calls <= 1


@pytest.mark.parametrize("path", ["/", "/credentials/", "/credentials/other", "/credentials/role/", "/role", "//"])
def test_other_paths_are_none(endpoint: ContainerEndpoint, path: str) -> None:
    assert ask(endpoint, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "HEAD", "TRACE"])
def test_only_get_is_answered(endpoint: ContainerEndpoint, method: str) -> None:
    status, text = ask(endpoint, method=method)
    assert status == 501
    assert "secret-access-key" not in text


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (f"host: 127.0.0.1:{{port}}\r\nauthorization: {SECRET}\r\n", 200),
        (f"HOST: localhost:{{port}}\r\nAUTHORIZATION: {SECRET}\r\n", 200),
        (f"host: attacker.example:{{port}}\r\nauthorization: {SECRET}\r\n", 403),
        (f"host: 127.0.0.1:{{port}}\r\norigin: https://attacker.example\r\nauthorization: {SECRET}\r\n", 403),
        (f"host: 127.0.0.1:{{port}}\r\nsec-fetch-site: cross-site\r\nauthorization: {SECRET}\r\n", 403),
        ("host: 127.0.0.1:{port}\r\n", 401),
    ],
)
def test_names_of_headers_have_no_letter_case(endpoint: ContainerEndpoint, lines: str, status: int) -> None:
    """AWS's SDK for Rust writes them all in lower case."""
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=5) as connection:
        head = f"GET /credentials/role HTTP/1.1\r\n{lines.format(port=endpoint.port)}\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())


def test_it_listens_on_this_machine_alone(endpoint: ContainerEndpoint) -> None:
    assert endpoint._server.server_address[0] == "127.0.0.1"


def test_requests_never_wait_while_the_old_session_lasts(endpoint: ContainerEndpoint, sts: Sts, clocks: Clocks) -> None:
    assert ask(endpoint)[0] == 200
    gate = threading.Event()
    first, began = endpoint._kept["role"], threading.Event()

    def slow() -> Held:
        began.set()
        assert gate.wait(5)
        return held(clocks, number=9)

    first._supply = slow
    clocks.advance(2700)
    thread = threading.Thread(target=first.refreshed)
    thread.start()
    assert began.wait(5)
    assert json.loads(ask(endpoint)[1])["AccessKeyId"].endswith("001")
    gate.set()
    thread.join()
    assert json.loads(ask(endpoint)[1])["AccessKeyId"].endswith("009")


def test_a_failure_is_told_without_what_it_holds_and_passes(
    endpoint: ContainerEndpoint, sts: Sts, told: list[DaypassError], clocks: Clocks
) -> None:
    sts.failure = AwsAccessDenied("AWS refused", aws_code="AccessDenied")
    status, text = ask(endpoint)
    assert (status, json.loads(text)) == (502, {"code": "aws_access_denied", "message": "AWS refused"})
    assert told == [sts.failure]
    sts.failure = None
    assert ask(endpoint)[0] == 200


def test_what_fails_early_is_tried_again_before_the_end(clocks: Clocks, sts: Sts) -> None:
    kept = Kept(sts, clocks)
    first = kept.current()
    clocks.advance(2500)
    sts.failure = ServiceUnreachable("away")
    assert kept.refreshed() is first
    assert 0 < kept.pause_seconds() <= 20
    sts.failure = None
    assert kept.refreshed() is not first


def test_a_port_that_is_taken_is_said(endpoint: ContainerEndpoint, clocks: Clocks) -> None:
    with pytest.raises(UsageInvalid, match="port"):
        ContainerEndpoint({}, Secret("x"), clocks=clocks, trouble=print, port=endpoint.port)


def test_who_connects_and_does_not_ask_keeps_nobody_out(endpoint: ContainerEndpoint) -> None:
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", endpoint.port), timeout=5) for _ in range(300)]
    try:
        assert ask(endpoint)[0] == 200
        assert threading.active_count() - before <= 260
        assert silent[0].recv(1) == b"", "the oldest was given up"
    finally:
        for one in silent:
            one.close()


def test_byte_by_byte_is_no_asking(endpoint: ContainerEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_endpoint, "_REQUEST_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=0.05) as slow:
        for _ in range(100):
            try:
                slow.sendall(b"G")
                if slow.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("it waited on")
    assert ask(endpoint)[0] == 200
