"""Naughty strings in every text of every operation of STS and IAM, and in a token: the answers are well-formed XML."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from daypass.localaws import model
from daypass.testing.conformance import shapes
from daypass.tokens import base64url
from support.operations import TRUST, good_form, leaves, operations
from support.tokens import private_key
from support.wire import NAUGHTY, Wire, form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel

    from support.local_aws import LocalAws, Raw

EACH = 9
"""Strings for each member; they go round, so that every string meets many members."""


@pytest.fixture
def wire(aws: LocalAws) -> Iterator[Wire]:
    with Wire(aws.port) as opened:
        for action, more in [
            ("CreateOpenIDConnectProvider", {"Url": "https://idp.example.com", "ThumbprintList.member.1": "a" * 40}),
            ("CreateRole", {"RoleName": "deploy", "AssumeRolePolicyDocument": TRUST}),
        ]:
            pairs = {"Action": action, "Version": "2010-05-08", **more}
            assert opened.signed("iam", form((name, text.encode()) for name, text in pairs.items())).status == 200
        yield opened


def demand_xml(operation: OperationModel, answer: Raw) -> None:
    """Well-formed, in the form of the model, read by botocore, and no failure."""
    assert answer.status < 500 or answer.status == 501, (operation.name, answer)
    text = answer.body.decode("utf-8", "strict")
    ET.fromstring(text)
    faults = shapes.faults(operation, answer.status, answer.body) if answer.status >= 300 else []
    assert not faults, (operation.name, faults, text[:300])
    read = shapes.parsed(operation, answer.status, answer.headers, answer.body)
    assert answer.status < 300 or read["Error"]["Code"]
    assert not any(name.startswith("x-injected") for name in answer.headers)


def test_in_every_text_of_every_operation(wire: Wire) -> None:
    turn, asked, reached = itertools.cycle(NAUGHTY), 0, set()
    for operation in operations():
        given, service = good_form(operation), operation.service_model.service_name
        shape = operation.input_shape
        texts = [] if shape is None else [path for path, leaf, _ in leaves(shape) if leaf.type_name == "string"]
        for path in texts:
            for naughty in itertools.islice(turn, EACH):
                pairs = [*((name, text.encode()) for name, text in given.items() if name != path), (path, naughty)]
                answer = wire.signed(service, form(pairs))
                demand_xml(operation, answer)
                asked += 1
                if answer.status == 501:
                    break
                reached.add(operation.name)
    assert asked > 1000
    assert {"CreateRole", "GetRole", "AssumeRoleWithWebIdentity", "CreateOpenIDConnectProvider"} <= reached


@pytest.mark.parametrize("member", ["RoleArn", "RoleSessionName", "WebIdentityToken", "ProviderId", "Policy", "Action"])
def test_in_every_parameter_of_a_login(wire: Wire, member: str) -> None:
    operation = model.service("sts").operation_model("AssumeRoleWithWebIdentity")
    for naughty in NAUGHTY:
        pairs = {**good_form(operation), member: ""}
        body = form([(name, text.encode()) for name, text in pairs.items() if name != member] + [(member, naughty)])
        demand_xml(operation, wire.send("POST", "/", body, {"content-type": "application/x-www-form-urlencoded"}))
        demand_xml(operation, wire.send("GET", f"/?{body.decode()}"))


def token_of(aws: LocalAws, claims: dict[str, Any]) -> bytes:
    """Signed as it is: what no careful issuer would sign."""
    key = private_key()
    now = int(aws.clock().timestamp())
    every = {"iss": aws.issuer.url, "sub": "workspace:one", "aud": "sts.amazonaws.com", "iat": now, "exp": now + 300}
    parts = ({"alg": "ES256", "kid": key.kid}, {**every, **claims})
    content = b".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    return content + b"." + base64url.encode(key.sign(content))


@pytest.mark.parametrize(
    "claim",
    ["iss", "sub", "aud", "azp", "amr", "email", "https://aws.amazon.com/source_identity", "exp", "tag", "roles"],
)
def test_in_every_claim(aws: LocalAws, wire: Wire, claim: str) -> None:
    operation = model.service("sts").operation_model("AssumeRoleWithWebIdentity")
    aws.prepare_open()
    granted = 0
    for naughty in NAUGHTY:
        text = naughty.decode("utf-8", "surrogatepass" if b"\xed" in naughty else "replace")
        value: dict[str, Any] = {claim: text}
        if claim == "tag":
            value = {"https://aws.amazon.com/tags": {"principal_tags": {text: [text]}, "transitive_tag_keys": [text]}}
        elif claim == "roles":
            value = {"https://aws.amazon.com/roles": [text]}
        pairs = [("Action", b"AssumeRoleWithWebIdentity"), ("Version", b"2011-06-15"), ("RoleSessionName", b"job")]
        pairs += [("RoleArn", aws.role_arn("open").encode()), ("WebIdentityToken", token_of(aws, value))]
        answer = wire.send("POST", "/", form(pairs), {"content-type": "application/x-www-form-urlencoded"})
        demand_xml(operation, answer)
        if answer.status == 200 and claim == "sub":
            read = shapes.parsed(operation, 200, answer.headers, answer.body)
            assert read["SubjectFromWebIdentityToken"] == "".join(c if carried(c) else "\ufffd" for c in text)
        granted += answer.status == 200
        why = answer.headers.get("x-daypass-why")
        if why is not None:
            assert isinstance(json.loads(wire.send("GET", why).body), dict)
    if claim in {"sub", "amr", "email"}:
        assert granted > 20


def carried(character: str) -> bool:
    """Whether XML 1.0 has a form for a character (section 2.2, production Char)."""
    return (
        character in "\t\n\r"
        or "\x20" <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character > "\uffff"
    )


@pytest.mark.parametrize("naughty", NAUGHTY, ids=repr)
def test_a_description_comes_back_as_it_was_or_is_refused(wire: Wire, naughty: bytes) -> None:
    pairs = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "told", "AssumeRolePolicyDocument": TRUST}
    body = form([*((name, text.encode()) for name, text in pairs.items()), ("Description", naughty)])
    answer = wire.signed("iam", body)
    operation = model.service("iam").operation_model("CreateRole")
    demand_xml(operation, answer)
    if answer.status == 200:
        read = shapes.parsed(operation, 200, answer.headers, answer.body)["Role"]
        assert (read.get("Description") or "") == naughty.decode()
    else:
        assert answer.status == 400


def test_in_paths_and_headers(wire: Wire) -> None:
    for naughty in NAUGHTY:
        quoted = form([("x", naughty)]).decode()
        line = naughty.decode("latin-1").translate(dict.fromkeys((0, 10, 13)))
        for target, headers in [
            (f"/{quoted}", {}),
            (f"/?{quoted}", {}),
            (f"/_daypass/why/{quoted}", {}),
            ("/", {"authorization": line}),
            ("/", {"authorization": f"AWS4-HMAC-SHA256 Credential={line}/20260101/us-east-1/iam/aws4_request"}),
            ("/", {"x-amz-date": line}),
            ("/", {"x-amz-target": line}),
            ("/", {"content-type": line}),
            ("/", {"x-amz-security-token": line}),
            ("/", {"origin": line}),
            ("/", {"host": line}),
            ("/", {"user-agent": line}),
        ]:
            for method in ("GET", "POST"):
                answer = wire.send(method, target, b"Action=GetCallerIdentity&Version=2011-06-15", headers)
                assert answer.status < 500 or answer.status == 501, (target, headers, answer)
                if "xml" in answer.headers.get("content-type", ""):
                    ET.fromstring(answer.body.decode())
