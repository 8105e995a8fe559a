"""Other people's libraries verify our tokens, knowing the issuer's URL and nothing else.

Every issuer, every algorithm, tokens of the keys before and after a rotation, over TLS.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
import trustme
from joserfc import jwt as joserfc_jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from daypass.bootstrap.identity_provider import identity_provider, identity_server
from daypass.bootstrap.server import free_port
from daypass.config import Address, Settings
from daypass.names import IssuerUrl
from support.node import run_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUDIENCE = "sts.amazonaws.com"
ALGORITHMS = ("RS256", "ES256", "ES384")
SLUG = "acme"


@dataclass
class Shifted:
    """The real time, some seconds behind: further than a rotation takes, and less than a token lives."""

    behind: float = 900

    def wall(self) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=self.behind)

    def monotonic(self) -> float:
        return time.monotonic() - self.behind


@dataclass(frozen=True)
class Issued:
    """A token, and what verifies it."""

    issuer: str
    algorithm: str
    token: str

    @property
    def kid(self) -> str:
        return str(jwt.get_unverified_header(self.token)["kid"])

    def forged(self) -> Issued:
        """With the signature of nobody."""
        start, _, signature = self.token.rpartition(".")
        return Issued(self.issuer, self.algorithm, f"{start}.{signature[:20]}{'AAAA'}{signature[24:]}")


@dataclass
class Provider:
    """A running identity provider with the tokens that it issued."""

    ca_file: Path
    before: list[Issued] = field(default_factory=list)
    after: list[Issued] = field(default_factory=list)

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))

    def get(self, url: str) -> Any:
        return httpx.get(url, verify=self.tls, trust_env=False).raise_for_status().json()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("relying-parties")
    provider = Provider(folder / "ca.pem")
    ready, finished = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, provider, ready, finished)), daemon=True)
    thread.start()
    while not ready.wait(0.05):
        assert thread.is_alive()
    yield provider
    finished.set()
    thread.join()


async def _serve(folder: Path, provider: Provider, ready: threading.Event, finished: threading.Event) -> None:
    authority, port, clock = trustme.CA(), free_port(), Shifted()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    settings = Settings(
        issuer=IssuerUrl.parse(f"https://localhost:{port}/idp"),
        listen=Address("127.0.0.1", port),
        data_folder=folder / "data",
        tls_certificate=folder / "chain.pem",
        tls_private_key=folder / "key.pem",
        signing_algorithms=ALGORITHMS,
    )
    async with identity_provider(settings, clock=clock.wall, monotonic=clock.monotonic) as services:
        server = identity_server(services)
        await server.start()
        root = (settings.data_folder / "admin-token").read_text().strip()
        async with httpx.AsyncClient(base_url=str(settings.issuer), verify=provider.tls, trust_env=False) as client:

            async def call(path: str, secret: str, **body: object) -> Any:
                answer = await client.post(path, headers={"authorization": f"Bearer {secret}"}, json=body)
                assert answer.is_success, answer.text
                return answer.json()

            secrets: dict[str, str] = {}
            for slug, below in ((SLUG, f"/o/{SLUG}"), ("other", "")):
                await call("/v1/organizations", root, slug=slug, own_issuer=slug == SLUG)
                await call(f"/v1/organizations/{slug}/projects", root, slug="shop")
                made = await call(f"/v1/organizations/{slug}/projects/shop/workloads", root, kind="job")
                secrets[below] = made["secret"]

            async def issue() -> list[Issued]:
                return [
                    Issued(
                        f"{settings.issuer}{below}",
                        algorithm,
                        (
                            await call(
                                f"{below}/v1/id-tokens",
                                secret,
                                audience=AUDIENCE,
                                algorithm=algorithm,
                                lifetime_seconds=3600,
                            )
                        )["token"],
                    )
                    for below, secret in secrets.items()
                    for algorithm in ALGORITHMS
                ]

            provider.before = await issue()
            await call("/v1/keys/rotate", root, soon=True)
            await call("/v1/keys/rotate", root, soon=True, organization=SLUG)
            await services.key_rings.advance()
            clock.behind = 0
            await services.key_rings.refresh()
            await services.key_rings.advance()
            provider.after = await issue()
        ready.set()
        await asyncio.to_thread(finished.wait)
        await server.stop()


def test_the_keys_before_and_after_are_different_and_none_is_shared(provider: Provider) -> None:
    kids = [each.kid for each in (*provider.before, *provider.after)]
    assert len(set(kids)) == len(kids) == 2 * 2 * len(ALGORITHMS)


def test_pyjwt_verifies_them_from_discovery_alone(provider: Provider) -> None:
    for each in (*provider.before, *provider.after):
        metadata = provider.get(f"{each.issuer}/.well-known/openid-configuration")
        keys = jwt.PyJWKClient(metadata["jwks_uri"], ssl_context=provider.tls)

        def verify(token: str, algorithms: list[str], keys: jwt.PyJWKClient = keys, of: Issued = each) -> Any:
            key = keys.get_signing_key_from_jwt(token)
            return jwt.decode(token, key, algorithms=algorithms, audience=AUDIENCE, issuer=of.issuer)

        algorithms = metadata["id_token_signing_alg_values_supported"]
        assert verify(each.token, algorithms)["iss"] == each.issuer
        with pytest.raises(jwt.InvalidSignatureError):
            verify(each.forged().token, algorithms)


def test_joserfc_verifies_them_from_discovery_alone(provider: Provider) -> None:
    for each in (*provider.before, *provider.after):
        metadata = provider.get(f"{each.issuer}/.well-known/openid-configuration")
        keys = KeySet.import_key_set(provider.get(metadata["jwks_uri"]))
        algorithms = metadata["id_token_signing_alg_values_supported"]
        found = joserfc_jwt.decode(each.token, keys, algorithms=algorithms).claims
        joserfc_jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": each.issuer}, aud={"essential": True, "value": AUDIENCE}
        ).validate(found)
        with pytest.raises(BadSignatureError):
            joserfc_jwt.decode(each.forged().token, keys, algorithms=algorithms)


JAVASCRIPT = """
import * as client from "openid-client";
import { createRemoteJWKSet, jwtVerify } from "jose";

const audience = "sts.amazonaws.com";
const told = [];
for (const { issuer, algorithm, token, forged } of JSON.parse(process.env.TOKENS)) {
  const found = (await client.discovery(new URL(issuer), audience)).serverMetadata();

  const keys = createRemoteJWKSet(new URL(found.jwks_uri));
  const algorithms = found.id_token_signing_alg_values_supported;
  const withJose = (text) => jwtVerify(text, keys, { issuer: found.issuer, audience, algorithms });

  // openid-client verifies what a token endpoint answers; this one answers with the token at hand.
  const token_endpoint = "https://localhost/answers-with-the-token";
  const withClient = async (text) => {
    const own = { id_token_signed_response_alg: algorithm };
    const config = new client.Configuration({ ...found, token_endpoint }, audience, own, client.None());
    client.enableNonRepudiationChecks(config);
    const answer = { access_token: "x", token_type: "bearer", id_token: text };
    config[client.customFetch] = (url, options) =>
      url === token_endpoint ? Promise.resolve(Response.json(answer)) : fetch(url, options);
    return (await client.genericGrantRequest(config, "urn:example:grant", {})).claims();
  };
  const refusal = (promise) => promise.then(() => "accepted", (error) => error.code ?? error.name);
  told.push({
    jose: (await withJose(token)).payload.iss,
    client: (await withClient(token)).iss,
    joseOnForged: await refusal(withJose(forged)),
    clientOnForged: await refusal(withClient(forged)),
  });
}
console.log(JSON.stringify(told));
"""


def test_jose_and_openid_client_verify_them_from_discovery_alone(provider: Provider) -> None:
    every = (*provider.before, *provider.after)
    tokens = [
        {"issuer": each.issuer, "algorithm": each.algorithm, "token": each.token, "forged": each.forged().token}
        for each in every
    ]
    environment = {"TOKENS": json.dumps(tokens), "NODE_EXTRA_CA_CERTS": str(provider.ca_file)}
    done = run_module(JAVASCRIPT, environment=environment)
    assert done.returncode == 0, done.stderr
    for each, told in zip(every, json.loads(done.stdout), strict=True):
        assert (told["jose"], told["client"]) == (each.issuer, each.issuer)
        assert told["joseOnForged"] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
        assert told["clientOnForged"] == "OAUTH_INVALID_RESPONSE"
