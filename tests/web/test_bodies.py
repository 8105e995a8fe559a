"""What a body must be: JSON, of the call's shape, of bounded size and time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from daypass.web import bodies
from daypass.web.problems import BodyTooLarge, BodyTooSlow
from support.identity_provider import World, code

if TYPE_CHECKING:
    import httpx
    from starlette.types import Message

JSON = {"content-type": "application/json"}


def post(world: World, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return world.call(
        "POST", "/v1/organizations", world.root, content=content, headers=JSON if headers is None else headers
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "json_malformed"),
        (b"{", "json_malformed"),
        (b'{"slug":"a","slug":"b"}', "json_malformed"),
        (b'{"slug":"a","\\u0073lug":"b"}', "json_malformed"),
        (b'{"slug":NaN}', "json_malformed"),
        (b'{"slug":"\\ud800"}', "json_malformed"),
        (b'\xef\xbb\xbf{"slug":"a"}', "json_malformed"),
        (b'{"slug":"\xff"}', "json_malformed"),
        (b"[" * 50_000, "json_malformed"),
        (b'{"slug":"a","audiences":' + b"[" * 40 + b"]" * 40 + b"}", "json_malformed"),
        (b"[]", "request_invalid"),
        (b"null", "request_invalid"),
        (b'"acme"', "request_invalid"),
        (b"{}", "request_invalid"),
        (b'{"slug":1}', "request_invalid"),
        (b'{"slug":"acme","name":true}', "request_invalid"),
        (b'{"slug":"acme","audiences":"x"}', "request_invalid"),
        (b'{"slug":"acme","audiences":[1]}', "request_invalid"),
        (b'{"slug":"acme","id":"org_x"}', "request_invalid"),
        (b'{"slug":"ACME"}', "request_invalid"),
    ],
)
def test_what_is_not_the_shape_is_refused(content: bytes, expected: str, world: World) -> None:
    answer = post(world, content)
    assert answer.status_code == 400
    assert code(answer) == expected
    assert world.store.organizations() == []


def test_faults_name_their_members(world: World) -> None:
    facts = post(world, b'{"slugg":"a","audiences":[1]}').json()["facts"]
    assert facts["members"] == ["slug", "audiences.0", "slugg"]
    answer = post(world, b'{"slug":"a","slug":"b"}').json()
    assert "`slug` comes twice" in answer["title"]
    assert answer["facts"]["line"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/jsonx"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_only_plain_json_is_read(headers: dict[str, str], world: World) -> None:
    answer = post(world, b'{"slug":"acme"}', headers)
    assert answer.status_code == 415
    assert code(answer) == "content_type_unsupported"


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON", 'application/json; charset="UTF-8"'])
def test_json_may_say_that_it_is_utf_8(media_type: str, world: World) -> None:
    assert post(world, b'{"slug":"acme"}', {"content-type": media_type}).status_code == 201


def test_a_body_of_the_largest_size_is_read_and_a_larger_one_is_not(world: World) -> None:
    limit = world.settings.body_max_bytes
    frame = len(b'{"slug":"acme","name":""}')
    largest = json.dumps({"slug": "acme", "name": "n" * (limit - frame)}, separators=(",", ":")).encode()
    assert len(largest) == limit
    assert code(post(world, largest)) == "request_invalid", "the name is too long, so the body was read"
    answer = post(world, largest + b" ")
    assert answer.status_code == 413
    assert code(answer) == "body_too_large"
    assert answer.headers["connection"] == "close"


class Sender:
    """A client that sends chunks, and counts how many were taken."""

    def __init__(self, chunk: bytes, *, pause: float = 0) -> None:
        self.taken = 0
        self._chunk = chunk
        self._pause = pause

    async def receive(self) -> Message:
        await asyncio.sleep(self._pause)
        self.taken += 1
        return {"type": "http.request", "body": self._chunk, "more_body": True}


def request(sender: Sender, **headers: str) -> Request:
    listed = [(name.replace("_", "-").encode(), text.encode()) for name, text in (JSON | headers).items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": listed, "query_string": b""}
    return Request(scope, sender.receive)


def test_a_body_without_end_is_not_read_beyond_the_limit() -> None:
    sender = Sender(b"x" * 1024)
    with pytest.raises(BodyTooLarge):
        asyncio.run(bodies.read_bytes(request(sender), max_bytes=4096))
    assert sender.taken == 5


def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    sender = Sender(b"x")
    with pytest.raises(BodyTooLarge):
        asyncio.run(bodies.read_bytes(request(sender, content_length="9" * 30), max_bytes=4096))
    assert sender.taken == 0


def test_a_body_that_drips_is_given_up() -> None:
    sender = Sender(b"x", pause=0.02)
    with pytest.raises(BodyTooSlow):
        asyncio.run(bodies.read_bytes(request(sender), max_bytes=4096, seconds=0.1))
