"""AWS's query protocol, by the service's model: a flat form comes in, an XML document goes out.

In: `Tags.member.1.Key=a` and the like, as a POST form or a GET query. Out: `<XResponse><XResult>…</XResult>
<ResponseMetadata>…`. What is asked and answered is described by botocore's model; nothing here knows an operation.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, StringShape, StructureShape

from daypass.localaws import model
from daypass.localaws.faults import XML, AwsError
from daypass.localaws.wire import Reply, WireRequest
from daypass.localaws.xml import escaped
from daypass.sts.constraints import NumberConstraint, TextConstraint, validation_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel, Shape

Writer: TypeAlias = "Callable[[Any], str]"
Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value]"

_MAX_FIELDS: Final = 1000
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,12}")
_SYNTAX_ERROR: Final = AwsError("MalformedQueryString", 400, "The query string contains a syntax error.")
_MALFORMED_INPUT: Final = AwsError("MalformedInput", 400, "")


def parameters(request: WireRequest) -> dict[str, str] | AwsError:
    """The parameters of a call: of the form when there is one, else of the query; without the signature's own."""
    text = request.query
    if request.method == "POST" and request.body:
        try:
            text = request.body.decode("ascii")
        except UnicodeDecodeError:
            return _SYNTAX_ERROR
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        return _SYNTAX_ERROR
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            return _SYNTAX_ERROR
        if not name.startswith("X-Amz-"):
            found[name] = value
    return found


def read_input(operation: OperationModel, given: Mapping[str, str]) -> dict[str, Value] | AwsError:
    """The input of an operation by its model, every limit of the model held; unknown parameters are left out."""
    shape = operation.input_shape
    if shape is None:
        return {}
    tree: dict[str, Any] = {}
    for name, text in given.items():
        node, *steps = tree, *name.split(".")
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                return _SYNTAX_ERROR
        if isinstance(node.get(steps[-1]), dict):
            return _SYNTAX_ERROR
        node[steps[-1]] = text
    reader = _Reader()
    value = reader.structure(shape, tree, "")
    if reader.malformed:
        return _MALFORMED_INPUT
    if reader.faults:
        return AwsError("ValidationError", 400, validation_error(reader.faults))
    return value


class _Reader:
    """Reads shapes out of the tree of a form, and collects what is against the model."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.malformed = False

    def structure(self, shape: StructureShape, tree: dict[str, Any], path: str) -> dict[str, Value]:
        value: dict[str, Value] = {}
        for name, member in shape.members.items():
            member_path = path + name[:1].lower() + name[1:]
            node = tree.get(member.serialization.get("name", name))
            if node is not None:
                value[name] = self.any(member, node, member_path)
            elif name in shape.required_members:
                self.faults += TextConstraint(member_path, required=True).faults(None)
        return value

    def any(self, shape: Shape, node: object, path: str) -> Value:
        if isinstance(shape, ListShape):
            return self.list(shape, node, path)
        if isinstance(shape, StructureShape):
            if isinstance(node, dict):
                return self.structure(shape, node, f"{path}.")
        elif isinstance(shape, MapShape):
            return self.map(shape, node, path)
        elif isinstance(node, str):
            return self.scalar(shape, node, path)
        self.malformed = True
        return ""

    def list(self, shape: ListShape, node: object, path: str) -> list[Value]:
        if node == "":
            node = {"member": {}}  # how an empty list is written
        wrapped = node.get(shape.member.serialization.get("name", "member")) if isinstance(node, dict) else None
        if not isinstance(wrapped, dict) or not all(re.fullmatch("[1-9][0-9]{0,4}", index) for index in wrapped):
            self.malformed = True
            return []
        items = [self.any(shape.member, wrapped[index], f"{path}.{index}.member") for index in sorted(wrapped, key=int)]
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
        if len(items) < least:
            self.length_fault(path, f"greater than or equal to {least}")
        if most is not None and len(items) > most:
            self.length_fault(path, f"less than or equal to {most}")
        return items

    def map(self, shape: MapShape, node: object, path: str) -> Value:
        """Written as `entry.1.key` and `entry.1.value`."""
        entries = node.get("entry") if isinstance(node, dict) else None
        value: dict[str, Value] = {}
        for index, entry in entries.items() if isinstance(entries, dict) else ():
            given = entry if isinstance(entry, dict) else {}
            key, item = given.get(shape.key.serialization.get("name", "key")), given.get("value")
            if isinstance(key, str) and item is not None:
                value[key] = self.any(shape.value, item, f"{path}.{index}.value")
            else:
                self.malformed = True
        return value

    def length_fault(self, path: str, bound: str) -> None:
        self.faults.append(f"Value at '{path}' failed to satisfy constraint: Member must have length {bound}")

    def scalar(self, shape: Shape, text: str, path: str) -> Value:
        limits = shape.metadata
        if shape.type_name in {"integer", "long"}:
            if not _INTEGER.fullmatch(text) or abs(int(text)) >= 2**31:
                self.malformed = True
                return 0
            number = int(text)
            if "min" in limits or "max" in limits:
                self.faults += NumberConstraint(
                    path, minimum=limits.get("min", -(2**31)), maximum=limits.get("max", 2**31 - 1)
                ).faults(number)
            return number
        if shape.type_name == "boolean":
            if text not in {"true", "false"}:
                self.malformed = True
            return text == "true"
        self.faults += TextConstraint(
            path,
            min_length=limits.get("min", 0),
            max_length=limits.get("max"),
            values=tuple(shape.enum) if isinstance(shape, StringShape) else (),
            pattern=model.pattern(limits["pattern"]) if "pattern" in limits else None,
            pattern_text=limits.get("pattern", ""),
        ).faults(text)
        return text


def answer(operation: OperationModel, output: Mapping[str, Any], request_id: str, *, namespace: str) -> Reply:
    """The answer of an operation that went well."""
    name = operation.name
    result = _result(operation.service_model.service_name, name)(output)
    body = (
        f'<{name}Response xmlns="{escaped(namespace)}">{result}<ResponseMetadata>'
        f"<RequestId>{escaped(request_id)}</RequestId></ResponseMetadata></{name}Response>"
    )
    return Reply(status=200, body=body.encode(), media_type=XML, headers={"x-amzn-requestid": request_id})


@cache
def _result(service_name: str, action: str) -> Writer:
    """What writes an operation's result. A shape of the model costs more to look at than its value to write."""
    operation = model.operation(service_name, action)
    assert operation is not None, "it has just been carried out"
    shape = operation.output_shape
    if shape is None:
        return lambda _: ""
    wrapper = shape.serialization.get("resultWrapper", f"{action}Result")
    return _element(wrapper, shape)


def _element(tag: str, shape: Shape) -> Writer:
    start, content, end = f"<{tag}>", _content(shape), f"</{tag}>"
    return lambda value: start + content(value) + end


def _content(shape: Shape) -> Writer:
    if isinstance(shape, StructureShape):
        return _members(shape)
    if isinstance(shape, ListShape):
        item = _element("member", shape.member)
        return lambda value: "".join(map(item, value))
    if isinstance(shape, MapShape):
        return _entries(shape)
    return _text


def _entries(shape: MapShape) -> Writer:
    key, value = _element("key", shape.key), _element("value", shape.value)
    return lambda entries: "".join(f"<entry>{key(name)}{value(one)}</entry>" for name, one in entries.items())


def _members(shape: StructureShape) -> Writer:
    elements = {
        name: _element(member.serialization.get("name", name), member) for name, member in shape.members.items()
    }

    def write(value: Mapping[str, Any]) -> str:
        unknown = value.keys() - elements.keys()
        assert not unknown, f"{shape.name} has no {unknown}"
        return "".join([element(value[name]) for name, element in elements.items() if value.get(name) is not None])

    return write


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    return escaped(str(value))
