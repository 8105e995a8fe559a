"""Read a request to a service behind, once: the permissions it needs, and the request anew, as it was understood.

What goes on is what was judged. Of JSON and forms nothing else reaches the service behind; of paths and objects the
request goes on as it came, after all that could be read otherwise was refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from daypass.localaws import query
from daypass.localaws.faults import Protocol
from daypass.localaws.needs import dynamodb, json_protocol, kms, other, resource_policies, s3, secretsmanager, sqs, ssm
from daypass.localaws.needs.model import Need, Unreadable
from daypass.localaws.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.localaws.needs.model import Body, Here
    from daypass.localaws.services.catalogue import Behind

    Needs = Callable[[str, Body, Here], tuple[Need, ...] | Unreadable]

_KNOWN: Final[Mapping[str, Needs]] = {
    "secretsmanager": secretsmanager.needs,
    "ssm": ssm.needs,
    "kms": kms.needs,
    "dynamodb": dynamodb.needs,
    "dynamodbstreams": dynamodb.needs,
    "sqs": sqs.needs,
}
_JSON_VERSIONS: Final = {Protocol.JSON: "1.1", Protocol.JSON_1_0: "1.0", Protocol.JSON_WITH_QUERY_CODES: "1.0"}
_FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"
_NUMBERED: Final = re.compile(r"(Attribute|Tag|TagKey)\.([0-9]{1,4})(?:\.(Name|Value|Key))?")
# Not passed on by any protocol.
_NEVER: Final = frozenset({"x-amz-target", "x-http-method-override", "x-http-method", "x-method-override", "action"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A request as it was understood.

    Attributes:
        operation: its name in the service's model; empty for S3.
        needs: the permissions.
        request: what may go on to the service behind.
        policy: the text of a resource's policy that it would store; None for none.
        known: whether the resources of the service are known here.
    """

    operation: str
    needs: tuple[Need, ...]
    request: WireRequest = field(repr=False)
    policy: str | None = field(default=None, repr=False)
    known: bool = True


def read(behind: Behind, request: WireRequest, here: Here) -> Reading | Unreadable:
    """Read a request."""
    if behind.protocol is Protocol.S3:
        return _of_s3(request)
    if behind.protocol in _JSON_VERSIONS:
        return _of_json(behind, request, here)
    if behind.protocol in {Protocol.QUERY, Protocol.EC2}:
        return _of_form(behind, request, here)
    operation = other.in_path(behind, request)
    if isinstance(operation, Unreadable):
        return operation
    headers = tuple((name, value) for name, value in request.headers if name not in _NEVER)
    anew = WireRequest(request.method, request.path, request.query, headers, request.body)
    return Reading(operation, (other.need(behind, operation, request.method),), anew, known=False)


def _of_s3(request: WireRequest) -> Reading | Unreadable:
    needed = s3.needs(request)
    if isinstance(needed, Unreadable):
        return needed
    stores = any(need.action == "s3:PutBucketPolicy" for need in needed)
    policy = request.body.decode("utf-8", "replace") if stores else None
    return Reading("", needed, request, policy)


def _of_json(behind: Behind, request: WireRequest, here: Here) -> Reading | Unreadable:
    call = json_protocol.read(behind.model, behind.target, request)
    if isinstance(call, Unreadable):
        return call
    if behind.model == "sqs":
        fault = _url_of_path(request.path, call.body)
        if fault is not None:
            return fault
    anew = json_protocol.written(request, behind.target, call, version=_JSON_VERSIONS[behind.protocol])
    return _judged(behind, call, request.method, anew, here)


def _of_form(behind: Behind, request: WireRequest, here: Here) -> Reading | Unreadable:
    given = query.parameters(request)
    operation = other.in_form(behind, given)
    if isinstance(operation, Unreadable) or not isinstance(given, dict):
        return operation if isinstance(operation, Unreadable) else Unreadable("the form cannot be read")
    body: Body = dict(given)
    if behind.model == "sqs":
        fault = _url_of_path(request.path, body)
        if fault is not None:
            return fault
        if "QueueUrl" in body:
            given["QueueUrl"] = body["QueueUrl"]
        body = _unnumbered(body)
    headers = (
        *((name, value) for name, value in request.headers if name in {"host", "accept", "date", "x-amz-date"}),
        ("content-type", _FORM_TYPE),
    )
    anew = WireRequest("POST", "/", "", headers, urlencode(given).encode())
    return _judged(behind, json_protocol.Call(operation, body), request.method, anew, here)


def _judged(
    behind: Behind, call: json_protocol.Call, method: str, anew: WireRequest, here: Here
) -> Reading | Unreadable:
    known = _KNOWN.get(behind.model)
    if known is None:
        policy = resource_policies.stored(behind.model, call.operation, call.body)
        return Reading(call.operation, (other.need(behind, call.operation, method),), anew, policy, known=False)
    needed = known(call.operation, call.body, here)
    if isinstance(needed, Unreadable):
        return needed
    policy = resource_policies.stored(behind.model, call.operation, call.body)
    return Reading(call.operation, needed, anew, policy)


def _url_of_path(path: str, body: Body) -> Unreadable | None:
    """A queue may be named by the path alone; where path and member both name one, they must agree."""
    if path == "/":
        return None
    named = body.get("QueueUrl")
    if named is None:
        body["QueueUrl"] = f"http://localhost{path}"
    elif not str(named).endswith(path):
        return Unreadable("path and `QueueUrl` name two queues")
    return None


def _unnumbered(given: Mapping[str, Any]) -> Body:
    """Attributes and tags out of the query protocol's `Attribute.1.Name`, `Attribute.1.Value` and the like."""
    body: Body = dict(given)
    pairs: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in given.items():
        numbered = _NUMBERED.fullmatch(name)
        if numbered is not None:
            pairs.setdefault((numbered[1], numbered[2]), {})[numbered[3] or ""] = value
    for (kind, _), pair in pairs.items():
        if kind == "TagKey":
            body.setdefault("TagKeys", []).append(pair.get("", ""))
        else:
            name = pair.get("Name" if kind == "Attribute" else "Key", "")
            body.setdefault("Attributes" if kind == "Attribute" else "Tags", {})[name] = pair.get("Value", "")
    return body
