"""What stands between strangers and a bucket that is not public: a web server over HTTPS, one object for each path."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme


@contextmanager
def bucket_front(s3: Any, bucket: str, certificate: trustme.LeafCert) -> Iterator[int]:
    """The port on this machine of a web server that reads each object as it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                found = s3.get_object(Bucket=bucket, Key=self.path.removeprefix("/"))
            except ClientError:
                self.send_response(403)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            body = found["Body"].read()
            self.send_response(200)
            self.send_header("content-type", found["ContentType"])
            self.send_header("cache-control", found.get("CacheControl", ""))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
