"""From requests to permissions: every operation that is known, and requests that have no one reading."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.localaws.needs import s3
from daypass.localaws.needs.model import Here, Need, Unreadable
from daypass.localaws.needs.read import Reading, read
from daypass.localaws.needs.s3_actions import ACTIONS
from daypass.localaws.services import catalogue
from daypass.localaws.wire import WireRequest

HOST = ("host", "127.0.0.1:4566")
DELETE = b"<Delete><Object><Key>k</Key></Object></Delete>"


def asked(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> WireRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return WireRequest(method, path, query, (HOST, *named), body)


def actions(found: tuple[Need, ...] | Unreadable) -> list[str]:
    assert not isinstance(found, Unreadable), found.detail
    return [need.action for need in found]


@pytest.mark.parametrize("operation", s3._operations(), ids=lambda operation: operation.name)
def test_every_operation_of_s3_is_told_from_the_others(operation: s3._Operation) -> None:
    path = {"service": "/", "bucket": "/bkt", "object": "/bkt/k"}[operation.place]
    query = urlencode([*operation.literal, *((name, "1") for name in sorted(operation.required))])
    headers = {name.replace("-", "_"): "bkt/from" for name in operation.headers}
    found = actions(s3.needs(asked(operation.method, path, query, DELETE, **headers)))
    wanted = ACTIONS.get(operation.name, operation.name)
    assert found[0] == f"s3:{'DeleteObject' if operation.name == 'DeleteObjects' else wanted}"
    assert ("s3:GetObject" in found[1:]) is (operation.name in {"CopyObject", "UploadPartCopy", "GetObjectAttributes"})


@pytest.mark.parametrize(
    ("method", "target", "wanted"),
    [
        ("GET", "/bkt/k?versionId=1", "s3:GetObjectVersion"),
        ("GET", "/bkt/k?versionId=", "s3:GetObject"),
        ("GET", "/bkt/k?acl&versionId=1", "s3:GetObjectVersionAcl"),
        ("GET", "/bkt/k?tagging&versionId=1", "s3:GetObjectVersionTagging"),
        ("DELETE", "/bkt/k?versionId=1", "s3:DeleteObjectVersion"),
        ("GET", "/bkt?list-type=2&prefix=a", "s3:ListBucket"),
        ("GET", "/bkt/?prefix=a&delimiter=/", "s3:ListBucket"),
        ("GET", "/bkt/k?x-id=GetObject&response-content-type=a", "s3:GetObject"),
    ],
)
def test_versions_and_parameters(method: str, target: str, wanted: str) -> None:
    path, _, query = target.partition("?")
    assert actions(s3.needs(asked(method, path, query))) == [wanted]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/bkt/k?acl&tagging"), ("GET", "/bkt/k?what"), ("GET", "/bkt/k?versionId=1&versionId=2"),
        ("POST", "/bkt"), ("OPTIONS", "/bkt/k"), ("PUT", "/bkt/k?uploadId=1"), ("GET", "//bkt/k"), ("GET", "/bkt%2Fk"),
        ("GET", "/bkt/k;a"), ("GET", "/bkt/k#a"), ("GET", "/bkt/%ff"), ("GET", "/b"), ("GET", "bkt/k"),
        ("POST", "/bkt?delete"),
    ],
)  # fmt: skip
def test_requests_to_s3_without_one_reading(method: str, target: str) -> None:
    path, _, query = target.partition("?")
    assert isinstance(s3.needs(asked(method, path, query)), Unreadable)


@pytest.mark.parametrize("host", ["a.b.localhost", "www.localhost", "localhost.example", "b.s3.amazonaws.com", ""])
def test_hosts_that_could_hold_a_bucket(host: str) -> None:
    assert isinstance(s3.needs(WireRequest("GET", "/bkt/k", "", (("host", host),), b"")), Unreadable)


def test_headers_that_come_twice_have_no_one_reading() -> None:
    twice = (HOST, ("x-amz-copy-source", "bkt/a"), ("x-amz-copy-source", "bkt/b"))
    assert isinstance(s3.needs(WireRequest("PUT", "/bkt/k", "", twice, b"")), Unreadable)


def test_headers_in_the_query_of_a_presigned_url_count() -> None:
    """As the JavaScript SDK makes such URLs."""
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=a&X-Amz-Date=b"
        "&X-Amz-Expires=900&X-Amz-Security-Token=c&X-Amz-Signature=d&X-Amz-SignedHeaders=host"
        "&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject"
    )
    found = s3.needs(asked("PUT", "/bkt/k", query))
    assert actions(found) == ["s3:PutObject"]
    assert not isinstance(found, Unreadable)
    assert found[0].keys["s3:authType"] == ("REST-QUERY-STRING",)
    assert actions(s3.needs(asked("PUT", "/bkt/k", f"{query}&x-amz-acl=public-read"))) == [
        "s3:PutObject", "s3:PutObjectAcl",
    ]  # fmt: skip
    copied = actions(s3.needs(asked("PUT", "/bkt/k", f"{query}&x-amz-copy-source=other%2Fk")))
    assert copied == ["s3:PutObject", "s3:GetObject"]
    assert isinstance(s3.needs(asked("PUT", "/bkt/k", f"{query}&x-amz-acl=a", x_amz_acl="b")), Unreadable)


def test_deleting_objects_is_a_permission_for_each() -> None:
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>1</VersionId></Object></Delete>"
    found = s3.needs(asked("POST", "/bkt", "delete", body))
    assert not isinstance(found, Unreadable)
    assert [(need.action, need.resource) for need in found] == [
        ("s3:DeleteObject", "arn:aws:s3:::bkt/a"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::bkt/b"),
    ]


def understood(service: str, request: WireRequest) -> Reading | Unreadable:
    behind = catalogue.find(service, request)
    assert behind is not None
    return read(behind, request, Here("us-east-1", "111122223333", lambda _: None))


def test_an_operation_on_what_the_body_does_not_name_has_no_known_resource() -> None:
    request = WireRequest("POST", "/", "", (HOST, ("x-amz-target", "TrentService.RetireGrant")), b"{}")
    found = understood("kms", request)
    assert not isinstance(found, Unreadable)
    assert [need.resource for need in found.needs] == [None]


def test_a_member_that_must_be_there_is_asked_for() -> None:
    request = WireRequest("POST", "/", "", (HOST, ("x-amz-target", "secretsmanager.GetSecretValue")), b"{}")
    found = understood("secretsmanager", request)
    assert isinstance(found, Unreadable)
    assert found.answer is not None
    assert found.answer.code == "ValidationException"


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["x-amz-copy-source", "x-amz-acl", "x-amz-target", "host", "x-amz-tagging"]),
        st.text() | st.sampled_from(["bkt/k", "//[", "secretsmanager.GetSecretValue"]),
    ),
    max_size=3,
).map(tuple)
REQUESTS = st.builds(
    WireRequest,
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "x"]),
    st.text() | st.sampled_from(["/", "/bkt", "/bkt/k", "/bkt/%", "/bkt/%C3"]),
    st.text() | st.sampled_from(["delete", "acl", "uploads", "versionId=%ff", "tagging&versionId=1"]),
    st.one_of(HEADERS, HEADERS.map(lambda headers: (HOST, *headers))),
    st.binary() | st.sampled_from([DELETE, b"<Delete/>", b'{"SecretId": 1}', b'{"SecretIdList": [null]}', b"{}"]),
)


@given(REQUESTS)
def test_no_request_breaks_the_reading(request_: WireRequest) -> None:
    for service in ("s3", "secretsmanager"):
        found = understood(service, request_)
        needed = () if isinstance(found, Unreadable) else found.needs
        assert isinstance(found, Unreadable) or (needed and all(isinstance(need, Need) for need in needed))
