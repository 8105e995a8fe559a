"""Any other service: the action is told by the request's protocol; resources and the service's own keys are not known.

So only statements on all resources count, and none about a condition key that is not known here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from daypass.localaws import model
from daypass.localaws.faults import AwsError, Protocol
from daypass.localaws.needs.model import TAG_KEYS, Need, Unreadable

if TYPE_CHECKING:
    from daypass.localaws.services.catalogue import Behind
    from daypass.localaws.wire import WireRequest

# Where the action is not called like the operation (Service Authorization Reference).
_ACTIONS: Final = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("lambda", "InvokeAsync"): "InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "InvokeFunction",
    ("lambda", "GetLayerVersionByArn"): "GetLayerVersion",
}
_VERB_IS_ACTION: Final = frozenset({"apigateway", "apigatewayv2"})
_DATED: Final = re.compile(r"\d{4}_\d{2}_\d{2}\Z")
# Every reader of URLs makes the same path of these.
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9._~$&'()*+,=:@!-]|/(?!/)|%[0-9A-Fa-f]{2})*")
_DOTS: Final = re.compile(r"(?:^|/)(?:\.|%2[eE]){1,2}(?:/|$)")
# Headers and parameters that a reader of requests might take for an operation.
_NOT_IN_REST: Final = frozenset(
    {"x-amz-target", "action", "x-http-method-override", "x-http-method", "x-method-override"}
)


def need(behind: Behind, operation: str, method: str) -> Need:
    """The permission for an operation."""
    action = _ACTIONS.get((behind.model, operation), _DATED.sub("", operation))
    if behind.model in _VERB_IS_ACTION:
        action = method
    shown = None if behind.protocol is Protocol.EC2 else "*"
    unknown = frozenset({f"{behind.prefix}:", "aws:requesttag/", "aws:resourcetag/", "aws:tagkeys"})
    return Need(f"{behind.prefix}:{action}", None, shown, multivalued=TAG_KEYS, unknown=unknown)


def in_form(behind: Behind, given: dict[str, str] | AwsError) -> str | Unreadable:
    """The operation of a form."""
    if isinstance(given, AwsError):
        return Unreadable("the form cannot be read")
    described = model.operation(behind.model, given.get("Action", ""))
    return Unreadable("`Action` names no operation of the service") if described is None else described.name


def in_path(behind: Behind, request: WireRequest) -> str | Unreadable:
    """The operation of a request of the REST protocols."""
    if not _PATH.fullmatch(request.path) or _DOTS.search(request.path):
        return Unreadable("the path holds a character that should be percent-encoded")
    if _takes_action(request):
        return Unreadable("the request could be read as a form with an `Action`")
    return _routed(behind, request)


def _takes_action(request: WireRequest) -> bool:
    """Whether the service behind might take an operation out of a header, the query or the body."""
    if any(name.replace("_", "-") in _NOT_IN_REST or name == "content-encoding" for name, _ in request.headers):
        return True
    pairs = parse_qsl(request.query, keep_blank_values=True)
    in_body = parse_qsl(request.body.decode("latin-1"), keep_blank_values=True) if b"ction" in request.body else []
    return any(name.lower() == "action" for name, _ in (*pairs, *in_body))


def _routed(behind: Behind, request: WireRequest) -> str | Unreadable:
    """By the router of the service behind, so that both take the same operation."""
    from moto.core.request import Request  # noqa: PLC0415 - an optional part, and slow to import
    from moto.core.routing import get_service_router  # noqa: PLC0415 - likewise
    from werkzeug.exceptions import HTTPException  # noqa: PLC0415 - likewise

    url = f"http://localhost{request.path}{'?' + request.query if request.query else ''}"
    if urlsplit(url).netloc != "localhost":
        return Unreadable("the path is none")
    try:
        found, _ = get_service_router(behind.model).match(
            Request.from_primitives(request.method, url, dict(request.headers), request.body)
        )
    except (HTTPException, NotImplementedError):
        return Unreadable("method and path are of no operation of the service")
    return str(found.name)
