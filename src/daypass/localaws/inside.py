"""botocore clients of a local AWS in the same process: requests are signed and go through the front, but no socket."""

from __future__ import annotations

import asyncio
import io
import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.session import Session

from daypass.localaws.sessions import ADMINISTRATOR_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from daypass.localaws.app import Application

    Message = MutableMapping[str, Any]

_ENDPOINT: Final = "http://127.0.0.1"
_SECONDS: Final = 60


class Inside:
    """Clients for an administrator of an account. To be used in another thread than the one of `loop`."""

    def __init__(self, front: Application, loop: asyncio.AbstractEventLoop, account: str) -> None:
        self._front = front
        self._loop = loop
        self._account = account
        self._session = Session()
        # Nothing of the person's own AWS settings.
        for name, value in (("config_file", os.devnull), ("credentials_file", os.devnull), ("profile", None)):
            self._session.set_config_variable(name, value)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A client of a service."""
        client = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=_ENDPOINT,
            aws_access_key_id=self._account,
            aws_secret_access_key=ADMINISTRATOR_SECRET.reveal(),
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: Any, **_: object) -> AWSResponse:
        future = asyncio.run_coroutine_threadsafe(_ask(self._front, request), self._loop)
        status, headers, body = future.result(_SECONDS)
        return AWSResponse(request.url, status, headers, _Body(body))


class _Body(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.getvalue()


async def _ask(front: Application, request: Any) -> tuple[int, dict[str, str], bytes]:
    url = urlsplit(request.url)
    body = request.body or b""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
    given = {name.lower(): value for name, value in request.headers.items()}
    headers = {"host": url.netloc, **given}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path or "/"),
        "raw_path": (url.path or "/").encode("latin-1"),
        "query_string": url.query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.encode(), value if isinstance(value, bytes) else str(value).encode("latin-1"))
            for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }
    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        answered.append(message)

    await front(scope, receive, send)
    start = answered[0]
    told = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    return start["status"], told, b"".join(message.get("body", b"") for message in answered[1:])
