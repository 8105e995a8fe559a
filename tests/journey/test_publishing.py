"""An identity provider that nobody outside can reach, its keys in a bucket, and AWS that asks the bucket alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.bootstrap import identity_provider as room
from daypass.bootstrap.publishing import OwnIssuers, open_target
from daypass.config import Settings
from daypass.idp.caller import Caller
from daypass.localaws.app import LocalAwsConfig, build
from daypass.names import LOOPBACK_HOSTS, IssuerUrl
from daypass.publishing import publish
from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from support.asgi import served
from support.bucket_front import bucket_front
from support.https_issuer import https_issuer
from support.identity_provider import FakeClock
from support.local_aws import ACCOUNT, Clock, end
from support.processes import DAYPASS, clean_environment
from support.serving import Serving
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

pytestmark = pytest.mark.journey
BUCKET = "northwind-oidc"
STS = "sts.amazonaws.com"
GITLAB = "gitlab.example.com"


@dataclass
class Cloud:
    """A local AWS with a bucket, and the web server in front of the bucket."""

    endpoint: str
    front_port: int
    folder: Path
    ca_file: Path

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )

    def trust(self, issuer: str, subject: str) -> str:
        """A provider for the issuer, and a role for the subject; its ARN."""
        iam = self.client("iam")
        host = issuer.removeprefix("https://")
        iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[STS])
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": STS}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return str(iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]["Arn"])

    def enter(self, role: str, token: str) -> str:
        """Whose session STS makes of the token."""
        sts = self.client("sts")
        made = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="job-1", WebIdentityToken=token)
        return str(made["SubjectFromWebIdentityToken"])

    def daypass(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            **environment,
        }
        return subprocess.run(
            [*DAYPASS, *arguments],
            env=clean_environment(self.folder, given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def seen_at(self, host: str) -> list[str]:
        port = host.rpartition(":")[2] if ":" in host else "443"
        at = f"{host.partition(':')[0]}:{port}=127.0.0.1:{self.front_port}"
        return ["--outside-connect-to", at, "--outside-ca-file", str(self.ca_file)]


@contextmanager
def cloud(folder: Path, ca: trustme.CA, ca_file: Path) -> Iterator[Cloud]:
    """One in which the web server is both `localhost` and gitlab.example.com."""
    application = build(LocalAwsConfig(trust=(ca_file,), allow_private=LOOPBACK_HOSTS), Clock())
    with served(application) as port:
        made = Cloud(f"http://127.0.0.1:{port}", 0, folder, ca_file)
        s3 = made.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        with bucket_front(s3, BUCKET, ca.issue_cert("localhost", GITLAB)) as front:
            made.front_port = front
            yield made
    asyncio.run(end(application))


@pytest.fixture
def world(tmp_path: Path, ca: trustme.CA, ca_file: Path) -> Iterator[Cloud]:
    with cloud(tmp_path, ca, ca_file) as made:
        yield made


def furnish(serving: Serving) -> Any:
    with serving.client(serving.admin_token) as admin:
        admin.post("/v1/organizations", json={"slug": "acme"}).raise_for_status()
        admin.post("/v1/organizations/acme/projects", json={"slug": "shop"}).raise_for_status()
        return admin.post("/v1/organizations/acme/projects/shop/workloads", json={"kind": "job"}).json()


def a_token(serving: Serving, secret: str) -> str:
    with serving.client(secret) as client:
        answer = client.post("/v1/id-tokens", json={"audience": STS})
        answer.raise_for_status()
        return str(answer.json()["token"])


def test_aws_trusts_what_was_published_while_the_provider_itself_is_stopped(world: Cloud, ca_file: Path) -> None:
    issuer = f"https://localhost:{world.front_port}/idp"
    serving = Serving(
        world.folder,
        issuer=issuer,
        published_elsewhere="true",
        published_authorities=str(ca_file),
        published_private_hosts='["localhost"]',
    )
    settings = {"DAYPASS_CONFIG": str(world.folder / "daypass.toml")}
    outside = world.seen_at(f"localhost:{world.front_port}")
    place = f"s3://{BUCKET}/idp"
    with serving:
        made = furnish(serving)
        first = a_token(serving, made["secret"])
        done = world.daypass("publish", place, *outside, **settings)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "seen from outside: as it should be"
    subject = str(peek(first).claims["sub"])
    role = world.trust(issuer, subject)
    assert serving.process.poll() == 0, "the provider is stopped"
    assert world.enter(role, first) == subject
    assert world.daypass("publish", place, *outside, **settings).stdout.count("nothing to write") == 1

    admin = {
        "DAYPASS_ADMIN_TOKEN_FILE": str(world.folder / "data" / "admin-token"),
        "DAYPASS_CA_BUNDLE": str(world.folder / "ca.pem"),
    }
    with serving:
        admin["DAYPASS_URL"] = serving.base
        done = world.daypass("key", "rotate", "--algorithm", "RS256", "--soon", "--json", **admin)
        assert done.returncode == 0, done.stderr
        (following,) = json.loads(done.stdout)
        assert "nobody has looked there lately" in following["waits_for"]
        done = world.daypass("publish", "--verify-only", **settings)
        assert done.returncode == 1, "the bucket is stale, and one look with the server's own eyes says so"
        assert f"outside_key_missing: {issuer}: the key `{following['kid']}` is not served" in done.stderr
        done = world.daypass("publish", place, *outside, **settings)
        assert done.returncode == 0, done.stderr
        assert f"written: {place}/keys" in done.stdout
        done = world.daypass("key", "activate", following["kid"], "--at-once", **admin)
        assert done.returncode == 0, done.stderr
        second = a_token(serving, made["secret"])
    assert peek(second).header["kid"] == following["kid"]
    assert peek(first).header["kid"] != following["kid"]
    assert world.enter(role, second) == subject
    assert world.enter(role, first) == subject, "the old key is published until its last token has died"


def test_a_new_key_is_not_activated_while_the_bucket_is_stale(
    world: Cloud, tmp_path: Path, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole provider on a clock that we move, with the real bucket and the real way out to it."""
    monkeypatch.setattr(room, "HOUSEKEEPING_SECONDS", 0.02)
    for name, value in {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_S3": world.endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    clock = FakeClock()
    settings = Settings(
        issuer=IssuerUrl.parse(f"https://localhost:{world.front_port}/idp"),
        data_folder=tmp_path / "d",
        signing_algorithms=("RS256",),
        published_elsewhere=True,
        published_authorities=ca_file,
        published_private_hosts=frozenset({"localhost"}),
    )
    source, target = OwnIssuers(settings), open_target(f"s3://{BUCKET}/idp", {})

    async def story() -> None:
        async with room.identity_provider(settings, clock=clock, monotonic=clock.monotonic) as services:
            ring = services.key_ring
            await publish(source, target)
            first = ring.active("RS256").kid
            following = await ring.rotate(Caller.operator(request_id="test"), "RS256", soon=True)

            async def half_minutes(number: int) -> None:
                for _ in range(number):
                    clock.advance(30)
                    await services.key_rings.refresh()
                    await asyncio.sleep(0.06)

            await half_minutes(40)
            assert ring.active("RS256").kid == first, "twenty minutes later the old key goes on"
            key = ring.key(following.kid)
            assert key is not None
            for _ in range(500):  # a busy machine looks late
                if "lacks it" in str(ring.waits_for(key)):
                    break
                await asyncio.sleep(0.02)
            assert "lacks it" in str(ring.waits_for(key))
            await publish(source, target)
            await half_minutes(4)
            assert ring.active("RS256").kid == first, "seen, and caches may still have what was"
            for _ in range(300):
                if ring.active("RS256").kid == following.kid:
                    return
                await half_minutes(1)
            pytest.fail("seen for long enough, and it does not sign")

    asyncio.run(story())


def test_a_private_gitlab_is_published_under_its_own_issuer(world: Cloud, ca: trustme.CA, ca_file: Path) -> None:
    """Its jobs' tokens are what GitLab signed; AWS asks the bucket, and GitLab is gone by then."""
    issuer = f"https://{GITLAB}"
    subject = "project_path:northwind/ledger:ref_type:branch:ref:main"
    with https_issuer(ca, "", certificate=ca.issue_cert(GITLAB)) as gitlab:
        gitlab.url, gitlab.key = issuer, private_key("RS256")
        metadata = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/oauth/authorize",
            "jwks_uri": f"{issuer}/oauth/discovery/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        gitlab.documents = {
            "/.well-known/openid-configuration": json.dumps(metadata).encode(),
            "/oauth/discovery/keys": KeySet([gitlab.key.public]).document(),
        }
        inside = ["--connect-to", f"{GITLAB}:443=127.0.0.1:{gitlab.port}", "--ca-file", str(ca_file)]
        done = world.daypass("publish", f"s3://{BUCKET}", "--from", issuer, *inside, *world.seen_at(GITLAB))
        assert done.returncode == 0, done.stderr
        token = gitlab.token(now=time.time(), sub=subject)
    with served(
        build(LocalAwsConfig(trust=(ca_file,), connect_to={(GITLAB, 443): ("127.0.0.1", world.front_port)}), Clock())
    ) as port:
        aws = Cloud(f"http://127.0.0.1:{port}", world.front_port, world.folder, ca_file)
        role = aws.trust(issuer, subject)
        assert aws.enter(role, token) == subject
        with pytest.raises(ClientError, match="InvalidIdentityToken"):
            aws.enter(role, gitlab.token(now=time.time(), sub=subject, key=private_key("RS256", name="thief")))
