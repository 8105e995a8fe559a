"""Somebody else's issuer: an HTTPS server with a discovery document and a key set, and a way to sign with its key."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass
class ForeignIssuer:
    """An issuer named `url`, really served on 127.0.0.1:`port` with a certificate for its host, signed by `ca_file`."""

    url: str
    host: str
    port: int
    ca_file: Path
    key: rsa.RSAPrivateKey
    requests: list[str] = field(default_factory=list)

    def sign(self, claims: Mapping[str, Any], *, kid: str = "k1") -> str:
        """A compact RS256 token over `claims`, made with PyJWT."""
        return jwt.encode(dict(claims), self.key, algorithm="RS256", headers={"kid": kid})


@contextmanager
def foreign_issuer(url: str, folder: Path) -> Iterator[ForeignIssuer]:
    """Serve discovery and keys of `url` until the block ends."""
    host = url.removeprefix("https://").partition("/")[0]
    authority = trustme.CA()
    ca_file = folder / "issuer-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k1", "use": "sig", "alg": "RS256"}
    jwk.pop("key_ops", None)
    path = url.removeprefix("https://" + host)
    documents = {
        f"{path}/.well-known/openid-configuration": {
            "issuer": url,
            "jwks_uri": f"{url}/oauth/discovery/keys",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        f"{path}/oauth/discovery/keys": {"keys": [jwk]},
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.requests.append(self.path)
            body = json.dumps(documents.get(self.path, {})).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer = ForeignIssuer(url, host, server.server_address[1], ca_file, key)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
