"""A small issuer on this machine: HTTPS, discovery, key set, and tokens signed with its keys."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from daypass.tokens.jwk import PrivateKey


class HttpsIssuer:
    """Its URL is `https://localhost:<port><path>`; `documents` by path may be changed while it runs."""

    def __init__(self, port: int, path: str) -> None:
        self.port = port
        self.url = f"https://localhost:{port}{path}"
        self._discovery_path = f"{path}/.well-known/openid-configuration"
        self.reset()

    def reset(self) -> None:
        """As on its first day."""
        self.key = private_key()
        self.fetches = 0
        self.headers = {"content-type": "application/json"}
        self.refuses: int | None = None
        self.requests: list[dict[str, str]] = []
        metadata = {"issuer": self.url, "jwks_uri": f"https://localhost:{self.port}/keys"}
        self.documents = {
            self._discovery_path: json.dumps(metadata).encode(),
            "/keys": KeySet([self.key.public]).document(),
        }

    def token(self, *, now: float, key: PrivateKey | None = None, **claims: object) -> str:
        """A token for `sts.amazonaws.com`; a claim given as None is left out."""
        every = {
            "iss": self.url,
            "sub": "workspace:one",
            "aud": "sts.amazonaws.com",
            "iat": int(now),
            "exp": int(now) + 300,
            **claims,
        }
        kept = {name: value for name, value in every.items() if value is not None}
        return mint(kept, key or self.key).reveal()


@contextmanager
def https_issuer(
    ca: trustme.CA, path: str = "/t", *, certificate: trustme.LeafCert | None = None
) -> Iterator[HttpsIssuer]:
    """An issuer that listens; `certificate` is another one than `ca` makes for `localhost`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            issuer.fetches += self.path == "/keys"
            body = issuer.documents.get(self.path)
            issuer.requests.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(issuer.refuses or (404 if body is None else 200))
            for name, value in issuer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (certificate or ca.issue_cert("localhost")).configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer = HttpsIssuer(server.server_port, path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
