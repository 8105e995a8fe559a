"""The outermost layer: what is served at all, and every error as an answer.

Each request gets an id, is looked up below the issuer's path, and leaves with the headers that all answers carry.
Refusals are ordinary answers; what nobody foresaw becomes a 500 that tells nothing, and an event in the log.
"""

from __future__ import annotations

import secrets
from logging import DEBUG
from time import perf_counter
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from daypass.errors import DaypassError, NotFound, RequestRefused
from daypass.idp.describe import TOKEN_PATH
from daypass.idp.key_rings import ORGANIZATIONS
from daypass.web.authentication import source_ip
from daypass.web.logs import logger
from daypass.web.problems import Overloaded, internal_problem, not_allowed, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from daypass.config import Settings
    from daypass.idp.limits import Limits

    Handler = Callable[[Request], Awaitable[Response]]

_ORGANIZATIONS: Final = f"/{ORGANIZATIONS}/"
REQUESTS_MAX: Final = 512
"""Requests below `/v1/` and for `/token` that are worked on at the same time; public documents are never refused."""


class Door:
    """The ASGI application.

    Args:
        settings: for the issuer's path, proxies, and whether TLS ends before us.
        limits: how often one address may ask below `/v1/`; the public documents are for everybody, always.
        handlers: the hot routes: path below the root issuer's, then method, then what answers.
        organization_handlers: the same below an organization's issuer, `/o/<slug>`.
        otherwise: the application for all other paths.
    """

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        handlers: Mapping[str, Mapping[str, Handler]],
        organization_handlers: Mapping[str, Mapping[str, Handler]],
        otherwise: ASGIApp,
    ) -> None:
        self._prefix = settings.issuer.path
        self._hops = settings.proxy_hops
        self._wants_forwarded_https = settings.behind_proxy
        self._limits = limits
        self._handlers = handlers
        self._organization_handlers = organization_handlers
        self._otherwise = otherwise
        self._working = 0
        self._log = logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "neither lifespan nor web sockets are served"
        started = perf_counter()
        request_id = secrets.token_hex(8)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                headers.append((b"x-request-id", request_id.encode("ascii")))
                headers.append((b"x-content-type-options", b"nosniff"))
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers, request_id)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 — the last resort: told in the log, never to the caller
            self._log.exception("request_failed", request_id=request_id, method=scope["method"], path=scope["path"])
            if not status:
                await internal_problem(request_id)(scope, receive, send_with_headers)
        if self._log.isEnabledFor(DEBUG):
            took = round((perf_counter() - started) * 1000, 2)
            self._log.debug(
                "request",
                request_id=request_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=took,
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        whole_path: str = scope["path"]
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["source_ip"] = source_ip(scope, headers, self._hops)
        path = whole_path.removeprefix(self._prefix)
        counted = False
        try:
            if not whole_path.startswith(self._prefix) or not path.startswith("/"):
                raise NotFound(
                    f"nothing is served at `{whole_path}`", advice=f"The issuer's path is `{self._prefix}/`."
                )
            handlers = self._handlers
            if path.startswith(_ORGANIZATIONS):
                slug, slash, below = path.removeprefix(_ORGANIZATIONS).partition("/")
                state["issuer_slug"] = slug
                path, handlers = slash + below, self._organization_handlers
                if path not in handlers:
                    raise NotFound(f"nothing is served at `{whole_path}`")
            if path.startswith("/v1/") or path == TOKEN_PATH:
                if self._wants_forwarded_https and headers.get("x-forwarded-proto") != "https":
                    raise RequestRefused(
                        "the proxy does not say that the request came over https",
                        advice="Let the proxy set X-Forwarded-Proto to the client's scheme.",
                    )
                self._limits.request(state["source_ip"])
                if self._working >= REQUESTS_MAX:
                    raise Overloaded("too many requests at the same time")
                self._working += 1
                counted = True
            methods = handlers.get(path)
            if methods is None:
                await self._otherwise(
                    {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}, receive, send
                )
                return
            handler = methods.get(scope["method"])
            if handler is None:
                raise not_allowed(scope["method"], methods)
            response = await handler(Request(scope, receive))
        except DaypassError as error:
            response = refusal(error, request_id)
        finally:
            self._working -= counted
        await response(scope, receive, send)
