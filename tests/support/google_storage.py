"""A bucket of Google Cloud Storage on this machine: the four requests of the JSON API that publishing makes.

Shapes as in https://cloud.google.com/storage/docs/json_api/v1/objects: metadata, media, a multipart upload with
`ifGenerationMatch`, and errors of the form `{"error": {"code", "message"}}`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA = re.compile(r"(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)")
UPLOAD = re.compile(r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o")


@dataclass
class GoogleStorage:
    """What is in the bucket `keys`, by name: body and metadata. `refuses` is a status that every request gets."""

    url: str = ""
    refuses: int | None = None
    objects: dict[str, tuple[bytes, dict[str, Any]]] = field(default_factory=dict)
    generation: int = 1000
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def google_storage() -> Iterator[GoogleStorage]:
    """One that listens."""
    state = GoogleStorage()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _error(self, status: int, message: str) -> None:
            self._answer(status, json.dumps({"error": {"code": status, "message": message}}).encode())

        def _precondition(self, query: dict[str, list[str]], generation: int) -> bool:
            wanted = query.get("ifGenerationMatch")
            return wanted is None or int(wanted[0]) == generation

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            match = METADATA.fullmatch(parts.path)
            if state.refuses is not None:
                self._error(state.refuses, "the caller does not have permission")
            elif match is None or match[1] != "keys":
                self._error(404, "The specified bucket does not exist.")
            elif (found := state.objects.get(unquote(match[2]))) is None:
                self._error(404, f"No such object: keys/{unquote(match[2])}")
            elif not self._precondition(query, int(found[1]["generation"])):
                self._error(412, "At least one of the pre-conditions you specified did not hold.")
            elif query.get("alt") == ["media"]:
                body = found[0]
                md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
                last = re.fullmatch(r"bytes=0-([0-9]+)", self.headers.get("range", ""))
                part = body[: int(last[1]) + 1] if last else body
                # RFC 9110 section 14.1.2: no byte of nothing can be had.
                status = (206 if body else 416) if last else 200
                self._answer(status, part, found[1]["contentType"], X_Goog_Hash=f"md5={md5}")
            else:
                self._answer(200, json.dumps(found[1]).encode())

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"]))
            parts = urlsplit(self.path)
            match = UPLOAD.fullmatch(parts.path)
            if state.refuses is not None:
                return self._error(state.refuses, "the caller does not have permission")
            if match is None or match[1] != "keys":
                return self._error(404, "The specified bucket does not exist.")
            boundary = self.headers["content-type"].partition("boundary=")[2].strip('"').encode()
            _, first, second, _ = sent.split(b"--" + boundary)
            metadata = json.loads(first.partition(b"\r\n\r\n")[2])
            head, _, body = second.partition(b"\r\n\r\n")
            body = body.removesuffix(b"\r\n")
            kind = re.search(rb"(?i)content-type: *([^\r\n]+)", head)
            with state.lock:
                name = metadata["name"]
                before = state.objects.get(name)
                if not self._precondition(parse_qs(parts.query), int(before[1]["generation"]) if before else 0):
                    return self._error(412, "At least one of the pre-conditions you specified did not hold.")
                md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
                if metadata.get("md5Hash", md5) != md5:
                    return self._error(400, "Provided MD5 hash does not match.")
                state.generation += 1
                made = {
                    "kind": "storage#object",
                    "bucket": "keys",
                    "name": name,
                    "generation": str(state.generation),
                    "metageneration": "1",
                    "contentType": kind[1].decode() if kind else "",
                    "cacheControl": metadata.get("cacheControl"),
                    "size": str(len(body)),
                    "md5Hash": md5,
                }
                state.objects[name] = (body, made)
            return self._answer(200, json.dumps(made).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
