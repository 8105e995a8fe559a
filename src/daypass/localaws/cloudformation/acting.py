"""CloudFormation as a caller of IAM: with the rights of who called it, over the same path as a call on the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.model import ListShape, StructureShape

from daypass.errors import AwsRefused
from daypass.localaws import model
from daypass.localaws.cloudformation.parameters import as_text
from daypass.localaws.faults import AwsError
from daypass.trust.sources.json_file import entries, members

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from botocore.model import Shape

    from daypass.tokens.strict_json import JsonValue

    Perform = Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, Any] | AwsError]]

# The codes by which resource handlers tell what went wrong (CloudFormation CLI User Guide, "Handler error codes").
_HANDLER_CODES: Final = {
    "EntityAlreadyExists": "AlreadyExists",
    "NoSuchEntity": "NotFound",
    "AccessDenied": "AccessDenied",
    "MalformedPolicyDocument": "InvalidRequest",
    "InvalidInput": "InvalidRequest",
    "ValidationError": "InvalidRequest",
    "DeleteConflict": "ResourceConflict",
    "LimitExceeded": "ServiceLimitExceeded",
}


class ActingOnIam:
    """Calls an operation of IAM by its name.

    Args:
        perform: carries out an operation, given its parameters as on the wire, when the caller may.
    """

    def __init__(self, perform: Perform) -> None:
        self._perform = perform

    async def __call__(self, operation: str, **given: JsonValue) -> Mapping[str, Any]:
        """The operation's answer; what is None is not given.

        Raises:
            AwsRefused: when IAM refuses. The message is IAM's; facts: `aws_code`, `status`.
        """
        described = model.operation("iam", operation)
        assert described is not None, operation
        wire: dict[str, str] = {}
        for name, value in given.items():
            if value is not None:
                member = described.input_shape.members[name]
                wire.update(_written(member, value, member.serialization.get("name", name)))
        outcome = await self._perform(operation, wire)
        if isinstance(outcome, AwsError):
            raise AwsRefused(outcome.message, aws_code=outcome.code, status=outcome.http_status)
        return outcome


def told(refused: AwsRefused, request_id: str, token: str) -> str:
    """A refusal of IAM as it stands in a stack's events."""
    code = _HANDLER_CODES.get(str(refused.facts.get("aws_code")), "GeneralServiceException")
    behind = f"(Service: Iam, Status Code: {refused.facts.get('status')}, Request ID: {request_id})"
    return (
        f'Resource handler returned message: "{refused.message} {behind}" (RequestToken: {token},'
        f" HandlerErrorCode: {code})"
    )


def _written(shape: Shape, value: JsonValue, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(shape, ListShape):
        items = entries(value)
        if not items:
            yield name, ""
        for index, item in enumerate(items, 1):
            yield from _written(
                shape.member, item, f"{name}.{shape.member.serialization.get('name', 'member')}.{index}"
            )
    elif isinstance(shape, StructureShape):
        for key, item in members(value).items():
            yield from _written(shape.members[key], item, f"{name}.{key}") if key in shape.members else ()
    else:
        yield name, json.dumps(value) if isinstance(value, list | dict) else as_text(value)
