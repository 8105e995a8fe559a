"""The one table from errors to HTTP statuses, and the problem document they become (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson
from starlette.responses import Response

from daypass import errors
from daypass.web.logs import logger
from daypass.web.redaction import redact, redact_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LOG: Final = logger()
MESSAGE_CHARACTERS: Final = 1000
"""How much of a message is shown and logged: it may repeat what a caller sent."""
MEDIA_TYPE: Final = "application/problem+json"


class MethodNotAllowed(errors.RequestInvalid):
    """The path takes other methods; the header `Allow` lists them."""

    code = "method_not_allowed"


class BodyTooLarge(errors.RequestInvalid):
    """The body is larger than what is read."""

    code = "body_too_large"


class BodyTooSlow(errors.RequestInvalid):
    """The body did not arrive in time."""

    code = "body_too_slow"


class ContentTypeUnsupported(errors.RequestInvalid):
    """The body is not `application/json`, or is encoded."""

    code = "content_type_unsupported"


class Overloaded(errors.Unavailable):
    """There are more requests than can be answered now."""

    code = "overloaded"


# The nearest class of an error's own line decides. Bad input never becomes a 5xx.
STATUSES: Final[Mapping[type[errors.DaypassError], int]] = {
    errors.DaypassError: 500,
    errors.Refused: 403,
    errors.TokenRefused: 400,
    errors.KeyRefused: 400,
    errors.CallerRefused: 401,
    errors.ScopeMissing: 403,
    errors.RequestRefused: 400,
    errors.AuditBroken: 409,
    errors.Invalid: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.ChangedMeanwhile: 409,
    errors.Unavailable: 503,
    errors.RateLimited: 429,
    MethodNotAllowed: 405,
    BodyTooSlow: 408,
    BodyTooLarge: 413,
    ContentTypeUnsupported: 415,
}

# A body that was not read to its end would be taken for the next request.
_CLOSING: Final = frozenset({408, 413, 415})


def status_of(error: type[errors.DaypassError]) -> int:
    """The HTTP status of a class of errors."""
    return next(STATUSES[base] for base in error.__mro__ if base in STATUSES)


def problem(error: errors.DaypassError, request_id: str) -> Response:
    """The answer that tells of an error.

    What a 5xx is about is the operator's to know: its message, advice and facts go to the log alone.
    """
    status = status_of(type(error))
    document: dict[str, object] = {
        "type": f"urn:daypass:error:{error.code}",
        "title": redact(_short(error.message)) if status < 500 else "this cannot be done at the moment",
        "status": status,
        "code": error.code,
        "request_id": request_id,
    }
    if status < 500:
        if error.advice is not None:
            document["advice"] = redact(error.advice)
        if error.facts:
            document["facts"] = redact_value(error.facts)
    else:
        document["advice"] = "Try again; if it stays so, give the operator the request id."
    return Response(orjson.dumps(document, default=str), status, _headers(error, status), MEDIA_TYPE)


def internal_problem(request_id: str) -> Response:
    """The answer to what nobody foresaw: says nothing but where to look."""
    document = {
        "type": "urn:daypass:error:internal",
        "title": "something went wrong here",
        "status": 500,
        "code": "internal",
        "advice": "Give the operator the request id; the log tells more.",
        "request_id": request_id,
    }
    return Response(orjson.dumps(document), 500, {"connection": "close"}, MEDIA_TYPE)


def refusal(error: errors.DaypassError, request_id: str) -> Response:
    """The answer to an error, told in the log as well."""
    answer = problem(error, request_id)
    log = _LOG.warning if answer.status_code >= 500 else _LOG.info
    log("refused", request_id=request_id, code=error.code, status=answer.status_code, reason=_short(error.message))
    return answer


def not_allowed(method: str, allowed: Iterable[str]) -> MethodNotAllowed:
    """The refusal of a method on a path that takes others."""
    return MethodNotAllowed(f"`{method}` is not for this path", allow=", ".join(sorted(allowed)))


def _short(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARACTERS else message[: MESSAGE_CHARACTERS - 1] + "…"


def _headers(error: errors.DaypassError, status: int) -> dict[str, str]:
    if status == 401:
        missing = isinstance(error, errors.CredentialMissing)
        return {"www-authenticate": "Bearer" if missing else 'Bearer error="invalid_token"'}
    if isinstance(error, errors.ScopeMissing):
        return {"www-authenticate": 'Bearer error="insufficient_scope"'}
    if isinstance(error, MethodNotAllowed):
        return {"allow": str(error.facts.get("allow", ""))}
    if isinstance(error, errors.RateLimited):
        return {"retry-after": str(error.facts.get("retry_after_seconds", 1))}
    if status == 503:
        return {"retry-after": "1"}
    return {"connection": "close"} if status in _CLOSING else {}
