"""The identity provider as its users meet it: a process of its own, real sockets, real TLS."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from support.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey
AUDIENCE = "sts.amazonaws.com"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("serving")) as process:
        yield process


def workload(serving: Serving, slug: str) -> dict[str, Any]:
    with serving.client(serving.admin_token) as admin:
        admin.post("/v1/organizations", json={"slug": slug}).raise_for_status()
        admin.post(f"/v1/organizations/{slug}/projects", json={"slug": "shop"}).raise_for_status()
        made = admin.post(f"/v1/organizations/{slug}/projects/shop/workloads", json={"kind": "job"})
        made.raise_for_status()
        document: dict[str, Any] = made.json()
        return document


def token(serving: Serving, secret: str, **body: object) -> str:
    with serving.client(secret) as client:
        answer = client.post("/v1/id-tokens", json={"audience": AUDIENCE, **body})
        answer.raise_for_status()
        text: str = answer.json()["token"]
        return text


def test_the_whole_life_of_a_workload(serving: Serving) -> None:
    made = workload(serving, "acme")
    issuer = serving.settings["issuer"]
    for algorithm in ("RS256", "ES256"):
        text = token(serving, made["secret"], algorithm=algorithm)
        keys = jwt.PyJWKClient(f"{serving.base}/keys", ssl_context=serving.tls)
        claims = jwt.decode(
            text, keys.get_signing_key_from_jwt(text), algorithms=[algorithm], audience=AUDIENCE, issuer=issuer
        )
        assert claims["workload_id"] == made["id"]
        with serving.client() as client:
            served = KeySet.import_key_set(client.get("/keys").json())
        assert joserfc_jwt.decode(text, served, algorithms=[algorithm]).claims == claims
    with serving.client(made["secret"]) as client:
        by_actions = client.get("/v1/id-tokens/actions?api-version=2.0&audience=sts.amazonaws.com").json()
        assert by_actions["count"] == len(by_actions["value"])
    with serving.client(serving.admin_token) as admin:
        entries = admin.get("/v1/audit", params={"limit": 1000}).json()["items"]
        assert sum(entry["workload_id"] == made["id"] and entry["outcome"] == "issued" for entry in entries) == 3
        assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
        admin.post(f"/v1/workloads/{made['id']}/revoke").raise_for_status()
    with serving.client(made["secret"]) as client:
        answer = client.post("/v1/id-tokens", json={"audience": AUDIENCE})
        assert (answer.status_code, answer.json()["code"]) == (401, "credential_unknown")


def test_a_secret_ends_with_its_time(serving: Serving) -> None:
    workload(serving, "brief")
    with serving.client(serving.admin_token) as admin:
        made = admin.post(
            "/v1/organizations/brief/projects/shop/workloads", json={"kind": "job", "expires_in_seconds": 1}
        ).json()
    deadline = time.monotonic() + 10
    with serving.client(made["secret"]) as client:
        while (answer := client.get("/v1/id-tokens/actions")).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.1)
    assert (answer.status_code, answer.json()["code"]) == (401, "credential_expired")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_tls_1_1_is_refused_by_the_live_socket(serving: Serving) -> None:
    """Dex CVE-2024-23656: the setting was dropped and TLS 1.0 served, so the socket is asked, not the setting."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(str(serving.folder / "ca.pem"))
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    assert _shakes_hands_with_an_old_server(old, serving.folder), "this client can speak TLS 1.1"
    with (
        socket.create_connection(("127.0.0.1", serving.port), timeout=5) as plain,
        pytest.raises(ssl.SSLError),
        old.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        new = serving.tls
        new.minimum_version = new.maximum_version = version
        with (
            socket.create_connection(("127.0.0.1", serving.port), timeout=5) as plain,
            new.wrap_socket(plain, server_hostname="localhost") as encrypted,
        ):
            assert encrypted.version() == version.name.replace("_", ".")


def _shakes_hands_with_an_old_server(client: ssl.SSLContext, folder: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_hostname="localhost"),
        context.wrap_bio(there, back, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0].version() == "TLSv1.1"


def test_plain_http_is_not_answered(serving: Serving) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{serving.port}/idp/keys", trust_env=False)


def test_the_folder_is_closed_and_its_secrets_are_nowhere_else(serving: Serving) -> None:
    data = serving.folder / "data"
    for path in [data, *data.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    log = "".join(serving.log)
    assert serving.admin_token not in log
    assert "eyJ" not in log
    assert "dpw_" not in log
    assert str(data / "admin-token") in log
    for line in serving.log:
        assert line.startswith("daypass: ") or json.loads(line)["event"]


def test_no_core_file_is_left(serving: Serving) -> None:
    from pathlib import Path

    limits = Path(f"/proc/{serving.process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]


def test_a_second_process_on_the_same_folder_is_refused(serving: Serving) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "daypass", "serve", "--config", str(serving.folder / "daypass.toml")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 3
    assert "another process has kept" in second.stderr
    assert "Traceback" not in second.stderr


def test_an_address_in_use_is_refused(serving: Serving, tmp_path: Path) -> None:
    other = Serving(tmp_path, listen=f"127.0.0.1:{serving.port}")
    second = subprocess.run(
        [sys.executable, "-m", "daypass", "serve", "--config", str(other.write_settings())],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    assert "`listen`" in second.stderr
    assert "address already in use" in second.stderr


def test_a_kill_at_any_time_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    process = Serving(tmp_path, signing_algorithms='["RS256"]', limit_workload_tokens_per_minute="0")
    with process:
        made = workload(process, "acme")
        admin_token = process.admin_token
        with process.client() as client:
            keys = client.get("/keys").json()
        answered: list[str] = []
        stop = threading.Event()

        def ask() -> None:
            with process.client(made["secret"]) as client:
                while not stop.is_set():
                    try:
                        answer = client.post("/v1/id-tokens", json={"audience": AUDIENCE})
                    except httpx.HTTPError:
                        return
                    answered.append(answer.json()["token"])

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        time.sleep(0.7)
        process.kill()
        stop.set()
        for thread in asking:
            thread.join()
    assert len(answered) > 20
    with process:
        assert process.admin_token == admin_token
        with process.client() as client:
            assert client.get("/keys").json() == keys
        import hashlib

        recorded: set[str] = set()
        after = ""
        with process.client(admin_token) as admin:
            while True:
                page = admin.get("/v1/audit", params={"limit": 1000} | ({"after": after} if after else {})).json()
                recorded |= {entry["token_sha256"] for entry in page["items"]}
                if page["next"] is None:
                    break
                after = page["next"]
        assert {hashlib.sha256(text.encode()).hexdigest() for text in answered} <= recorded
        assert token(process, made["secret"])


def test_sigterm_lets_requests_end(tmp_path: Path) -> None:
    with Serving(tmp_path, signing_algorithms='["RS256"]') as process:
        secret = workload(process, "acme")["secret"]
        body = b'{"audience":"sts.amazonaws.com"}'
        context = process.tls
        with (
            socket.create_connection(("127.0.0.1", process.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(
                b"POST /idp/v1/id-tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + secret.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:5]
            )
            time.sleep(0.2)
            started = time.monotonic()
            process.process.terminate()
            time.sleep(0.3)
            client.sendall(body[5:])
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert process._wait() == 0
        assert time.monotonic() - started < 10


def test_behind_a_proxy_it_speaks_plain_http(tmp_path: Path) -> None:
    settings = {"behind_proxy": "true", "tls_certificate": "", "tls_private_key": "", "proxy_hops": "1"}
    with Serving(tmp_path, signing_algorithms='["RS256"]', **settings) as process:
        assert process.scheme == "http"
        with process.client(process.admin_token) as admin:
            assert admin.get("/keys").status_code == 200
            assert admin.get("/v1/organizations").status_code == 400
            assert admin.get("/v1/organizations", headers={"x-forwarded-proto": "https"}).status_code == 200


def test_a_first_start_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    with Serving(tmp_path, signing_algorithms='["RS256"]') as process:
        lost = process.admin_token
    data = tmp_path / "data"
    (data / "admin-token").unlink()
    with process:
        assert not (data / "admin-token").exists(), "who takes the file away does not get another one"
    (data / ".admin-token.unfinished").touch(mode=0o600)
    with process:
        assert process.admin_token != lost
        with process.client(process.admin_token) as admin:
            assert admin.get("/v1/organizations").status_code == 200
    assert not (data / ".admin-token.unfinished").exists()


def test_threats_80_a_limited_source_is_told_the_truth_and_may_always_read_the_keys(tmp_path: Path) -> None:
    with (
        Serving(tmp_path, signing_algorithms='["RS256"]', limit_source_requests_per_minute="30") as process,
        process.client() as client,
    ):
        answers = [client.get("/v1/openapi.json") for _ in range(21)]
        assert [answer.status_code for answer in answers] == [200] * 20 + [429]
        for _ in range(100):
            assert client.get("/keys").status_code == 200
            assert client.get("/.well-known/openid-configuration").status_code == 200
        time.sleep(int(answers[-1].headers["retry-after"]))
        assert client.get("/v1/openapi.json").status_code == 200
