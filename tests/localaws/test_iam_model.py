"""Every operation of IAM against botocore's model: its answer's shape, and each limit of each parameter.

Inputs that break one limit are made out of the model, one step under and one step over; nothing here is a list of
parameters that could be forgotten.
"""

from __future__ import annotations

import copy
import itertools
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, StringShape, StructureShape
from botocore.serialize import QuerySerializer

from daypass.localaws import iam as local_iam
from daypass.localaws import model
from daypass.localaws import sts as local_sts
from support.iam_account import GOOD, furnish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, Shape

    from support.local_aws import LocalAws

NO_CHECKS = Config(parameter_validation=False, retries={"max_attempts": 0})


def operation(name: str, service: str = "iam") -> OperationModel:
    found = model.operation(service, name)
    assert found is not None
    return found


def test_every_operation_has_a_good_input() -> None:
    assert GOOD.keys() == local_iam.OPERATIONS.keys()
    for name, given in GOOD.items():
        shape = operation(name).input_shape
        members = set() if shape is None else set(shape.members)
        assert members - set(given) <= {"Marker", "PolicyId"}, name


# -------------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_answer_has_the_models_shape(aws: LocalAws, name: str) -> None:
    """Every required member, no member that the model does not know, and each value of its type."""
    client = aws.client("iam")
    furnish(client)
    if name in {"DisableOutboundWebIdentityFederation", "GetOutboundWebIdentityFederationInfo"}:
        client.enable_outbound_web_identity_federation()
    bodies: list[bytes] = []
    client.meta.events.register("before-parse.iam", lambda response_dict, **_: bodies.append(response_dict["body"]))
    _call(client, name, GOOD[name])
    root = ET.fromstring(bodies[-1])
    namespace = model.namespace("iam")
    assert root.tag == f"{{{namespace}}}{name}Response"
    result = root.find(f"{{{namespace}}}{name}Result")
    shape = operation(name).output_shape
    if shape is None:
        assert result is None
    else:
        assert result is not None
        _conforms(result, shape, name)


def _call(client: Any, name: str, given: dict[str, Any]) -> Any:
    return client._make_api_call(name, given)


def _conforms(element: ET.Element, shape: Shape, path: str) -> None:
    text = element.text or ""
    children = {_tag(child): child for child in element}
    if isinstance(shape, StructureShape):
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        assert children.keys() <= known.keys(), f"{path}: {children.keys() - known.keys()} unknown"
        missing = set(shape.required_members) - children.keys()
        assert not missing, f"{path}: {missing} missing"
        for name, child in children.items():
            _conforms(child, known[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for child in element:
            assert _tag(child) == "member", path
            _conforms(child, shape.member, f"{path}[]")
    elif isinstance(shape, MapShape):
        for entry in element:
            key, value = list(entry)
            assert (_tag(entry), _tag(key), _tag(value)) == ("entry", "key", "value")
            _conforms(key, shape.key, f"{path} key")
            _conforms(value, shape.value, f"{path} value")
    elif shape.type_name in {"integer", "long"}:
        assert re.fullmatch("[0-9]+", text), path
    elif shape.type_name == "boolean":
        assert text in {"true", "false"}, path
    elif shape.type_name == "timestamp":
        assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", text), path
    else:
        assert shape.type_name == "string", path
        # AWS's own answer is not in its model: see `shown_boundary`.
        if isinstance(shape, StringShape) and shape.enum and shape.name != "PermissionsBoundaryAttachmentType":
            assert text in shape.enum, f"{path}: {text}"


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


# -------------------------------------------------------------------------------------------------------- limits


class Breach(NamedTuple):
    """An input that is against the model at one place, and what AWS says about it."""

    operation: str
    place: str
    kind: str
    given: dict[str, Any]
    told: str


def breaches(name: str, good: dict[str, Any], service: str = "iam") -> Iterator[Breach]:
    shape = operation(name, service).input_shape
    if shape is None:
        return
    for member in shape.required_members:
        given = {key: value for key, value in good.items() if key != member}
        yield Breach(
            name, _camel(member), "absent", given,
            f"Value null at '{_camel(member)}' failed to satisfy constraint: Member must not be null",
        )  # fmt: skip
    for place, at, limited in _limited(shape, [], ""):
        for kind, value, told in _values(limited):
            given = copy.deepcopy(good)
            _set(given, at, value)
            shown = "" if isinstance(value, list) else f" '{value}'"
            yield Breach(
                name, place, kind, given, f"Value{shown} at '{place}' failed to satisfy constraint: Member must {told}"
            )


def _limited(shape: Shape, at: list[str | int], place: str) -> Iterator[tuple[str, list[str | int], Shape]]:
    """Every place of an input that has limits: its name as AWS prints it, and the way there."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from _limited(member, [*at, name], f"{place}{'.' if place else ''}{_camel(name)}")
        return
    yield place, at, shape
    if isinstance(shape, ListShape):
        yield from _limited(shape.member, [*at, 0], f"{place}.1.member")


def _values(shape: Shape) -> Iterator[tuple[str, Any, str]]:
    """A value on each forbidden side of a limit, and AWS's words for it."""
    limits = shape.metadata
    if isinstance(shape, ListShape):
        if "max" in limits:
            item = (
                dict.fromkeys(shape.member.members, "k" * 40) if isinstance(shape.member, StructureShape) else "k" * 40
            )
            yield "long", [item] * (limits["max"] + 1), f"have length less than or equal to {limits['max']}"
    elif shape.type_name in {"integer", "long"}:
        if "min" in limits:
            yield "low", limits["min"] - 1, f"have value greater than or equal to {limits['min']}"
        if "max" in limits:
            yield "high", limits["max"] + 1, f"have value less than or equal to {limits['max']}"
    elif isinstance(shape, StringShape):
        if shape.enum:
            yield "enum", "Nonsense", f"satisfy enum value set: [{', '.join(shape.enum)}]"
        if limits.get("min"):
            yield "short", "a" * (limits["min"] - 1), f"have length greater than or equal to {limits['min']}"
        if "max" in limits:
            yield "long", "a" * (limits["max"] + 1), f"have length less than or equal to {limits['max']}"
        snowmen = "\u2603" * 40
        if "pattern" in limits and not model.pattern(limits["pattern"]).fullmatch(snowmen):
            yield "pattern", snowmen, f"satisfy regular expression pattern: {limits['pattern']}"


def _set(given: dict[str, Any], at: list[str | int], value: object) -> None:
    node: Any = given
    for step, after in itertools.pairwise(at):
        if isinstance(step, str):
            node = node.setdefault(step, [] if isinstance(after, int) else {})
        else:
            if not node:
                node.append({})
            node = node[step]
    last = at[-1]
    if isinstance(last, int) and not node:
        node.append(value)
    else:
        node[last] = value


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def test_every_limit_is_told_in_awss_words(aws: LocalAws) -> None:
    """Over the wire, through botocore without its own checks."""
    client = aws.client("iam", config=NO_CHECKS)
    furnish(client)
    every = [breach for name in GOOD for breach in breaches(name, GOOD[name])]
    assert len(every) > 250
    wrong = []
    for breach in every:
        try:
            _call(client, breach.operation, breach.given)
            answer = {"Code": "", "Message": "taken"}
        except ClientError as fault:
            answer = fault.response["Error"]
        count = re.match(r"([0-9]+) validation errors? detected: ", answer["Message"])
        if answer["Code"] != "ValidationError" or count is None or breach.told not in answer["Message"]:
            wrong.append((breach.operation, breach.place, breach.kind, breach.told[-200:], answer["Message"][-300:]))
    assert wrong == []


def test_every_limit_of_a_web_identity_is_told(aws: LocalAws) -> None:
    """STS prints an entry of a list without its number, shows lists, and keeps what is secret to itself."""
    client = aws.client("sts", config=NO_CHECKS)
    good = {
        "RoleArn": aws.role_arn(),
        "RoleSessionName": "job",
        "WebIdentityToken": aws.token(),
        "ProviderId": "www.amazon.com",
        "PolicyArns": [{"arn": aws.role_arn()}],
        "Policy": "{}",
        "DurationSeconds": 900,
    }
    # A parameter that STS does not look at yet.
    unread = "minimumSessionTokenSize"
    every = [each for each in breaches("AssumeRoleWithWebIdentity", good, "sts") if each.place != unread]
    assert {breach.place for breach in every} >= {_camel(member) for member in good} - {"policyArns"}
    wrong = []
    for breach in every:
        with pytest.raises(ClientError) as caught:
            client.assume_role_with_web_identity(**breach.given)
        answer = caught.value.response["Error"]
        place = breach.place.replace(".1.", ".")
        told = f"at '{place}' failed{breach.told.partition(' failed')[2]}"
        if answer["Code"] != "ValidationError" or told not in answer["Message"]:
            wrong.append((breach.place, breach.kind, told[-200:], answer["Message"][-200:]))
    assert wrong == []


def test_every_limit_of_the_other_operations_of_sts_is_told(ready: LocalAws) -> None:
    """As a session, which may ask for all of them."""
    ready.permit({"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    client = ready.client("sts", ready.assume()["Credentials"], config=NO_CHECKS)
    goods: dict[str, dict[str, Any]] = {
        "AssumeRole": {
            "RoleArn": ready.role_arn(),
            "RoleSessionName": "job",
            "PolicyArns": [{"arn": ready.role_arn()}],
            "Policy": "{}",
            "DurationSeconds": 900,
            "Tags": [{"Key": "k", "Value": "v"}],
            "TransitiveTagKeys": ["k"],
            "ExternalId": "external",
            "SourceIdentity": "source",
        },
        "GetAccessKeyInfo": {"AccessKeyId": "ASIAEXAMPLEEXAMPLE12"},
        "DecodeAuthorizationMessage": {"EncodedMessage": "message"},
        "GetWebIdentityToken": {"Audience": ["a"], "SigningAlgorithm": "RS256", "DurationSeconds": 300},
        "GetSessionToken": {"DurationSeconds": 900},
        "GetFederationToken": {"Name": "name", "DurationSeconds": 900},
    }
    assert goods.keys() | {"GetCallerIdentity"} == local_sts.OPERATIONS.keys()
    wrong, asked = [], 0
    for name, good in goods.items():
        for breach in breaches(name, good, "sts"):
            asked += 1
            try:
                _call(client, name, breach.given)
                answer = {"Code": "", "Message": "taken"}
            except ClientError as fault:
                answer = fault.response["Error"]
            if answer["Code"] != "ValidationError" or breach.told not in answer["Message"]:
                wrong.append((name, breach.place, breach.kind, breach.told[-150:], answer["Message"][-200:]))
    assert asked > 40
    assert wrong == []


def test_values_at_the_limits_are_inside(aws: LocalAws) -> None:
    """One step less than a breach is none: the answer, whatever it is, is no validation error of this place."""
    client = aws.client("iam", config=NO_CHECKS)
    furnish(client)
    wrong = []
    for name in GOOD:
        shape = operation(name).input_shape
        for place, at, limited in () if shape is None else _limited(shape, [], ""):
            limits = limited.metadata
            if not isinstance(limited, StringShape) or limited.enum or not ("max" in limits or limits.get("min")):
                continue
            for length in {max(limits.get("min", 0), 1), min(limits.get("max", 1), 5000)}:
                given = copy.deepcopy(GOOD[name])
                _set(given, at, "a" * length)
                try:
                    _call(client, name, given)
                except ClientError as fault:
                    if re.search(rf"at '{re.escape(place)}' failed.*length", fault.response["Error"]["Message"]):
                        wrong.append((name, place, length))
    assert wrong == []


def test_the_inputs_are_what_botocore_would_send() -> None:
    for name, given in GOOD.items():
        assert QuerySerializer().serialize_to_request(given, operation(name))["body"]["Action"] == name
