"""The query protocol both ways: what botocore writes is read, what is written botocore reads."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.parsers import QueryParser
from botocore.serialize import QuerySerializer
from hypothesis import given
from hypothesis import strategies as st

from daypass.localaws import model, query
from daypass.localaws.faults import AwsError, Protocol, reply
from daypass.localaws.wire import WireRequest
from daypass.localaws.xml import escaped

XML_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def operation(name: str) -> Any:
    found = model.operation("iam", name)
    assert found is not None
    return found


@given(st.text())
def test_any_text_survives_or_is_replaced(text: str) -> None:
    element = ET.fromstring(f"<a b='{escaped(text)}'>{escaped(text)}</a>")
    kept = "".join(
        c if c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000" else "\ufffd"
        for c in text
    )
    assert (element.text or "") == kept


@given(
    st.fixed_dictionaries(
        {"Url": st.text("abc/:", min_size=1, max_size=20)},
        optional={
            "ClientIDList": st.lists(st.text("abü &=+%", min_size=1, max_size=9), max_size=12),
            "Tags": st.lists(
                st.fixed_dictionaries(
                    {"Key": st.text("aü1 .", min_size=1, max_size=5), "Value": st.text("aü1 .", max_size=5)}
                ),
                max_size=12,
            ),
        },
    )
)
def test_what_botocore_writes_is_read(value: dict[str, Any]) -> None:
    described = operation("CreateOpenIDConnectProvider")
    serialized = QuerySerializer().serialize_to_request(value, described)
    prepare_request_dict(serialized, "http://127.0.0.1")
    body = create_request_object(serialized).prepare().body
    request = WireRequest("POST", "/", "", (), body if isinstance(body, bytes) else body.encode())
    given_parameters = query.parameters(request)
    assert isinstance(given_parameters, dict)
    assert query.read_input(described, given_parameters) == value


@given(st.lists(XML_TEXT, max_size=4), XML_TEXT)
def test_what_is_written_botocore_reads(client_ids: list[str], url: str) -> None:
    described = operation("GetOpenIDConnectProvider")
    answer = query.answer(described, {"Url": url, "ClientIDList": client_ids}, "id-1", namespace="urn:x")
    parsed = QueryParser().parse({"status_code": 200, "headers": {}, "body": answer.body}, described.output_shape)
    assert parsed["Url"] == url
    assert parsed["ClientIDList"] == client_ids
    assert parsed["ResponseMetadata"]["RequestId"] == "id-1"


@given(XML_TEXT)
def test_errors_are_read_by_botocore(message: str) -> None:
    answer = reply(AwsError("SomeCode", 400, message), Protocol.QUERY, "id-1", namespace="urn:x")
    parsed = QueryParser().parse({"status_code": 400, "headers": {}, "body": answer.body}, None)
    assert parsed["Error"] == {"Type": "Sender", "Code": "SomeCode", "Message": message or None}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Url=a&Url=b", "MalformedQueryString"),
        (b"Url=%ff", "MalformedQueryString"),
        ("Url=ü".encode(), "MalformedQueryString"),
        (b"&".join(b"a%d=1" % n for n in range(1001)), "MalformedQueryString"),
        (b"Url=a&Url.b=c", "MalformedQueryString"),
        (b"Url.b=c&Url=a", "MalformedQueryString"),
        (b"Url.b=c", "MalformedInput"),
        (b"Url=a&ClientIDList=b", "MalformedInput"),
        (b"Url=a&ClientIDList.member.0=b", "MalformedInput"),
        (b"Url=a&ClientIDList.member.x=b", "MalformedInput"),
        (b"Url=a&ClientIDList.member.-1=b", "MalformedInput"),
        (b"Url=a&ClientIDList.member.1.x=b", "MalformedInput"),
        (b"Url=a&Tags.member.1=b", "MalformedInput"),
        (b"", "ValidationError"),
        (b"Url=", "ValidationError"),
        (b"Url=a&Tags.member.1.Key=k", "ValidationError"),
    ],
)
def test_forms_that_are_not_read(body: bytes, code: str) -> None:
    given_parameters = query.parameters(WireRequest("POST", "/", "", (), body))
    read = given_parameters
    if isinstance(given_parameters, dict):
        read = query.read_input(operation("CreateOpenIDConnectProvider"), given_parameters)  # type: ignore[assignment]
    assert isinstance(read, AwsError)
    assert read.code == code


@pytest.mark.parametrize(("text", "value"), [("0900", 900), ("+900", 900), ("5", 5)])
def test_numbers(text: str, value: int) -> None:
    assert query.read_input(operation("ListRoles"), {"MaxItems": text}) == {"MaxItems": value}


@pytest.mark.parametrize("text", [" 900 ", "900.0", "9e2", str(2**31), "", "٣", "1_0"])
def test_what_is_not_a_number(text: str) -> None:
    read = query.read_input(operation("ListRoles"), {"MaxItems": text})
    assert isinstance(read, AwsError)
    assert read.code == "MalformedInput"


@given(st.dictionaries(st.text("Tagsmember.10Key-", max_size=25), st.text(max_size=5), max_size=8))
def test_no_form_breaks_the_reader(parameters: dict[str, str]) -> None:
    assert isinstance(query.read_input(operation("CreateOpenIDConnectProvider"), parameters), AwsError | dict)


@pytest.mark.parametrize("service", ["sts", "iam"])
def test_every_operation_of_the_model_can_be_answered(service: str) -> None:
    namespace = model.namespace(service)
    for action in model.service(service).operation_names:
        found = model.operation(service, action)
        assert found is not None
        document = query.answer(found, {}, "id", namespace=namespace).body
        assert ET.fromstring(document).tag == f"{{{namespace}}}{action}Response"
