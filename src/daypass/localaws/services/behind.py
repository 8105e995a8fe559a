"""Hand a judged request on to the service behind.

A request gets here after its signature was checked; moto's own checks stay off, for they know no expiry. moto is WSGI
and runs in a small pool of threads. It is an optional part (`daypass[local-aws]`), imported at the first call.

What moto keeps, it keeps for the process, so one local AWS per process has it (`behind_state`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from daypass.errors import PartMissing
from daypass.localaws.faults import Fault, Protocol, reply
from daypass.localaws.services import kms_digests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

    from daypass.localaws.behind_state import BehindState
    from daypass.localaws.services.catalogue import Behind
    from daypass.localaws.signature import Caller
    from daypass.localaws.wire import WireRequest

    Environ = MutableMapping[str, Any]
    Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
    Message = MutableMapping[str, Any]
    Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_THREADS: Final = 4
_READING: Final = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Search")
# Not passed on. The body is whole by now, and moto reads none where a header says that it comes in pieces. Who asks is
# told by us, and moto would take a region out of the user agent rather than out of the signature's scope.
_OURS: Final = frozenset(
    {
        "transfer-encoding",
        "content-length",
        "x-moto-account-id",
        "authorization",
        "x-amz-security-token",
        "user-agent",
    }
)


def reads(request: WireRequest, protocol: Protocol) -> bool:
    """Whether a request, by its method or the name of its operation, leaves a service behind as it is."""
    if protocol in {Protocol.S3, Protocol.REST_JSON, Protocol.REST_XML}:
        return request.method in {"GET", "HEAD"}
    operation = (request.header("x-amz-target") or "").rpartition(".")[2]
    return operation.startswith(_READING)


class Services:
    """The services behind, each started at its first call, with what `state` has kept for it."""

    def __init__(self, state: BehindState) -> None:
        self._state = state
        self._started: dict[str, Any] = {}
        self._starting = asyncio.Lock()

    async def serve(
        self,
        scope: Mapping[str, Any],
        request: WireRequest,
        caller: Caller,
        behind: Behind,
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Let a service answer, in the caller's account; `request` is all that it sees of what was asked.

        Raises:
            PartMissing: when moto is not installed.
        """
        service = await self._service(behind)
        credential = "/".join((caller.scope.access_key_id, caller.scope.date, caller.scope.region))
        signed_for = f"AWS4-HMAC-SHA256 Credential={credential}/{caller.scope.service}/aws4_request, SignedHeaders=host"
        # To WSGI `x_amz_target` is `X-Amz-Target`: one that nobody judged.
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers
            if name not in _OURS and "_" not in name
        ]
        headers += [(b"x-moto-account-id", caller.who.account.encode()), (b"authorization", signed_for.encode())]
        asked = {
            **scope,
            "method": request.method,
            "path": unquote(request.path),
            "raw_path": request.path.encode("latin-1"),
            "query_string": request.query.encode("latin-1"),
            "headers": headers,
            "daypass.request": request,
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        await service(asked, receive, send)

    async def ready(self, behind: Behind) -> None:
        """Start a service, once.

        Raises:
            PartMissing: when moto, or its part for the service, is not installed, or does not speak the protocol.
            StoreUnavailable: when another local AWS of this process has the services.
            FileUnsafe, FileUnavailable: when what it kept cannot be opened.
        """
        if behind.protocol is Protocol.CBOR:
            raise PartMissing(
                f"the local AWS does not speak CBOR for {behind.signing}",
                advice="Let the client speak JSON or the query protocol, as the AWS CLI and boto3 do.",
            )
        await self._service(behind)

    @property
    def started(self) -> frozenset[str]:
        """The services that were asked for so far."""
        return frozenset(self._started)

    def close(self) -> None:
        """End the threads."""
        for service in self._started.values():
            service.executor.shutdown(wait=False, cancel_futures=True)

    async def _service(self, behind: Behind) -> Asgi:
        async with self._starting:
            if behind.model not in self._started:
                started = await asyncio.to_thread(_start, behind)
                self._state.take()
                await asyncio.to_thread(self._state.open, behind.model)
                self._started[behind.model] = started
        service: Asgi = self._started[behind.model]
        return service


def _start(behind: Behind) -> Asgi:
    """Import moto and make one of its services, without the dispatcher and the control paths of its server."""
    try:
        from a2wsgi import WSGIMiddleware  # noqa: PLC0415 - an optional part, and slow to import
        from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415 - likewise
    except ImportError:
        raise PartMissing(
            f"the local AWS has no {behind.signing}: moto is not installed",
            advice="Install `daypass[local-aws]` for the services behind IAM and STS.",
        ) from None
    make: Callable[[str], Any] = cast("Any", create_backend_app)
    try:
        flask = make(behind.model.replace("-", ""))
    except ImportError as missing:
        name = behind.model.replace("-", "")
        if missing.name == f"moto.{name}":
            advice = f"moto, which keeps the services behind IAM and STS, has no `{name}`."
            raise PartMissing(f"the local AWS has no service '{behind.signing}'", advice=advice) from None
        raise PartMissing(
            f"the local AWS has no {behind.signing}: {missing.name} is not installed",
            advice=f"Install `moto[{name}]` beside `daypass[local-aws]`.",
        ) from None
    if behind.model == "kms":
        kms_digests.teach()
    flask.debug = False
    flask.register_error_handler(500, lambda _: _failure(behind.protocol))
    service: Asgi = WSGIMiddleware(cast("Any", _with_raw_path(flask)), workers=_THREADS)
    return service


def _with_raw_path(app: Wsgi) -> Wsgi:
    """Give moto the path as it was sent: WSGI's own is decoded, and the key `a%2Fb` would become `a/b`."""

    def with_raw_path(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request: WireRequest = environ["asgi.scope"]["daypass.request"]
        environ["RAW_URI"] = request.path + (f"?{request.query}" if request.query else "")
        environ["CONTENT_LENGTH"] = str(len(request.body))
        return app(environ, start_response)

    return with_raw_path


def _failure(protocol: Protocol) -> tuple[bytes, int, dict[str, str]]:
    """What a fault inside moto looks like from outside."""
    told = reply(Fault.INTERNAL.error(protocol), protocol, "local")
    return told.body, told.status, {"content-type": told.media_type}
