"""Reading a request's body: JSON and nothing else, within a size and a time, by the one strict reader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect

from daypass.errors import RequestInvalid
from daypass.tokens import strict_json
from daypass.web.problems import BodyTooLarge, BodyTooSlow, ContentTypeUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

BODY_SECONDS: Final = 10.0

_Shape = TypeVar("_Shape", bound="Body")


class Body(BaseModel):
    """The shape of a request's body: only its members, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


async def read_bytes(
    request: Request, *, max_bytes: int, seconds: float = BODY_SECONDS, media_type: str = "application/json"
) -> bytes:
    """The body of a request.

    Raises:
        ContentTypeUnsupported: when it does not say that it is plainly of that media type; it is not read then.
        BodyTooLarge: when it says, or turns out, to be larger; it is not read any further then.
        BodyTooSlow: when it is not here in time.
    """
    headers = request.headers
    said, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if said.strip().lower() != media_type or charset not in {"", "charset=utf-8"}:
        raise ContentTypeUnsupported(f"the body must be `{media_type}`", advice=f"Send Content-Type: {media_type}.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ContentTypeUnsupported("the body must not be compressed", advice="Send it without Content-Encoding.")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise BodyTooSlow(f"the body was not here within {seconds:g} seconds") from None


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {max_bytes} bytes", max_bytes=max_bytes)


def parse(body: bytes, *, max_bytes: int) -> object:
    """The JSON value of a body.

    Raises:
        JsonMalformed: when it is not strict JSON, with the place and the reason.
    """
    return strict_json.parse(body, max_bytes=max_bytes)


def shaped(shape: type[_Shape], value: object) -> _Shape:
    """A JSON value as the shape that a call takes.

    Raises:
        RequestInvalid: with every member that is missing, unknown or of another type.
    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False, include_context=False)) from None


def invalid(found: Iterable[Mapping[str, object]]) -> RequestInvalid:
    """The refusal for what pydantic found. What the caller sent is not repeated, but for names of members."""
    problems = []
    members = []
    for fault in found:
        place = fault["loc"]
        assert isinstance(place, tuple)
        path = ".".join(str(step) for step in place) or "the body"
        members.append(path)
        match fault["type"]:
            case "missing":
                problems.append(f"`{path}` is missing")
            case "extra_forbidden":
                problems.append(f"`{path}` is not known here")
            case _:
                said = str(fault["msg"])
                problems.append(f"`{path}`: {said[:1].lower()}{said[1:]}")
    return RequestInvalid(
        "; ".join(problems), advice="The calls and their members are described at v1/openapi.json.", members=members
    )
