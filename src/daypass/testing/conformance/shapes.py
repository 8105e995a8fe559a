"""An answer of the query protocol held against botocore's model of the operation: form, members, types, limits."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, StructureShape
from botocore.parsers import ResponseParserError, create_parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from botocore.model import OperationModel, Shape

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_NOT_HELD: Final = {"webIdentitySubjectType"}
"""Shapes whose limits AWS itself was observed not to keep: a subject may be empty, and may be long."""


@cache
def sts_model() -> ServiceModel:
    """Give botocore's model of STS."""
    return ServiceModel(Loader().load_service_model("sts", "service-2"), "sts")


def parsed(operation: OperationModel, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """What botocore's own parser reads. An answer that it cannot read is `{"Error": {}}`."""
    parser = create_parser(operation.service_model.metadata["protocol"])
    answer = {"status_code": status, "headers": dict(headers), "body": body}
    try:
        return dict(parser.parse(answer, operation.output_shape))
    except (ResponseParserError, KeyError, ValueError):  # an answer of another operation is a KeyError to it
        return {"Error": {}}


def faults(operation: OperationModel, status: int, body: bytes) -> list[str]:
    """What in an answer is against the model; nothing when all is well."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - of the endpoint under test, which may as well not answer
    except ET.ParseError as error:
        return [f"the body is not XML: {error}"]
    namespace = f"{{{operation.service_model.metadata['xmlNamespace']}}}"
    if status >= 300:
        return list(_error_faults(root, namespace))
    shape = operation.output_shape
    if root.tag != f"{namespace}{operation.name}Response":
        return [f"the root is {root.tag}"]
    found = []
    if root.find(f"{namespace}ResponseMetadata/{namespace}RequestId") is None:
        found.append("there is no ResponseMetadata/RequestId")
    wrapper = root.find(namespace + shape.serialization["resultWrapper"])
    if wrapper is None:
        return [*found, f"there is no {shape.serialization['resultWrapper']}"]
    return [*found, *_shape_faults(shape, wrapper, namespace, "")]


def _error_faults(root: Element, namespace: str) -> Iterator[str]:
    if root.tag != f"{namespace}ErrorResponse":
        yield f"the root is {root.tag}"
    for name in ("Error/Type", "Error/Code", "Error/Message", "RequestId"):
        if root.find(namespace + name.replace("/", f"/{namespace}")) is None:
            yield f"there is no {name}"


def _shape_faults(shape: Shape, element: Element, namespace: str, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        by_name = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        present = set()
        for child in element:
            tag = child.tag.removeprefix(namespace)
            if tag not in by_name:
                yield f"{path}{tag} is not a member"
                continue
            name, member = by_name[tag]
            present.add(name)
            yield from _shape_faults(member, child, namespace, f"{path}{name}.")
        yield from (f"{path}{name} is not there" for name in shape.required_members if name not in present)
    elif isinstance(shape, ListShape):
        for child in element:
            yield from _shape_faults(shape.member, child, namespace, f"{path}member.")
    else:
        yield from _scalar_faults(shape, element.text or "", path.removesuffix("."))


def _scalar_faults(shape: Shape, text: str, path: str) -> Iterator[str]:
    if shape.type_name == "timestamp":
        if not _DATE.fullmatch(text):
            yield f"{path} is not a UTC time: {text}"
    elif shape.type_name == "integer":
        if not re.fullmatch("[0-9]+", text):
            yield f"{path} is not a whole number: {text}"
    elif shape.type_name == "string" and shape.name not in _NOT_HELD:
        limits = shape.metadata
        if not limits.get("min", 0) <= len(text) <= limits.get("max", len(text)):
            yield f"{path} has {len(text)} characters"
