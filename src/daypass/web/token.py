"""`POST /token`: another platform's token in, one of ours out (RFC 8693; RFC 7523 section 2.1).

Parameters are in the body and nowhere else, each at most once but for `audience` (RFC 8693 section 2.1). Errors are
those of RFC 6749 section 5.2 and RFC 8693 section 2.2.2, with our own stable code beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response

from daypass.errors import (
    AudienceNotOffered,
    ConnectionUnknown,
    DaypassError,
    ExchangeGrantUnsupported,
    RequestInvalid,
    Unavailable,
)
from daypass.idp.exchange.exchange import ExchangeRequest, Grant
from daypass.secret import Secret
from daypass.web import bodies
from daypass.web.discovery import issuer_slug
from daypass.web.logs import logger
from daypass.web.problems import MESSAGE_CHARACTERS, status_of
from daypass.web.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from daypass.idp.exchange.exchange import Exchange

FORM: Final = "application/x-www-form-urlencoded"
MAX_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 64
_TYPE: Final = "urn:ietf:params:oauth:token-type:"
JWT: Final = f"{_TYPE}jwt"
ID_TOKEN: Final = f"{_TYPE}id_token"
_REPEATABLE: Final = frozenset({"audience", "resource"})
_LOG: Final = logger()


class Tokens:
    """The handler."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def create(self, request: Request) -> Response:
        """`POST /token`, at the root issuer and at an organization's own."""
        grant: Grant | None = None
        request_id: str = request.state.request_id
        try:
            if request.url.query:
                raise RequestInvalid("parameters belong in the body", advice="A token in a URL ends up in logs.")
            form = _form(await bodies.read_bytes(request, max_bytes=MAX_BYTES, media_type=FORM))
            grant = _grant(form)
            wanted = _type(form)
            asked = _asked(form, grant, request)
            issued = await self._exchange.exchange(asked)
        except DaypassError as error:
            return _refusal(error, grant, request_id)
        lives = int(issued.expires_at.timestamp()) - int(issued.issued_at.timestamp())
        return _answer(
            {
                "access_token": issued.token.reveal(),
                "issued_token_type": wanted,
                "token_type": "N_A",  # it is no access token to anything of ours (RFC 8693 section 2.2.1)
                "expires_in": lives,
            }
        )


def _form(body: bytes) -> Mapping[str, Sequence[str]]:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise RequestInvalid("the body is not a form", advice=f"Send {FORM}.") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    for name, values in form.items():
        if len(values) > 1 and name not in _REPEATABLE:
            raise RequestInvalid(f"the parameter `{name[:64]}` is given twice", members=[name[:64]])
    return form


def _one(form: Mapping[str, Sequence[str]], name: str) -> str | None:
    """A parameter; one that is empty is as good as absent (RFC 6749 section 3.2)."""
    return next(iter(form.get(name, ())), None) or None


def _required(form: Mapping[str, Sequence[str]], name: str) -> str:
    value = _one(form, name)
    if value is None:
        raise RequestInvalid(f"the parameter `{name}` is missing", members=[name])
    return value


def _grant(form: Mapping[str, Sequence[str]]) -> Grant:
    given = _required(form, "grant_type")
    try:
        return Grant(given)
    except ValueError:
        raise ExchangeGrantUnsupported(
            f"the grant type `{given[:128]}` is not supported",
            advice=f"Send {' or '.join(grant.value for grant in Grant)}.",
        ) from None


def _type(form: Mapping[str, Sequence[str]]) -> str:
    wanted = _one(form, "requested_token_type") or ID_TOKEN
    if wanted not in {JWT, ID_TOKEN}:
        raise RequestInvalid(
            "tokens of that `requested_token_type` are not made here",
            advice=f"Ask for {ID_TOKEN} or {JWT}.",
            members=["requested_token_type"],
        )
    return wanted


def _asked(form: Mapping[str, Sequence[str]], grant: Grant, request: Request) -> ExchangeRequest:
    if grant is Grant.TOKEN_EXCHANGE:
        token = _required(form, "subject_token")
        if _required(form, "subject_token_type") not in {JWT, ID_TOKEN}:
            raise RequestInvalid(
                "subject tokens of that type are not taken",
                advice=f"Send {ID_TOKEN} or {JWT}.",
                members=["subject_token_type"],
            )
    else:
        token = _required(form, "assertion")
    for name in ("actor_token", "actor_token_type", "resource"):
        if _one(form, name) is not None:
            raise RequestInvalid(f"`{name}` is not supported", advice="Leave it out.", members=[name])
    lifetime = _one(form, "lifetime_seconds")
    if lifetime is not None and not (lifetime.isascii() and lifetime.isdecimal() and len(lifetime) <= 9):
        raise RequestInvalid("`lifetime_seconds` is a whole number", members=["lifetime_seconds"])
    return ExchangeRequest(
        grant=grant,
        token=Secret(token),
        audience=tuple(value for value in form.get("audience", ()) if value),
        organization=issuer_slug(request) or _one(form, "organization"),
        connection=_one(form, "connection"),
        lifetime_seconds=None if lifetime is None else int(lifetime),
        algorithm=_one(form, "algorithm"),
        request_id=request.state.request_id,
        source_ip=request.state.source_ip,
    )


def _refusal(error: DaypassError, grant: Grant | None, request_id: str) -> Response:
    """An error as RFC 6749 section 5.2 writes it. Nothing is told of what is ours to repair."""
    status = status_of(type(error))
    log = _LOG.warning if status >= 500 else _LOG.info
    log("refused", request_id=request_id, code=error.code, status=status, reason=error.message[:MESSAGE_CHARACTERS])
    document: dict[str, object] = {"error": _code(error, grant, status), "code": error.code, "request_id": request_id}
    if status < 500:
        told = error.message if error.advice is None else f"{error.message}. {error.advice}"
        document["error_description"] = _plain(redact(told))
    else:
        document["error_description"] = "this cannot be done at the moment"
    answered = status if status in {408, 413, 415, 429, 503} else 400
    return _answer(document, answered, retry_after=error.facts.get("retry_after_seconds", 1))


def _code(error: DaypassError, grant: Grant | None, status: int) -> str:
    if isinstance(error, Unavailable) or status >= 500:
        return "temporarily_unavailable"
    if isinstance(error, ExchangeGrantUnsupported):
        return "unsupported_grant_type"
    if isinstance(error, AudienceNotOffered):
        return "invalid_target"
    if grant is Grant.JWT_BEARER and not isinstance(error, RequestInvalid | ConnectionUnknown):
        return "invalid_grant"  # RFC 7523 section 3.1
    return "invalid_request"  # also for a token that is not accepted: RFC 8693 section 2.2.2


def _plain(text: str) -> str:
    """The characters that a description may have (RFC 6749 section 5.2): printable ASCII but for two."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" if c == '"' else "?" for c in text)[:1000]


def _answer(document: Mapping[str, object], status: int = 200, *, retry_after: object = 1) -> Response:
    headers = {"cache-control": "no-store", "pragma": "no-cache"}
    if status in {408, 413, 415}:
        headers["connection"] = "close"
    if status in {429, 503}:
        headers["retry-after"] = str(retry_after)
    return Response(orjson.dumps(document), status, headers, "application/json")
