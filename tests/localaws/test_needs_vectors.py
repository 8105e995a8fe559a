"""Every vector of needs; and that a service behind sees nothing but what was judged."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.localaws.needs.model import Found, Here, Need, Unreadable
from daypass.localaws.needs.read import Reading, read
from daypass.localaws.services import catalogue
from daypass.localaws.wire import WireRequest
from support.vectors import VECTORS, documents

ACCOUNT = "111122223333"
DOCUMENTS = dict(documents("needs"))
CASES = [
    pytest.param(document, case, id=f"{name}::{case['id']}")
    for name, document in DOCUMENTS.items()
    for case in document["cases"]
]


def judged(service: str, request: WireRequest, there: dict[str, Any] | None = None) -> Reading | Unreadable:
    behind = catalogue.find(service, request)
    assert behind is not None

    def find(name: str) -> Found | None:
        kept = (there or {}).get(name)
        if kept is None:
            return None
        return Found(kept["arn"], tuple(kept.get("tags", {}).items()), partition_keys=kept.get("partition_keys", {}))

    return read(behind, request, Here("us-east-1", ACCOUNT, find))


def post(target: str, body: bytes, *headers: tuple[str, str], path: str = "/") -> WireRequest:
    return WireRequest("POST", path, "", (("host", "127.0.0.1"), ("x-amz-target", target), *headers), body)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_vectors_are_well_formed(name: str) -> None:
    jsonschema.validate(DOCUMENTS[name], json.loads((VECTORS / "needs" / "schema.json").read_bytes()))


@pytest.mark.parametrize(("document", "case"), CASES)
def test_vector(document: dict[str, Any], case: dict[str, Any]) -> None:
    request = post(f"{document['target']}.{case['operation']}", json.dumps(case["body"]).encode())
    found = judged(document["service"], request, document["there"])
    if case["expect"] == "unreadable":
        assert isinstance(found, Unreadable), found
        return
    assert not isinstance(found, Unreadable), found.detail
    assert [shown(need) for need in found.needs] == case["expect"]
    for key in case.get("unknown", ()):
        assert all(need.is_unknown(key) for need in found.needs), key
    assert json.loads(found.request.body) == case["body"]


def shown(need: Need) -> dict[str, Any]:
    keys = {key: list(values) for key, values in need.keys.items()}
    return {"action": need.action, "resource": need.resource, **({"keys": keys} if keys else {})}


def seen_as_form(request: WireRequest) -> dict[str, str]:
    """What a reader that takes any body for a form would find."""
    return dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))


TEXTS = st.text() | st.sampled_from(
    ["x&Action=DeleteParameter&Name=/b", "=&=&", "%26Action%3DDeleteParameter", "+", '"']
)


@given(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS), max_size=3), TEXTS)
def test_no_text_in_json_is_an_action(members: dict[str, Any], value: str) -> None:
    body = {**members, "Name": "/a", "Value": value}
    found = judged("ssm", post("AmazonSSM.PutParameter", json.dumps(body).encode()))
    assert not isinstance(found, Unreadable)
    assert json.loads(found.request.body) == body
    assert "Action" not in seen_as_form(found.request)
    assert len(seen_as_form(found.request)) == 1


def test_of_a_member_that_comes_twice_the_judged_one_goes_on() -> None:
    found = judged("ssm", post("AmazonSSM.GetParameter", b'{"Name": "/denied", "Name": "/a"}'))
    assert not isinstance(found, Unreadable)
    assert [need.resource for need in found.needs] == [f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/a"]
    assert found.request.body == b'{"Name":"/a"}'


@pytest.mark.parametrize(
    "headers",
    [
        (("x-amz-target", "AmazonSSM.DeleteParameter"),),
        (("x_amz_target", "AmazonSSM.DeleteParameter"), ("action", "DeleteParameter")),
        (("x-http-method-override", "DELETE"), ("content-encoding", "gzip"), ("content-type", "multipart/form-data")),
    ],
)
def test_no_header_of_the_caller_names_another_operation(headers: tuple[tuple[str, str], ...]) -> None:
    found = judged("ssm", post("AmazonSSM.GetParameter", b'{"Name": "/a"}', *headers))
    if isinstance(found, Unreadable):
        return
    assert found.request.all("x-amz-target") == ["AmazonSSM.GetParameter"]
    assert {name for name, _ in found.request.headers} == {"host", "content-type", "x-amz-target"}


@pytest.mark.parametrize("target", ["AmazonSSM.GetParameter.DeleteParameter", "amazonssm.GetParameter", "GetParameter"])
def test_a_target_of_no_known_form(target: str) -> None:
    assert isinstance(judged("ssm", post(target, b"{}")), Unreadable)


def form(body: bytes, path: str = "/", query: str = "") -> WireRequest:
    headers = (("host", "127.0.0.1"), ("content-type", "application/x-www-form-urlencoded"))
    return WireRequest("POST", path, query, headers, body)


def test_a_form_is_written_anew() -> None:
    found = judged(
        "sns", form(b"Action=ListTopics&Version=2010-03-31&a=%26Action%3DDeleteTopic", "/x", "Action=DeleteTopic")
    )
    assert not isinstance(found, Unreadable)
    assert [need.action for need in found.needs] == ["sns:ListTopics"]
    assert (found.request.path, found.request.query) == ("/", "")
    assert seen_as_form(found.request) == {
        "Action": "ListTopics", "Version": "2010-03-31", "a": "&Action=DeleteTopic",
    }  # fmt: skip
    assert isinstance(judged("sns", form(b"Action=ListTopics&Action=DeleteTopic")), Unreadable)
    assert isinstance(judged("sns", form(b"Action=NoSuchThing")), Unreadable)


def test_a_queue_named_by_the_path() -> None:
    body = b"Action=SendMessage&Version=2012-11-05&MessageBody=x"
    found = judged("sqs", form(body, f"/{ACCOUNT}/q"))
    assert not isinstance(found, Unreadable)
    assert [need.resource for need in found.needs] == [f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"]
    assert seen_as_form(found.request)["QueueUrl"] == f"http://localhost/{ACCOUNT}/q"
    two = body + f"&QueueUrl=http://localhost/{ACCOUNT}/q".encode()
    assert isinstance(judged("sqs", form(two, f"/{ACCOUNT}/r")), Unreadable)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body"),
    [
        ("GET", "/2015-03-31/functions/../event-source-mappings/", "", (), b""),
        ("GET", "/2015-03-31//functions/", "", (), b""),
        ("GET", "/2015-03-31/functions/%2e%2e/x", "", (), b""),
        ("GET", "/2015-03-31/functions/", "Action=DeleteFunction", (), b""),
        ("GET", "/2015-03-31/functions/", "", (("action", "DeleteFunction"),), b""),
        ("GET", "/2015-03-31/functions/", "", (("x-amz-target", "a.DeleteFunction"),), b""),
        ("GET", "/2015-03-31/functions/", "", (("x_amz_target", "a.DeleteFunction"),), b""),
        ("POST", "/2015-03-31/functions/", "", (), b"a&Action=DeleteFunction"),
        ("POST", "/2015-03-31/functions/", "", (("content-encoding", "gzip"),), b""),
        ("GET", "/2015-03-31/functions/", "", (("x-http-method-override", "DELETE"),), b""),
        ("GET", "/nothing", "", (), b""),
        ("TRACE", "/2015-03-31/functions/", "", (), b""),
    ],
)
def test_requests_of_the_rest_protocol_without_one_reading(
    method: str, path: str, query: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    pytest.importorskip("moto")
    request = WireRequest(method, path, query, (("host", "127.0.0.1"), *headers), body)
    assert isinstance(judged("lambda", request), Unreadable)


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/2015-03-31/functions/", "lambda:ListFunctions"),
        ("DELETE", "/2015-03-31/functions/f", "lambda:DeleteFunction"),
        ("POST", "/2015-03-31/functions/f/invocations", "lambda:InvokeFunction"),
    ],
)
def test_an_operation_told_by_its_path(method: str, path: str, action: str) -> None:
    pytest.importorskip("moto")
    found = judged("lambda", WireRequest(method, path, "", (("host", "127.0.0.1"),), b""))
    assert not isinstance(found, Unreadable)
    assert [(need.action, need.resource) for need in found.needs] == [(action, None)]


@pytest.mark.parametrize("service", ["sts", "iam"])
def test_iam_and_sts_are_never_behind(service: str) -> None:
    assert catalogue.find(service, form(b"Action=GetUser")) is None
