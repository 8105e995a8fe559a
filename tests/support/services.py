"""A small HTTPS server of the test's own: it speaks what the test tells it to, and keeps what it was sent."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import trustme

from daypass.tokens.mint import mint
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

WORKLOAD_SECRET = "dpw_workload-secret-of-the-tests"
ADMIN_SECRET = "dpa_admin-secret-of-the-tests"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "FwoGZXIvYXdzEXAMPLE/session+token=="
ROLE = "arn:aws:iam::111122223333:role/ci/deploy"
CLAIMS = {
    "iss": "https://idp.example.com",
    "aud": "sts.amazonaws.com",
    "sub": "organization:org_1:project:prj_1:workspace:wsp_42",
}


@dataclass(frozen=True, slots=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), strict_parsing=True).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Service:
    url: str
    authority: Path
    answer: Callable[[Seen], Reply]
    seen: list[Seen] = field(default_factory=list)


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def problem(status: int, code: str, title: str, advice: str | None = None) -> Reply:
    value = {"type": f"urn:daypass:error:{code}", "title": title, "status": status, "code": code, "request_id": "r-1"}
    body = json.dumps(value | ({"advice": advice} if advice else {})).encode()
    return Reply(status, body, "application/problem+json", {"X-Request-Id": "r-1"})


@contextmanager
def https_service(folder: Path, answer: Callable[[Seen], Reply]) -> Iterator[Service]:
    """Serve `answer` over real TLS on a loopback port, until the block ends."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    pem = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    service = Service("", pem, answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            seen = Seen(self.command, self.path, dict(self.headers), self.rfile.read(length))
            service.seen.append(seen)
            reply = service.answer(seen)
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - the base class names them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

        def get_request(self) -> tuple[ssl.SSLSocket, Any]:
            raw, address = self.socket.accept()
            raw.settimeout(10)
            return context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        service.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def sts_success(seen: Seen) -> Reply:
    """What STS answers, for the role and session that were asked for."""
    form = seen.form
    account, role = form["RoleArn"].split(":")[4], form["RoleArn"].rsplit("/", 1)[1]
    session = form["RoleSessionName"]
    return sts_reply(f"arn:aws:sts::{account}:assumed-role/{role}/{session}")


def sts_reply(
    arn: str,
    *,
    access_key_id: str = "ASIAEXAMPLEEXAMPLE12",
    secret_access_key: str = SECRET_ACCESS_KEY,
    session_token: str = SESSION_TOKEN,
    expiration: str = "2026-01-02T04:04:05Z",
    subject: str = "a subject",
) -> Reply:
    body = f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>
    <Provider>arn:aws:iam::111122223333:oidc-provider/idp.example.com</Provider>
    <Credentials>
      <AccessKeyId>{access_key_id}</AccessKeyId>
      <SecretAccessKey>{secret_access_key}</SecretAccessKey>
      <SessionToken>{session_token}</SessionToken>
      <Expiration>{expiration}</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>{subject}</SubjectFromWebIdentityToken>
    <PackedPolicySize>25</PackedPolicySize>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>"""
    return Reply(200, body.encode(), "text/xml")


def sts_fault(code: str, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Reply:
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
    return Reply(status, body.encode(), "text/xml", headers or {})


def identity_token(**claims: object) -> str:
    return mint({**CLAIMS, **claims}, private_key()).reveal()


def platform(seen: Seen) -> Reply:
    """Identity provider below `/idp` and STS at `/`: what a login needs."""
    if seen.path == "/idp/v1/id-tokens":
        if seen.headers.get("Authorization") != f"Bearer {WORKLOAD_SECRET}":
            return problem(401, "credential_unknown", "the bearer credential is not known")
        audience = seen.json["audience"]
        token = identity_token(aud=audience[0] if len(audience) == 1 else audience)
        return json_reply({"token": token, "token_type": "urn:ietf:params:oauth:token-type:id_token"})
    return sts_success(seen)
