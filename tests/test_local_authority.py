"""The machine's own authority signs for this machine, and for nothing else."""

from __future__ import annotations

import http.server
import ssl
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from daypass.errors import FileUnsafe
from daypass.local_authority import LocalCertificate, local_certificate

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(UTC)


def _bytes(paths: LocalCertificate) -> tuple[bytes, bytes]:
    return paths.authority.read_bytes(), paths.certificate.read_bytes()


def test_a_client_that_trusts_it_accepts_this_machine(tmp_path: Path) -> None:
    paths = local_certificate(tmp_path, now=NOW)
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.certificate, paths.private_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    client = ssl.create_default_context(cafile=str(paths.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    request = urllib.request.Request(f"https://localhost:{server.server_port}/", method="HEAD")
    with urllib.request.urlopen(request, context=client) as answer:
        assert answer.status == 200
    thread.join()
    server.server_close()


def test_it_is_kept_until_it_is_about_to_end(tmp_path: Path) -> None:
    first = _bytes(local_certificate(tmp_path, now=NOW))
    assert _bytes(local_certificate(tmp_path, now=NOW + timedelta(days=60))) == first
    leaf_renewed = _bytes(local_certificate(tmp_path, now=NOW + timedelta(days=89)))
    assert leaf_renewed[0] == first[0]
    assert leaf_renewed[1] != first[1]
    both_renewed = _bytes(local_certificate(tmp_path, now=NOW + timedelta(days=364)))
    assert both_renewed[0] != first[0]


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    one, other = local_certificate(tmp_path / "one", now=NOW), local_certificate(tmp_path / "other", now=NOW)
    one.certificate.write_bytes(other.certificate.read_bytes())
    one.private_key.write_bytes(other.private_key.read_bytes())
    renewed = x509.load_pem_x509_certificate(local_certificate(tmp_path / "one", now=NOW).certificate.read_bytes())
    renewed.verify_directly_issued_by(x509.load_pem_x509_certificate(one.authority.read_bytes()))


def test_it_can_sign_for_no_other_name(tmp_path: Path) -> None:
    authority = x509.load_pem_x509_certificate(local_certificate(tmp_path, now=NOW).authority.read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [str(name.value) for name in constraints.value.permitted_subtrees or []] == [
        "localhost",
        "127.0.0.1/32",
        "::1/128",
    ]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    paths = local_certificate(tmp_path, now=NOW)
    assert paths.private_key.stat().st_mode & 0o777 == 0o600
    paths.private_key.chmod(0o644)
    with pytest.raises(FileUnsafe):
        local_certificate(tmp_path, now=NOW)
