"""Replicas that share nothing but a database and a signer outside of them: AWS KMS, or a PKCS #11 token."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from daypass.localaws.app import LocalAwsConfig, build
from support.asgi import served
from support.local_aws import ACCOUNT, Clock, end
from support.processes import DAYPASS, clean_environment
from support.serving import Serving
from support.softhsm import LABEL, softhsm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey
AUDIENCE = "sts.amazonaws.com"


@contextmanager
def kms(_: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    app = build(LocalAwsConfig(), Clock())
    with served(app) as port:
        settings = {"aws_kms_region": "eu-central-1", "aws_kms_endpoint": f"http://127.0.0.1:{port}"}
        yield settings, {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"}
    asyncio.run(end(app))


@contextmanager
def token(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    for hsm in softhsm(folder):
        settings = {
            "pkcs11_library": str(hsm.library),
            "pkcs11_token": LABEL,
            "pkcs11_pin_file": str(hsm.pin_file),
        }
        yield settings, {"SOFTHSM2_CONF": str(hsm.configuration)}


@pytest.mark.parametrize("signer", ["aws-kms", "pkcs11"])
def test_replicas_sign_with_one_key_that_neither_of_them_has(signer: str, tmp_path: Path, database_url: str) -> None:
    with ExitStack() as stack:
        settings, environment = stack.enter_context((kms if signer == "aws-kms" else token)(tmp_path))
        replicas = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            replica = Serving(tmp_path / name, database_url=database_url, signer=signer, **settings)
            replica.environment = environment
            replicas.append(stack.enter_context(replica))
        one, two = replicas
        with one.client(one.admin_token) as admin:
            admin.post("/v1/organizations", json={"slug": "acme"}).raise_for_status()
            admin.post("/v1/organizations/acme/projects", json={"slug": "shop"}).raise_for_status()
            made = admin.post("/v1/organizations/acme/projects/shop/workloads", json={"kind": "job"}).json()
        kids = set()
        for replica in replicas:
            for algorithm in ("RS256", "ES256"):
                with replica.client(made["secret"]) as client:
                    answer = client.post("/v1/id-tokens", json={"audience": AUDIENCE, "algorithm": algorithm})
                answer.raise_for_status()
                text = answer.json()["token"]
                elsewhere = two if replica is one else one
                keys = jwt.PyJWKClient(f"{elsewhere.base}/keys", ssl_context=elsewhere.tls)
                key = keys.get_signing_key_from_jwt(text)
                assert jwt.decode(text, key, algorithms=[algorithm], audience=AUDIENCE)["workload_id"] == made["id"]
                kids.add(key.key_id)
        assert len(kids) == 2, "one key for each algorithm"
        assert not (tmp_path / "two" / "data" / "admin-token").exists()
        for name in ("one", "two"):
            assert not (tmp_path / name / "data" / "keys").exists(), "no private key is on the disk"


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_another_signer_on_a_used_database_is_refused(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The keys of before are not there: going on would mean new keys in silence, or tokens that nobody can sign."""
    database = {"database_url": request.getfixturevalue("database_url")} if store == "postgresql" else {}
    with Serving(tmp_path, **database) as first:
        before = httpx.get(f"{first.base}/keys", verify=first.tls, trust_env=False).content
    (tmp_path / "hsm").mkdir()
    with token(tmp_path / "hsm") as (settings, environment):
        file = Serving(tmp_path, signer="pkcs11", **database, **settings).write_settings()
        done = subprocess.run(
            [*DAYPASS, "serve", "--config", str(file)],
            env=clean_environment(tmp_path, environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "signer" in done.stderr
    assert done.stderr.count("\n") <= 3, done.stderr
    with Serving(tmp_path, **database) as again:
        assert httpx.get(f"{again.base}/keys", verify=again.tls, trust_env=False).content == before, (
            "nothing was changed"
        )


def test_every_issuer_signs_with_each_algorithm(tmp_path: Path) -> None:
    """The root issuer and an organization's own; found by discovery alone, and verified by another library."""
    algorithms = ("RS256", "ES256", "ES384")
    with Serving(tmp_path, signing_algorithms=str(list(algorithms)).replace("'", '"')) as serving:
        secrets = {}
        with serving.client(serving.admin_token) as admin:
            for slug, own in (("acme", False), ("umbrella", True)):
                admin.post("/v1/organizations", json={"slug": slug, "own_issuer": own}).raise_for_status()
                admin.post(f"/v1/organizations/{slug}/projects", json={"slug": "shop"}).raise_for_status()
                made = admin.post(f"/v1/organizations/{slug}/projects/shop/workloads", json={"kind": "job"})
                secrets["/o/umbrella" if own else ""] = made.json()["secret"]
        for below, secret in secrets.items():
            with serving.client(secret) as client:
                document = client.get(f"{below}/.well-known/openid-configuration").json()
                assert document["id_token_signing_alg_values_supported"] == list(algorithms)
                keys = jwt.PyJWKClient(f"{serving.base}{below}/keys", ssl_context=serving.tls)
                for algorithm in algorithms:
                    asked = {"audience": AUDIENCE, "algorithm": algorithm}
                    text = client.post("/v1/id-tokens", json=asked).raise_for_status().json()["token"]
                    key = keys.get_signing_key_from_jwt(text)
                    issuer = document["issuer"]
                    claims = jwt.decode(text, key, algorithms=[algorithm], audience=AUDIENCE, issuer=issuer)
                    assert claims["iss"].endswith(f"/idp{below}")
