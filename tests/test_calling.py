"""The way out, over real sockets and real TLS: what it sends, what it refuses, and when it gives up."""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed knows only its caller

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from daypass import calling
from daypass.calling import trusted
from daypass.calling.proxies import proxy_for
from daypass.calling.target import METADATA_ADDRESS, Target
from daypass.errors import FileUnavailable, RequestInvalid, ServiceAnswerInvalid, ServiceUnreachable
from support.services import Reply, Service, https_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, lambda seen: Reply(200, b"fine", "text/plain")) as running:
        yield running


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that hands each connection to `talk`; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    try:
                        talk(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


def call(url: str, service: Service | None = None, **options: object) -> calling.Answer:
    keywords: dict[str, object] = {"headers": {}, "timeout_seconds": 5, "environ": {}}
    if service:
        keywords["ca_bundle"] = service.authority
    return calling.call("POST", url, **{**keywords, **options})  # type: ignore[arg-type]  # the tests' own options


def test_a_request_carries_what_was_given_and_no_credential_besides(service: Service) -> None:
    answer = call(service.url + "/a/b?c=d", service, headers={"X-A": "b"}, body=b"content")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"fine", "text/plain")
    (seen,) = service.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/a/b?c=d", b"content")
    assert seen.headers == {
        "Host": service.url.removeprefix("https://"),
        "X-A": "b",
        "Content-Length": "7",
        "Connection": "close",
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(service: Service, status: int) -> None:
    service.answer = lambda seen: Reply(status, b"", "text/plain", {"Location": service.url + "/elsewhere"})
    assert call(service.url, service, headers={"Authorization": "Bearer t"}).status == status
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com/",
        "ftp://localhost",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@localhost",
        "https://localhost:x",
        "https://localhost:99999",
        "https://local host",
        "https://localhost/a\r\nX-A: b",
        "https://bücher.example",
        "localhost",
        "",
    ],
)
def test_urls_that_are_not_called(url: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        call(url)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "ü", "\x1b[0m"])
def test_a_header_that_would_be_two_is_refused_without_its_value(service: Service, value: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        call(service.url, service, headers={"Authorization": f"Bearer s3cret{value}"})
    assert "s3cret" not in repr(refused.value) + refused.value.message
    assert not service.seen


def test_plain_http_reaches_this_machine_only() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(talk) as port:
        for host in ("localhost", "127.0.0.1", "idp.localhost"):
            assert call(f"http://{host}:{port}/").body == b"ok"


def test_a_certificate_of_an_unknown_authority_is_refused_and_the_setting_named(service: Service) -> None:
    with pytest.raises(ServiceUnreachable, match="certificate") as refused:
        call(service.url, ca_setting="AWS_CA_BUNDLE")
    assert refused.value.facts["phase"] == "tls"
    assert "AWS_CA_BUNDLE" in (refused.value.advice or "")


def test_a_certificate_for_another_name_is_refused(service: Service) -> None:
    with pytest.raises(ServiceUnreachable, match="certificate") as refused:
        call(service.url.replace("localhost", "other.localhost"), service)
    assert refused.value.facts["phase"] == "tls"


def test_an_old_tls_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trusted.trust

    def without_the_platforms_own_rule(bundle: Path | None, setting: str) -> ssl.SSLContext:
        context = made(bundle, setting)
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    monkeypatch.setattr("daypass.calling.trust", without_the_platforms_own_rule)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    authority.issue_cert("localhost").configure_cert(context)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))

    def talk(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True)

    with raw_server(talk) as port, pytest.raises(ServiceUnreachable) as refused:
        call(f"https://localhost:{port}", ca_bundle=pem)
    assert refused.value.facts["phase"] == "tls"


def test_an_authority_file_that_cannot_be_used_is_named(service: Service, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("empty.pem", "absent.pem"):
        with pytest.raises(FileUnavailable, match=name) as refused:
            call(service.url, ca_bundle=tmp_path / name, ca_setting="AWS_CA_BUNDLE")
        assert "AWS_CA_BUNDLE" in (refused.value.advice or "")


def test_http_to_a_server_that_speaks_tls_says_so(service: Service) -> None:
    with pytest.raises(ServiceUnreachable) as refused:
        call(service.url.replace("https://", "http://"))
    assert "https://" in (refused.value.advice or "")


def test_https_to_a_server_without_tls_says_so() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(talk) as port, pytest.raises(ServiceUnreachable) as refused:
        call(f"https://localhost:{port}")
    assert "does not speak TLS" in (refused.value.advice or "")


def test_a_folder_of_hashed_names_is_trusted_too(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "hashed"
    folder.mkdir()
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to name the file")
    name = subprocess.run(
        [openssl, "x509", "-noout", "-subject_hash", "-in", str(service.authority)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (folder / f"{name}.0").write_bytes(service.authority.read_bytes())
    assert call(service.url, ca_bundle=folder).body == b"fine"


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_nobody_listening_is_a_connect_failure() -> None:
    with pytest.raises(ServiceUnreachable, match="refused") as refused:
        call(f"https://localhost:{refused_port()}")
    assert refused.value.facts["phase"] == "connect"


def test_an_address_that_swallows_everything_leaves_time_for_the_next(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name has an IPv6 and an IPv4 address, and the container's IPv6 leads nowhere."""
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(8):  # who is not accepted fills the queue; the next one is not even refused
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        good = ("127.0.0.1", Target.parse(service.url).port)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", where) for where in (full.getsockname(), good)]
        monkeypatch.setattr(calling, "_resolve", lambda *_: found)
        answer = calling.call("GET", service.url, headers={}, timeout_seconds=4, ca_bundle=service.authority)
    assert answer.body == b"fine"


def test_an_unknown_name_is_a_dns_failure() -> None:
    with pytest.raises(ServiceUnreachable) as refused:
        call("https://nowhere.invalid")
    assert refused.value.facts["phase"] == "dns"


def silence(connection: socket.socket) -> None:
    time.sleep(1.5)


def drip_header(connection: socket.socket) -> None:
    connection.recv(65536)
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: yes yes yes yes\r\n":
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(40):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("talk", [silence, drip_header, drip_body])
def test_the_deadline_holds_for_all_of_it(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as port:
        started = time.monotonic()
        with pytest.raises(ServiceUnreachable, match="too long") as refused:
            call(f"http://localhost:{port}", timeout_seconds=0.4)
        assert time.monotonic() - started < 1.2
    assert refused.value.facts["phase"] == "read"


def test_a_stalled_handshake_ends_at_the_deadline() -> None:
    with raw_server(silence) as port, pytest.raises(ServiceUnreachable, match="too long") as refused:
        call(f"https://localhost:{port}", timeout_seconds=0.3)
    assert refused.value.facts["phase"] == "tls"


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", ServiceUnreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", ServiceUnreachable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho", ServiceUnreachable),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ServiceAnswerInvalid),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", ServiceAnswerInvalid),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", ServiceAnswerInvalid),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000, ServiceAnswerInvalid),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3000, ServiceAnswerInvalid),
    ],
)
def test_answers_that_are_none(sent: bytes, kind: type[Exception]) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(sent)

    with raw_server(talk) as port, pytest.raises(kind):
        call(f"http://localhost:{port}", max_bytes=2048)


def test_a_body_of_exactly_the_limit_is_read() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n" + b"x" * 2048)

    with raw_server(talk) as port:
        assert len(call(f"http://localhost:{port}", max_bytes=2048).body) == 2048


class TunnelProxy:
    """A proxy that connects every CONNECT to one port, and keeps what it was asked."""

    def __init__(self, port: int, status: bytes = b"200 OK") -> None:
        self.heads: list[bytes] = []
        self.passed = bytearray()
        self._port = port
        self._status = status

    def talk(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        self.heads.append(head)
        client.sendall(b"HTTP/1.1 " + self._status + b"\r\n\r\n")
        if not self._status.startswith(b"200"):
            return
        with socket.create_connection(("127.0.0.1", self._port)) as upstream:
            back = threading.Thread(target=self._copy, args=(upstream, client))
            back.start()
            while data := client.recv(65536):
                self.passed += data
                upstream.sendall(data)
            upstream.shutdown(socket.SHUT_WR)
            back.join()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            return


@pytest.fixture
def named_service(tmp_path: Path) -> Iterator[tuple[Path, int, list[bytes]]]:
    """A TLS server for idp.example.com, which only a proxy can lead to: its authority, port, and what it got."""
    authority, got = trustme.CA(), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("idp.example.com").configure_cert(context)
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            got.append(tls.recv(65536))
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(talk) as port:
        yield pem, port, got


def test_a_proxy_sees_the_name_and_never_the_token(named_service: tuple[Path, int, list[bytes]]) -> None:
    pem, port, got = named_service
    proxy = TunnelProxy(port)
    with raw_server(proxy.talk) as proxy_port:
        answer = call(
            "https://idp.example.com/x",
            ca_bundle=pem,
            headers={"Authorization": "Bearer s3cret"},
            environ={"HTTPS_PROXY": f"http://us%65r:pass@127.0.0.1:{proxy_port}"},
        )
    assert answer.body == b"ok"
    assert b"Authorization: Bearer s3cret" in got[0]
    assert b"Proxy-Authorization" not in got[0]
    head = proxy.heads[0]
    assert head.startswith(b"CONNECT idp.example.com:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"user:pass") in head
    assert b"s3cret" not in head + proxy.passed


def test_a_proxy_that_refuses_is_named() -> None:
    proxy = TunnelProxy(0, b"407 Proxy Authentication Required")
    with raw_server(proxy.talk) as port, pytest.raises(ServiceUnreachable, match="407") as refused:
        call("https://idp.example.com", environ={"https_proxy": f"127.0.0.1:{port}"})
    assert refused.value.facts["phase"] == "proxy"
    assert "HTTPS_PROXY" in (refused.value.advice or "")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://user:s3cret@127.0.0.1:1", "http://", "http://a:x"])
def test_a_proxy_of_another_kind_is_a_wrong_setting(proxy: str) -> None:
    with pytest.raises(RequestInvalid, match="HTTPS_PROXY") as refused:
        call("https://idp.example.com", environ={"HTTPS_PROXY": proxy})
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize("exempt", ["*", "invalid", ".nowhere.invalid", "a, NOWHERE.invalid", "nowhere.invalid:443"])
def test_no_proxy_names_hosts_and_domains(exempt: str) -> None:
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{refused_port()}", "NO_PROXY": exempt}
    with pytest.raises(ServiceUnreachable) as refused:
        call("https://nowhere.invalid", environ=environ)
    assert refused.value.facts["phase"] == "dns", "the host's own name was looked up, so no proxy was used"


@pytest.mark.parametrize(
    ("host", "exempt", "direct"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "192.168.0.0/16, 10.1.2.0/24", True),
        ("10.1.2.3", "10.1.2.77/24", True),
        ("10.1.2.3", "10.1.3.0/24", False),
        ("10.1.2.3", "10.0.0.0/99", False),
        ("10.1.2.3", "/8", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "10.0.0.0/8", False),
        ("ten.example.com", "0.0.0.0/0", False),
    ],
)
def test_no_proxy_names_networks_for_addresses(host: str, exempt: str, *, direct: bool) -> None:
    environ = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": exempt}
    target = Target.parse(f"https://{host}/")
    assert (proxy_for(target, environ) is None) == direct


def test_a_machines_metadata_server_is_called_in_plain_http_only_by_who_says_so() -> None:
    url = f"http://{METADATA_ADDRESS}/"
    with pytest.raises(RequestInvalid):
        calling.call("GET", url, headers={}, timeout_seconds=1)
    for near in ("169.254.169.254", "127.0.0.1"):
        assert Target.parse(f"http://{near}/", metadata=True).host == near
    for far in ("169.254.169.253", "metadata.google.internal", "169.254.169.254.example.com", "[fe80::1]"):
        with pytest.raises(RequestInvalid):
            Target.parse(f"http://{far}/", metadata=True)


@pytest.mark.parametrize("exempt", ["", "elsewhere.invalid", "where.invalid", "nowhere.invalid:8443"])
def test_other_hosts_go_through_the_proxy(exempt: str) -> None:
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{refused_port()}", "NO_PROXY": exempt}
    with pytest.raises(ServiceUnreachable) as refused:
        call("https://nowhere.invalid", environ=environ)
    assert refused.value.facts["phase"] == "connect"


def test_this_machine_is_never_asked_through_a_proxy(service: Service) -> None:
    assert call(service.url, service, environ={"HTTPS_PROXY": "http://127.0.0.1:1"}).status == 200


def test_the_origin_has_its_port_written() -> None:
    assert calling.origin_of("https://sts.amazonaws.com/x?y") == "https://sts.amazonaws.com:443"
    assert calling.origin_of("http://[::1]:80") == "http://[::1]:80"


def test_a_post_without_a_body_says_so(service: Service) -> None:
    call(service.url, service)
    assert service.seen[0].headers["Content-Length"] == "0"


@pytest.mark.parametrize(
    ("head", "signed_end", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, b"half"),
        (b"HTTP/1.1 200 OK\r\n\r\n", False, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", False, b"half"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", True, None),
    ],
)
def test_an_answer_that_somebody_cut_is_no_answer(
    tmp_path: Path, head: bytes, body: bytes | None, *, signed_end: bool
) -> None:
    """The truncation attack on TLS: who is between cannot forge bytes, and can end the connection after any of them."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(head + b"half")
            if signed_end:
                tls.unwrap().close()

    with raw_server(talk) as port:
        if body is not None:
            assert call(f"https://localhost:{port}", ca_bundle=pem).body == body
        else:
            with pytest.raises(ServiceUnreachable, match="ended before it was complete"):
                call(f"https://localhost:{port}", ca_bundle=pem)


NAMES = st.sampled_from(
    ["a.example", "b.a.example", ".a.example", "xa.example", "example", "10.0.0.1", "A.Example", ""]
)
ENTRIES = st.one_of(NAMES, st.builds("{}:{}".format, NAMES, st.sampled_from(["443", "8443"])), st.just(" a.example "))


@given(
    st.one_of(st.lists(ENTRIES, max_size=3).map(",".join), st.just("*")),
    st.sampled_from(["a.example", "b.a.example", "xa.example", "10.0.0.1"]),
    st.sampled_from([443, 8443]),
)
def test_no_proxy_is_what_the_aws_cli_reads(text: str, host: str, port: int) -> None:
    """botocore asks urllib, with the host and port of the URL."""
    netloc = host if port == 443 else f"{host}:{port}"
    theirs = bool(proxy_bypass_environment(netloc, {"no": text}))
    target = Target.parse(f"https://{host}:{port}/")
    ours = proxy_for(target, {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": text}) is None
    if port == 443:  # urllib does not know that 443 goes without saying
        theirs = theirs or bool(proxy_bypass_environment(f"{host}:443", {"no": text}))
    assert ours == theirs


@pytest.mark.parametrize(
    ("host", "port", "exempt", "direct"),
    [
        ("[fd00::1]", 8443, "[fd00::1]:8443", True),
        ("[fd00::1]", 443, "[fd00::1]:8443", False),
        ("[fd00::1]", 443, "[fd00::1]", True),
        ("[fd00::1]", 443, "fd00::1", True),
        ("a.example", 443, "*.a.example", False),
    ],
)
def test_no_proxy_names_addresses_with_ports(host: str, port: int, exempt: str, *, direct: bool) -> None:
    target = Target.parse(f"https://{host}:{port}/")
    assert (proxy_for(target, {"https_proxy": "http://127.0.0.1:1", "no_proxy": exempt}) is None) == direct
