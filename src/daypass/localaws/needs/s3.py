"""S3: the operation is told by method, path, sub-resource and headers, as botocore's model of S3 describes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, parse_qsl, unquote, urlparse
from xml.parsers.expat import ExpatError

from daypass.localaws import model
from daypass.localaws.needs.model import Need, Unreadable
from daypass.localaws.needs.s3_actions import (
    ACTIONS,
    BESIDES,
    BESIDES_BUCKET,
    CALLED_LIKE_THEIR_OPERATION,
    COPIES,
    VERSIONED,
    WRITES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView, Mapping

    from daypass.localaws.wire import WireRequest

_QUERY_KEYS: Final = {
    "prefix": "s3:prefix",
    "delimiter": "s3:delimiter",
    "max-keys": "s3:max-keys",
    "versionId": "s3:VersionId",
}
_HEADER_KEYS: Final = tuple(
    f"x-amz-{name}"
    for name in (
        *("acl", "copy-source", "metadata-directive", "server-side-encryption", "storage-class", "content-sha256"),
        *("grant-read", "grant-write", "grant-read-acp", "grant-write-acp", "grant-full-control"),
        *("server-side-encryption-aws-kms-key-id", "server-side-encryption-customer-algorithm"),
    )
)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
# One label only, and none that the service behind would take for itself.
_BUCKET_IN_HOST: Final = re.compile(r"(?!localhost|localstack|www\.)([a-z0-9-]{3,63})\.localhost(?::[0-9]+)?")
_PATH_STYLE: Final = re.compile(r"(?:localhost|\[::1\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[A-Za-z0-9-]+)(?::[0-9]+)?")
# Of these characters every reader of URLs makes the same path; `;` and `#` would end it for the service behind.
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9._~/!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})*")
_HEADER: Final = "x-amz-"
_MAX_KEYS: Final = 1000
_ARN: Final = "arn:aws:s3:::"


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    method: str
    place: str
    literal: frozenset[tuple[str, str]]
    required: frozenset[str]
    headers: frozenset[str]
    known: frozenset[str]


def needs(request: WireRequest) -> tuple[Need, ...] | Unreadable:
    """The permissions for a request."""
    place = _place(request)
    if isinstance(place, Unreadable):
        return place
    bucket, key = place
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        return Unreadable("the query cannot be read")
    given = {name: value for name, value in pairs if name != "x-id" and not name.lower().startswith(_HEADER)}
    if len({name for name, _ in pairs}) != len(pairs):
        return Unreadable("a parameter of the query comes twice")
    # A presigned URL has its headers in the query.
    written = [
        *((name, value) for name, value in request.headers if name.startswith(_HEADER)),
        *((name.lower(), value) for name, value in pairs if name.lower().startswith(_HEADER)),
    ]
    headers = dict(written)
    if len(headers) != len(written):
        return Unreadable("a header that S3 reads comes twice")
    where = "object" if key else "bucket" if bucket else "service"
    name = _operation(request.method, where, given, headers.keys())
    if name is None:
        return Unreadable("method, path and parameters are of no operation whose permission is known here")
    keys = {
        **{key: (given[name],) for name, key in _QUERY_KEYS.items() if name in given},
        **{f"s3:{header}": (headers[header],) for header in _HEADER_KEYS if header in headers},
        "s3:authType": ("REST-QUERY-STRING" if "x-amz-signature" in headers else "REST-HEADER",),
        "s3:signatureversion": ("AWS4-HMAC-SHA256",),
    }
    if name == "ListBuckets":
        return (Need("s3:ListAllMyBuckets", "*", None, keys),)
    found = _found(name, request.body, headers, f"{_ARN}{bucket}" + (f"/{key}" if key else ""), given.get("versionId"))
    if isinstance(found, Unreadable):
        return found
    # A bucket that is yet to be is nobody's.
    return tuple(
        Need(
            f"s3:{action}",
            resource,
            f'"{resource}"',
            keys,
            bucket=None if action == "CreateBucket" else resource.removeprefix(_ARN).partition("/")[0],
        )
        for action, resource in found
    )


def _found(
    name: str, body: bytes, headers: Mapping[str, str], arn: str, version: str | None
) -> list[tuple[str, str]] | Unreadable:
    """Actions and resources of an operation."""
    found: list[tuple[str, str]] = []
    if name == "DeleteObjects":
        objects = _objects(body)
        if objects is None:
            return Unreadable("the list of objects to delete cannot be read")
        found += [(_versioned("DeleteObject", named), f"{arn}/{each}") for each, named in objects]
    else:
        found.append((_versioned(ACTIONS.get(name, name), version), arn))
    besides = BESIDES_BUCKET if name == "CreateBucket" else BESIDES if name in WRITES else ()
    extra = [action for form, action in besides if any(form.fullmatch(f"{one}:{headers[one]}") for one in headers)]
    found += [(action, resource) for action in extra for _, resource in tuple(found)]
    if name == "GetObjectAttributes":
        found.append((_versioned("GetObject", version), arn))
    if name in COPIES:
        source = _source(headers["x-amz-copy-source"])
        if source is None:
            return Unreadable("the source of the copy cannot be read")
        found.append((_versioned("GetObject", source[1]), f"{_ARN}{source[0]}"))
    return found


def _place(request: WireRequest) -> tuple[str, str] | Unreadable:
    """Bucket and key, decoded; empty for none."""
    if len(request.all("host")) != 1:
        return Unreadable("there is not one Host")
    host = request.header("host") or ""
    in_host = _BUCKET_IN_HOST.fullmatch(host)
    if in_host is None and not _PATH_STYLE.fullmatch(host):
        return Unreadable("the bucket is not told in the path; use path-style addresses")
    if not _PATH.fullmatch(request.path) or "#" in request.query:
        return Unreadable("the path holds a character that should be percent-encoded")
    try:
        if in_host is not None:
            return in_host[1], unquote(request.path[1:], errors="strict")
        bucket, _, key = request.path[1:].partition("/")
        if not bucket and not key and request.path == "/":
            return "", ""
        if not _BUCKET.fullmatch(bucket):
            return Unreadable("the path does not begin with the name of a bucket")
        return bucket, unquote(key, errors="strict")
    except UnicodeDecodeError:
        return Unreadable("the key is not UTF-8")


def _operation(method: str, place: str, given: Mapping[str, str], headers: KeysView[str]) -> str | None:
    """The operation that takes exactly these parameters, the one that asks for most; None for none."""
    fitting = [
        (len(one.literal) + len(one.required) + len(one.headers), one.name)
        for one in _operations()
        if (one.method, one.place) == (method, place)
        and one.literal <= given.items()
        and one.required <= given.keys()
        and one.headers <= headers
        and given.keys() <= one.known
    ]
    most = max((score for score, _ in fitting), default=0)
    best = {ACTIONS.get(name, name): name for score, name in fitting if score == most}
    return next(iter(best.values())) if len(best) == 1 else None


@cache
def _operations() -> tuple[_Operation, ...]:
    return tuple(_described())


def _described() -> Iterator[_Operation]:
    service = model.service("s3")
    for name in (*ACTIONS, *sorted(CALLED_LIKE_THEIR_OPERATION)):
        operation = service.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        shape = operation.input_shape
        members = {} if shape is None else shape.members
        required = set() if shape is None else set(shape.required_members)
        at = {
            place: {
                one.serialization["name"]: member in required
                for member, one in members.items()
                if one.serialization.get("location") == place
            }
            for place in ("querystring", "header")
        }
        literal = frozenset(parse_qsl(query, keep_blank_values=True))
        yield _Operation(
            name=name,
            method=operation.http["method"],
            place={"/": "service", "/{Bucket}": "bucket"}.get(path, "object"),
            literal=literal,
            required=frozenset(one for one, must in at["querystring"].items() if must),
            headers=frozenset(one.lower() for one, must in at["header"].items() if must),
            known=frozenset({*at["querystring"], *(one for one, _ in literal)}),
        )


def _versioned(action: str, version: object) -> str:
    if not version or action not in VERSIONED:
        return action
    return action.replace("Object", "ObjectVersion", 1)


def _source(header: str) -> tuple[str, bool] | None:
    """`bucket/key` of a copy's source, and whether a version is named; read as the service behind reads it."""
    try:
        parsed = urlparse(header)
        path = unquote(parsed.path, errors="strict").lstrip("/")
    except ValueError:
        return None
    bucket, slash, key = path.partition("/")
    if not (slash and key and _BUCKET.fullmatch(bucket)):
        return None
    return path, "versionId" in parse_qs(parsed.query)


def _objects(body: bytes) -> list[tuple[str, bool]] | None:
    """Key of each object of a DeleteObjects request, and whether a version is named."""
    try:
        # The reader of the service behind, so that both see the same keys; it comes with it.
        reader = import_module("xmltodict")
        listed = reader.parse(body, strip_whitespace=False)["Delete"]["Object"]
        objects = listed if isinstance(listed, list) else [listed]
        found = [(one["Key"], one.get("VersionId") is not None) for one in objects]
    except (ImportError, ExpatError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not 0 < len(found) <= _MAX_KEYS or not all(isinstance(key, str) for key, _ in found):
        return None
    return found
