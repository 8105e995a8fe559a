"""Services of AWS's JSON protocol: the operation is in `X-Amz-Target`, the resource in a member of the body.

Another service is a row of `SERVICES`. What an operation is called and whether it has the member is botocore's to say.
Source of the rows: Service Authorization Reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daypass.errors import JsonMalformed
from daypass.localaws import model
from daypass.localaws.needs.model import TAG_KEYS, Keys, Need, Unreadable, tag_keys
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.localaws.wire import WireRequest
    from daypass.tokens.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that is there: its ARN and tags."""

    arn: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class JsonService:
    """How a service names its resources.

    Attributes:
        target: the part of `X-Amz-Target` before the operation.
        member: of the body: the name or ARN of the resource.
        created: operations that name a resource to be, and by which member.
        several: operations on a list of resources: the member, and the action needed for each of them besides.
        arn: of a resource that is not there yet, `{region}`, `{account}` and `{name}` to be filled.
        keys: condition keys of the service, and the member that each is filled from.
        tags: the prefix of its own `ResourceTag` keys.
    """

    target: str
    member: str
    created: Mapping[str, str]
    several: Mapping[str, tuple[str, str]]
    arn: str
    keys: Mapping[str, str]
    tags: str


SERVICES: Final[Mapping[str, JsonService]] = {
    "secretsmanager": JsonService(
        target="secretsmanager",
        member="SecretId",
        created={"CreateSecret": "Name"},
        several={"BatchGetSecretValue": ("SecretIdList", "secretsmanager:GetSecretValue")},
        # The suffix of six is not known before the secret is there: only a wildcard fits it.
        arn="arn:aws:secretsmanager:{region}:{account}:secret:{name}-??????",
        keys={
            "secretsmanager:SecretId": "SecretId",
            "secretsmanager:Name": "Name",
            "secretsmanager:VersionId": "VersionId",
            "secretsmanager:VersionStage": "VersionStage",
            "secretsmanager:KmsKeyId": "KmsKeyId",
        },
        tags="secretsmanager",
    ),
}

_MAX_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Here:
    """Where a request is for, and what is there: `find` looks a resource up by what the body calls it."""

    region: str
    account: str
    find: Callable[[str], Found | None]


def needs(service: str, request: WireRequest, here: Here) -> tuple[Need, ...] | Unreadable:
    """The permissions for a request."""
    row = SERVICES[service]
    targets = request.all("x-amz-target")
    named = re.fullmatch(re.escape(row.target) + r"\.([A-Za-z]+)", targets[0]) if len(targets) == 1 else None
    operation = None if named is None else model.operation(service, named[1])
    if operation is None:
        return Unreadable("X-Amz-Target names no operation of the service")
    try:
        body = strict_json.parse(request.body or b"{}", max_bytes=_MAX_BYTES, max_members=4096, duplicates="last")
    except JsonMalformed as fault:
        return Unreadable(f"the body is not JSON that can be read: {fault.message}")
    if not isinstance(body, dict):
        return Unreadable("the body is not a JSON object")
    action = f"{service}:{operation.name}"
    keys = _keys(row, body)
    if operation.name in row.several:
        member, each = row.several[operation.name]
        ids = body.get(member)
        if ids is not None and not (isinstance(ids, list) and all(isinstance(entry, str) for entry in ids)):
            return Unreadable(f"`{member}` is not a list of texts")
        listed = [str(entry) for entry in ids] if isinstance(ids, list) else []
        one_by_one = [_on(row, Need(each, None, name, keys, TAG_KEYS), name, here) for name in listed]
        return (Need(action, "*", "*", keys, TAG_KEYS), *(one_by_one or [Need(each, None, "*", keys, TAG_KEYS)]))
    member = row.created.get(operation.name, row.member)
    if operation.input_shape is None or member not in operation.input_shape.members:
        return (Need(action, "*", "*", keys, TAG_KEYS),)
    name = body.get(member)
    if name is None:
        return (Need(action, None, "*", keys, TAG_KEYS),)
    if not isinstance(name, str):
        return Unreadable(f"`{member}` is not a text")
    if operation.name in row.created:
        here = replace(here, find=_nothing)
    return (_on(row, Need(action, None, name, keys, TAG_KEYS), name, here),)


def _nothing(_: str) -> None:
    return None


def _on(row: JsonService, need: Need, name: str, here: Here) -> Need:
    """The need, of the resource that the body calls `name`."""
    found = here.find(name)
    if found is None:
        arn = name if name.startswith("arn:") else row.arn.format(region=here.region, account=here.account, name=name)
        return replace(need, resource=arn)
    tags = {f"{prefix}:ResourceTag/{key}": (value,) for key, value in found.tags for prefix in ("aws", row.tags)}
    shown = found.arn if name.startswith("arn:") else name
    return replace(
        need, resource=found.arn, shown=shown, keys={**need.keys, **tags, f"{row.tags}:{row.member}": (found.arn,)}
    )


def _keys(row: JsonService, body: Mapping[str, JsonValue]) -> Keys:
    values = ((key, body.get(member)) for key, member in row.keys.items())
    named = body.get("TagKeys")
    removed = tuple(str(key) for key in named) if isinstance(named, list) else ()
    return {
        **{key: (value,) for key, value in values if isinstance(value, str)},
        **tag_keys(body.get("Tags")),
        **({"aws:TagKeys": removed} if removed else {}),
    }
