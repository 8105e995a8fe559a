"""AWS's JSON protocol: the operation is in `X-Amz-Target`, its members are in the body.

What is read here is all that the service behind is given: the request is written anew from it. A body could otherwise
be a form to moto's reader, which takes an `Action=` out of any text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.localaws import model
from daypass.localaws.faults import AwsError
from daypass.localaws.needs.json_types import misfit
from daypass.localaws.needs.model import Unreadable
from daypass.localaws.wire import WireRequest

if TYPE_CHECKING:
    from daypass.localaws.needs.model import Body

# What a form would be made of.
_OF_FORMS: Final = {ord("&"): "\\u0026", ord("="): "\\u003d", ord("%"): "\\u0025", ord("+"): "\\u002b"}
_KEPT: Final = ("host", "x-amzn-query-mode", "accept", "date", "x-amz-date")


@dataclass(frozen=True, slots=True)
class Call:
    """An operation and its members, as they were read."""

    operation: str
    body: Body


def read(service: str, target: str, request: WireRequest) -> Call | Unreadable:
    """Read a request.

    Args:
        service: botocore's name of the model.
        target: what stands before the operation in `X-Amz-Target`.
        request: the request.
    """
    targets = request.all("x-amz-target")
    named = re.fullmatch(re.escape(target) + r"\.([A-Za-z0-9]+)", targets[0]) if len(targets) == 1 else None
    operation = None if named is None else model.operation(service, named[1])
    if operation is None:
        return Unreadable("X-Amz-Target names no operation of the service")
    # Any reader will do, for what it made of the body is what goes on; so a member that comes twice is its last one.
    try:
        body = json.loads((request.body or b"{}").decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Unreadable("the body is not JSON that can be read")
    if not isinstance(body, dict):
        return Unreadable("the body is not a JSON object")
    told = misfit(operation, body)
    return Call(operation.name, body) if told is None else Unreadable(told[1], AwsError(told[0], 400, told[1]))


def _no_constant(text: str) -> None:
    """`NaN` and `Infinity` are no JSON (RFC 8259 section 6)."""
    raise ValueError(text)


def written(request: WireRequest, target: str, call: Call, *, version: str) -> WireRequest:
    """The request anew, from what was read; `version` is of the JSON protocol, such as `1.1`."""
    text = json.dumps(call.body, separators=(",", ":")).translate(_OF_FORMS)
    headers = (
        *((name, value) for name, value in request.headers if name in _KEPT),
        ("content-type", f"application/x-amz-json-{version}"),
        ("x-amz-target", f"{target}.{call.operation}"),
    )
    return WireRequest("POST", "/", "", headers, text.encode())
