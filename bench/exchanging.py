"""The exchange: a fresh RS256 token in, one of ours out, against one raw verification and one raw signature.

The application is called in this process, without a socket: store, replay store and audit log are on disk. Tokens are
made before the clock starts, because each can be exchanged once.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bench import servers
from bench.load import Measured, measure_each
from daypass.bootstrap.identity_provider import identity_provider
from daypass.config import Settings
from daypass.idp.caller import Caller
from daypass.idp.exchange.exchange import Grant
from daypass.names import IssuerUrl
from daypass.tokens.jwk import PrivateKey
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from daypass.web.application import application

if TYPE_CHECKING:
    from pathlib import Path

UPSTREAM = "https://gitlab.bench.example"
STS = "sts.amazonaws.com"
AT_ONCE = 16
LIMITS = {"RS256": 1.55, "ES256": 4.2}


def section(folder: Path, raw: dict[str, float], raw_verify: float, *, exchanges: int = 2000) -> list[dict]:
    """One row for each algorithm of the tokens that come out."""
    rows = []
    for algorithm in ("RS256", "ES256"):
        limit = raw_verify + raw[algorithm]
        (folder / algorithm).mkdir()
        cpu_us, per_second = asyncio.run(_measure(folder / algorithm, algorithm, exchanges))
        ratio = cpu_us / limit
        print(
            f"  RS256 -> {algorithm:<35} {per_second:>6.0f}/s  {cpu_us:>5.0f} us CPU"
            f"  = {ratio:>5.2f} x (verify + sign) ({limit:.0f} us; goal {LIMITS[algorithm]} x)"
        )
        rows.append(
            {
                "what": f"exchange RS256 -> {algorithm}",
                "per_second": round(per_second),
                "server_cpu_us": round(cpu_us),
                "limit": f"raw RS256 verify + raw {algorithm} sign",
                "limit_us": round(limit, 1),
                "cpu_ratio_to_limit": round(ratio, 2),
                "failures": 0,
            }
        )
    return rows


def over_http(port: int, pid: int, admin: str, *, exchanges: int = 4000) -> Measured:
    """RS256 in, ES256 out, through a server that has the organization `bench` with the project `load`."""
    key = PrivateKey.generate("RS256")
    servers.connect(port, admin, {"name": "gitlab", "project": "load", "terms": _terms(key)})
    head = "POST /token HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n"
    bodies = [_body(key, "ES256") for _ in range(exchanges)]
    requests = [
        f"{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies
    ]
    return measure_each(port, requests, pid=pid, connections=AT_ONCE)


def _terms(key: PrivateKey) -> dict[str, Any]:
    return {
        "preset": "gitlab",
        "issuer": UPSTREAM,
        "keys": {"jwks": json.loads(KeySet([key.public]).document())},
        "audience": "https://idp.example.com",
        "rules": [{"claim": "project_id", "equals": "52017"}, {"claim": "ref", "matches": "release/*"}],
        "audiences": [STS],
    }


async def _measure(folder: Path, algorithm: str, exchanges: int) -> tuple[float, float]:

    settings = Settings(
        issuer=IssuerUrl.parse("https://idp.example.com"),
        data_folder=folder / "data",
        behind_proxy=True,
        limit_workload_tokens_per_minute=0,  # what is measured is what one workload could get
        limit_organization_tokens_per_minute=0,
        signing_algorithms=(algorithm,) if algorithm == "RS256" else ("RS256", "ES256"),
    )
    key = PrivateKey.generate("RS256")
    async with identity_provider(settings) as services:
        operator = Caller.operator(request_id="bench")
        await services.registry.create_organization(operator, slug="bench")
        await services.registry.create_project(operator, "bench", slug="load")
        await services.connections.create(operator, "bench", name="gitlab", project="load", terms=_terms(key))
        app = application(services)
        for _ in range(20):  # what is loaded and made on first use is not the price of an exchange
            await _post(app, _body(key, algorithm))
        bodies = [_body(key, algorithm) for _ in range(exchanges)]
        cpu, begin = time.process_time(), time.perf_counter()

        async def client(some: list[bytes]) -> None:
            for body in some:
                await _post(app, body)

        await asyncio.gather(*(client(bodies[n::AT_ONCE]) for n in range(AT_ONCE)))
        used, took = time.process_time() - cpu, time.perf_counter() - begin
    return used * 1e6 / exchanges, exchanges / took


def _body(key: PrivateKey, algorithm: str) -> bytes:
    now = int(time.time())
    claims = {
        "iss": UPSTREAM,
        "sub": "project_path:bench/load:ref_type:branch:ref:release/1",
        "aud": "https://idp.example.com",
        "iat": now,
        "nbf": now - 5,
        "exp": now + 3600,
        "jti": secrets.token_hex(16),
        "project_id": "52017",
        "job_project_id": "52017",
        "pipeline_source": "push",
        "ref": "release/1",
        "ref_type": "branch",
    }
    form = {
        "grant_type": Grant.JWT_BEARER.value,
        "assertion": mint(claims, key).reveal(),
        "audience": STS,
        "algorithm": algorithm,
    }
    return urlencode(form).encode()


async def _post(app: Any, body: bytes) -> None:
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "method": "POST", "path": "/token", "query_string": b"", "headers": headers}
    await app({**scope, "client": ("127.0.0.1", 1)}, receive, send)
    if status != 200:
        raise RuntimeError(f"an exchange was answered with {status}")
