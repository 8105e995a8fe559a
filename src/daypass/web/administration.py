"""The admin API: FastAPI for its shapes and its OpenAPI document, with our own door in front of each route.

A route asks in this order: who is it, may they, is the body JSON, has it the right shape. FastAPI would read the body
before anything else, with a reader that lets the last of two equal members win.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from daypass.errors import DaypassError, NotFound, RequestInvalid, ScopeMissing
from daypass.idp.caller import Caller, Scope
from daypass.web import bodies
from daypass.web.authentication import bearer
from daypass.web.problems import internal_problem, not_allowed, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from fastapi import APIRouter
    from starlette.types import Receive, Send
    from starlette.types import Scope as AsgiScope

    from daypass.web.services import Services

SCOPE: str = "x-daypass-scope"


class Needs(TypedDict):
    """What `needs` adds to a route."""

    openapi_extra: dict[str, Any]


def needs(scope: Scope) -> Needs:
    """Declare the scope of a route; no route is served without."""
    return {"openapi_extra": {SCOPE: str(scope), "security": [{"admin": []}]}}


def name_of(route: APIRoute) -> str:
    """The operation's id in the OpenAPI document: the handler's name, which is unique and never follows the path."""
    return route.name


class ReadRequest(Request):
    """A request whose body has been read and parsed."""

    def __init__(self, scope: AsgiScope, receive: Receive, body: bytes, document: object) -> None:
        super().__init__(scope, receive)
        self._read = body
        self._document = document

    async def body(self) -> bytes:
        """The bytes."""
        return self._read

    async def json(self) -> Any:
        """The value that the strict reader made of them."""
        return self._document


class AdminRoute(APIRoute):
    """A route that knows who asks before it reads what is asked."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()
        scope = Scope((self.openapi_extra or {})[SCOPE])
        name = name_of(self)
        takes_body = self.body_field is not None

        async def answer(request: Request) -> Response:
            services: Services = request.app.state.services
            caller = await _authenticated(services, request)
            try:
                caller.require(scope)
                refuse_repeated(request)
                if takes_body:
                    limit = services.settings.body_max_bytes
                    body = await bodies.read_bytes(request, max_bytes=limit)
                    request = ReadRequest(request.scope, request.receive, body, bodies.parse(body, max_bytes=limit))
                    # A body may take its time, and a token may have been revoked meanwhile.
                    caller = await _authenticated(services, request)
                request.state.caller = caller
                return await handle(request)
            except ScopeMissing as refusal:
                await services.registry.refusals.record(
                    refusal,
                    "admin.call",
                    caller,
                    request_id=caller.request_id,
                    source_ip=caller.source_ip,
                    detail={"operation": name},
                )
                raise

        return answer


async def _authenticated(services: Services, request: Request) -> Caller:
    request_id, source_ip = request.state.request_id, request.state.source_ip
    token = await services.registry.authenticate_admin(
        bearer(request.headers), request_id=request_id, source_ip=source_ip
    )
    return Caller.of(token, request_id=request_id, source_ip=source_ip)


def the_caller(request: Request) -> Caller:
    """Who asks: the admin token that `AdminRoute` has let in."""
    return cast("Caller", request.state.caller)


def refuse_repeated(request: Request) -> None:
    """Refuse a query that gives a parameter twice: readers differ in which one counts.

    Raises:
        RequestInvalid: with the parameter's name.
    """
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise RequestInvalid(f"the parameter `{name}` is given twice", members=[name])
        seen.add(name)


def administration(services: Services, routers: Iterable[APIRouter]) -> FastAPI:
    """The application that answers all paths but the hot ones."""
    app = FastAPI(
        title="Daypass",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            DaypassError: _refused,
            RequestValidationError: _misshapen,
            HTTPException: _unserved,
            ClientDisconnect: _gone,
            Exception: _unforeseen,
        },
    )
    app.state.services = services
    for router in routers:
        app.router.routes.extend(router.routes)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, DaypassError)
    return refusal(error, request.state.request_id)


async def _misshapen(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = ({**fault, "loc": tuple(fault["loc"][1:])} for fault in error.errors())
    return refusal(bodies.invalid(found), request.state.request_id)


async def _unserved(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        # The router itself would name the methods of the first route with this path only.
        allowed = {
            method
            for route in request.app.routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods
        }
        return refusal(not_allowed(request.method, allowed), request.state.request_id)
    if error.status_code == 404:
        return refusal(NotFound(f"nothing is served at `{request.url.path}`"), request.state.request_id)
    return refusal(RequestInvalid("the request cannot be read"), request.state.request_id)


class _Silence(Response):
    """An answer to nobody."""

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send nothing."""


async def _gone(*_: object) -> Response:
    return _Silence()


async def _unforeseen(request: Request, _: Exception) -> Response:
    return internal_problem(request.state.request_id)
