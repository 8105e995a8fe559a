"""Services that Daypass does not decide on, behind its front: Secrets Manager and S3, kept by moto.

A request gets here after its signature was checked; moto's own checks stay off, for they know no expiry. moto is WSGI
and runs in a small pool of threads. It is an optional part (`daypass[local-aws]`), imported at the first call.

What moto keeps, it keeps for the process, so one local AWS per process has it (`behind_state`).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from daypass.errors import PartMissing
from daypass.localaws.faults import Fault, Protocol, reply
from daypass.localaws.needs.json_protocol import Found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

    from daypass.localaws.behind_state import BehindState
    from daypass.localaws.signature import Caller
    from daypass.localaws.wire import WireRequest

    Environ = MutableMapping[str, Any]
    Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
    Message = MutableMapping[str, Any]
    Asgi = Callable[[Any, Any, Any], Awaitable[None]]

BEHIND: Final[Mapping[str, Protocol]] = {"secretsmanager": Protocol.JSON, "s3": Protocol.S3}

_THREADS: Final = 4
_READING: Final = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Search")
# Not passed on. The body is whole by now, and moto reads none where a header says that it comes in pieces. Who asks is
# told by us, and moto would take a region out of the user agent rather than out of the signature's scope.
_OURS: Final = frozenset(
    {
        b"transfer-encoding",
        b"content-length",
        b"x-moto-account-id",
        b"authorization",
        b"x-amz-security-token",
        b"user-agent",
    }
)


def reads(request: WireRequest, protocol: Protocol) -> bool:
    """Whether a request, by its method or the name of its operation, leaves a service behind as it is."""
    if protocol is Protocol.S3:
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
        self, scope: Mapping[str, Any], request: WireRequest, caller: Caller, send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Let the service of the signature's scope answer, in the caller's account.

        Raises:
            PartMissing: when moto is not installed.
        """
        service = await self._service(caller.scope.service)
        credential = "/".join((caller.scope.access_key_id, caller.scope.date, caller.scope.region))
        signed_for = f"AWS4-HMAC-SHA256 Credential={credential}/{caller.scope.service}/aws4_request, SignedHeaders=host"
        # To WSGI `x_amz_target` is `X-Amz-Target`: one that nobody judged.
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _OURS and b"_" not in name]
        if BEHIND[caller.scope.service] is Protocol.JSON:
            # moto would take operation and parameters out of a query or a form rather than out of what was judged.
            request = replace(request, method="POST", path="/", query="")
            scope = {**scope, "method": "POST", "path": "/", "raw_path": b"/", "query_string": b""}
            headers = [(name, value) for name, value in headers if name.lower() != b"content-type"]
            headers.append((b"content-type", b"application/x-amz-json-1.1"))
        headers += [(b"x-moto-account-id", caller.who.account.encode()), (b"authorization", signed_for.encode())]

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        await service({**scope, "headers": headers, "daypass.request": request}, receive, send)

    def find(self, service: str, account: str, region: str, name: str) -> Found | None:
        """A resource by its name or ARN, as the service itself would find it; None when it is not there.

        Only Secrets Manager gives its resources ARNs that do not follow from their names. The service must be `ready`.
        """
        if service != "secretsmanager":
            return None
        from moto.secretsmanager.models import (  # noqa: PLC0415 - an optional part, and slow to import
            SecretsStore,
            secretsmanager_backends,
        )

        kept: Any = secretsmanager_backends[account][region].secrets
        # A copy, made in one step: other threads write to it.
        secret: Any = cast("Any", SecretsStore)(dict.copy(kept)).get(name)
        if secret is None:
            return None
        tags = tuple((tag["Key"], tag["Value"]) for tag in secret.tags or ())
        return Found(secret.arn, tags)

    def owner(self, bucket: str) -> str | None:
        """The account that a bucket is in, None without such a bucket. S3 must be `ready`."""
        from moto.s3.models import s3_backends  # noqa: PLC0415 - an optional part, and slow to import

        kept: Any = s3_backends.bucket_accounts.get(bucket)
        return None if kept is None else str(kept[1])

    async def ready(self, name: str) -> None:
        """Start a service, once.

        Raises:
            PartMissing: when moto is not installed.
            StoreUnavailable: when another local AWS of this process has the services.
            FileUnsafe, FileUnavailable: when what it kept cannot be opened.
        """
        await self._service(name)

    @property
    def started(self) -> frozenset[str]:
        """The services that were asked for so far."""
        return frozenset(self._started)

    def close(self) -> None:
        """End the threads."""
        for service in self._started.values():
            service.executor.shutdown(wait=False, cancel_futures=True)

    async def _service(self, name: str) -> Asgi:
        async with self._starting:
            if name not in self._started:
                started = await asyncio.to_thread(_start, name)
                self._state.take()
                await asyncio.to_thread(self._state.open, name)
                self._started[name] = started
        service: Asgi = self._started[name]
        return service


def _start(name: str) -> Asgi:
    """Import moto and make one of its services, without the dispatcher and the control paths of its server."""
    try:
        from a2wsgi import WSGIMiddleware  # noqa: PLC0415 - an optional part, and slow to import
        from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415 - likewise
    except ImportError:
        raise PartMissing(
            f"the local AWS has no {name}: moto is not installed",
            advice="Install `daypass[local-aws]` for the services behind IAM and STS.",
        ) from None
    make: Callable[[str], Any] = cast("Any", create_backend_app)
    flask = make(name)
    flask.debug = False
    flask.register_error_handler(500, lambda _: _failure(BEHIND[name]))
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
