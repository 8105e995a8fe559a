"""The probes against real servers: what they see, and what they never do."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from daypass.doctor.examine import Progress, Question, examine
from daypass.doctor.judge import judge
from daypass.doctor.probes import dns, document, tcp, tls
from daypass.doctor.probes.place import place_of
from daypass.fetching import Limits
from daypass.names import RoleArn
from daypass.secret import Secret
from support.https_issuer import HttpsIssuer, https_issuer
from support.misbehaving import Exchange, https_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from daypass.doctor.facts import DocumentFacts, Facts

LIMITS = Limits(total_seconds=2.0)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def issuer(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as found:
        yield found


def ask(question: Question, told: list[Progress] | None = None) -> Facts:
    return asyncio.run(examine(question, now, progress=(lambda _: None) if told is None else told.append))


def question(ca_file: Path, **more: object) -> Question:
    return Question(
        ca_files=(ca_file,),
        allow_private=frozenset({"localhost"}),
        limits=LIMITS,
        **more,  # type: ignore[arg-type]
    )


def test_a_token_is_enough_to_examine_its_issuer(issuer: HttpsIssuer, ca_file: Path) -> None:
    told: list[Progress] = []
    facts = ask(question(ca_file, token=Secret(issuer.token(now=time.time()))), told)
    assert facts.issuer == issuer.url
    assert facts.token is not None
    assert facts.token.signature == "valid"
    assert facts.verdict is not None
    assert facts.verdict.allowed is True
    assert facts.verdict.assumed == ("provider", "client_ids", "trust_policy")
    assert [each.status for each in (*facts.discovery, *facts.keys)] == [200] * 6
    assert all(each.tls_seconds is not None and each.total_seconds < 2 for each in facts.discovery)
    assert {each.probe for each in told if each.done} == {each.probe for each in told if not each.done}


def test_nothing_that_leaves_is_the_token_and_nothing_that_stays_is_its_signature(
    ca: trustme.CA, ca_file: Path, issuer: HttpsIssuer
) -> None:
    async def talk(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    async def run() -> Facts:
        async with https_server(ca, "idp.example.com", talk=talk) as server:
            token = issuer.token(now=time.time(), iss="https://idp.example.com")
            asked = Question(
                token=Secret(token),
                ca_files=(ca_file,),
                connect_to={("idp.example.com", 443): ("127.0.0.1", server.port)},
                limits=LIMITS,
            )
            facts = await examine(asked, now)
            for part in token.split("."):
                assert part.encode() not in b"\n".join(server.heads)
            assert token.rpartition(".")[2] not in json.dumps(facts.to_json())
            assert token.rpartition(".")[2] not in repr(facts) + repr(asked)
            assert server.heads
            return facts

    facts = asyncio.run(run())
    assert {each.code for each in judge(facts).findings} >= {"discovery_issuer_missing", "jwks_uri_missing"}


def test_a_published_private_key_does_not_get_into_the_facts(issuer: HttpsIssuer, ca_file: Path) -> None:
    keys = json.loads(issuer.documents["/keys"])
    keys["keys"][0]["d"] = "the-very-private-exponent"
    issuer.documents["/keys"] = json.dumps(keys).encode()
    facts = ask(question(ca_file, issuer=issuer.url))
    assert "the-very-private-exponent" not in json.dumps(facts.to_json())
    assert "key_private" in {each.code for each in judge(facts).findings}


def test_the_address_of_a_redirect_is_told_without_its_query_and_never_asked(ca: trustme.CA, ca_file: Path) -> None:
    paths: list[str] = []

    async def talk(exchange: Exchange) -> None:
        paths.append(exchange.path)
        await exchange.answer(b"", status="302 Found", headers="location: /elsewhere?state=secret\r\n")

    async def run() -> Facts:
        async with https_server(ca, "idp.example.com", talk=talk) as server:
            return await examine(
                Question(
                    issuer="https://idp.example.com",
                    ca_files=(ca_file,),
                    connect_to={("idp.example.com", 443): ("127.0.0.1", server.port)},
                    limits=LIMITS,
                ),
                now,
            )

    facts = asyncio.run(run())
    assert set(paths) == {"/.well-known/openid-configuration"}
    assert facts.discovery[0].header("location") == "/elsewhere"


def test_a_document_cannot_send_the_doctor_to_a_private_host(issuer: HttpsIssuer, ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        metadata = {"issuer": issuer.url, "jwks_uri": f"https://127.0.0.1:{inside.getsockname()[1]}/keys"}
        issuer.documents["/t/.well-known/openid-configuration"] = json.dumps(metadata).encode()
        facts = ask(question(ca_file, issuer=issuer.url))
        with pytest.raises(BlockingIOError):
            inside.accept()
    assert facts.keys == ()
    found = {each.code for each in judge(facts).findings}
    assert "dns_private_address" in found
    assert "sts_refuses" not in found


def _get(url: str, port: int, limits: Limits) -> DocumentFacts:
    place = place_of(url, {("idp.example.com", 443): ("127.0.0.1", port)})
    assert place is not None
    return asyncio.run(document.get(url, place, "127.0.0.1", limits=limits, clock=now))


def test_an_address_where_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert asyncio.run(tcp.connect("127.0.0.1", port, seconds=1)).fault == "refused"
        found = _get("https://idp.example.com/x", port, LIMITS)
    assert (found.fault, found.fault_phase) == ("refused", "tcp")


def test_a_server_that_says_nothing_costs_no_more_than_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        found = _get("https://idp.example.com/x", port, Limits(total_seconds=0.3))
        seen = asyncio.run(tls.inspect("idp.example.com", "127.0.0.1", port, ca_files=(), seconds=0.3))
        assert time.monotonic() - began < 3
    assert (found.fault, found.fault_phase) == ("timeout", "tls")
    assert seen.fault == "no handshake within 0.3 s"


def test_silence_is_not_taken_for_a_version_that_is_missing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        facts = asyncio.run(tls.inspect("silent.example", "127.0.0.1", port, ca_files=(), seconds=0.1))
    assert facts.fault == "no handshake within 0.1 s"
    assert {version.accepted for version in facts.versions} == {None}


def test_names() -> None:
    found = asyncio.run(dns.resolve("localhost", seconds=5))
    assert "127.0.0.1" in found.addresses
    nowhere = asyncio.run(dns.resolve("nowhere.invalid", seconds=5))
    assert not nowhere.addresses
    assert nowhere.fault
    assert asyncio.run(dns.resolve("a" * 64 + ".example", seconds=5)).fault


@pytest.mark.parametrize(
    "url", ["http://idp.example.com", "https://", "https://idp.example.com:x/", "https://idp.exämple.com/", "keys"]
)
def test_what_is_no_https_url_has_no_place(url: str) -> None:
    assert place_of(url, {}) is None


def test_what_is_no_issuer_url_is_not_asked() -> None:
    facts = ask(Question(issuer="http://localhost/"))
    assert facts.hosts == ()
    assert [each.code for each in judge(facts).findings] == ["issuer_url_invalid"]


def test_a_policy_alone_says_whom_it_trusts(issuer: HttpsIssuer, ca_file: Path) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::482916370154:oidc-provider/localhost:{issuer.port}/t"},
            "Action": "sts:AssumeRoleWithWebIdentity",
        },
    }
    facts = ask(question(ca_file, policy=json.dumps(policy)))
    assert facts.issuer == issuer.url


def test_without_credentials_the_account_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    facts = ask(Question(role_arn=RoleArn.parse("arn:aws:iam::482916370154:role/deploy")))
    assert facts.account is not None
    assert facts.account.unread == ("there are no AWS credentials here",)
    assert [each.code for each in judge(facts).findings] == ["account_unread"]
