"""A workload of a real identity provider before an API server that fetches the provider's published keys."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import DaypassError
from daypass.tokens.key_set import KeySet
from daypass.tokens.verify import verify
from support.processes import DAYPASS, clean_environment
from support.services import Reply, Seen, Service, https_service, json_reply
from support.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed"),
]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture(scope="module")
def workload(serving: Serving) -> dict[str, Any]:
    with serving.client(serving.admin_token) as client:
        client.post("/v1/organizations", json={"slug": "acme", "audiences": ["https://cluster.example.com:6443"]})
        client.post("/v1/organizations/acme/projects", json={"slug": "shop"})
        made = client.post("/v1/organizations/acme/projects/shop/workloads", json={"kind": "workspace"})
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


class ApiServer:
    """Takes whose token the provider signed for this cluster; the audience is the cluster's public address."""

    def __init__(self, serving: Serving) -> None:
        with serving.client() as client:
            discovered = client.get("/.well-known/openid-configuration").json()
            path = discovered["jwks_uri"].removeprefix(discovered["issuer"])
            self.keys = KeySet.parse(client.get(path).content)
        self.issuer = discovered["issuer"]
        self.known: list[str] = []

    def __call__(self, seen: Seen) -> Reply:
        token = {name.lower(): value for name, value in seen.headers.items()}.get("authorization", "")
        try:
            claims = verify(
                token.removeprefix("Bearer "),
                keys=self.keys,
                issuer=self.issuer,
                audience="https://cluster.example.com:6443",
                algorithms={"RS256", "ES256"},
                now=datetime.now(UTC),
            )
        except DaypassError as error:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": error.code, "code": 401}
            return json_reply({**status, "reason": "Unauthorized"}, 401)
        self.known.append(str(claims["sub"]))
        review = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
        return json_reply({**review, "status": {"userInfo": {"username": str(claims["sub"])}}}, 201)


@pytest.fixture
def service(tmp_path: Path, serving: Serving) -> Iterator[Service]:
    with https_service(tmp_path, ApiServer(serving)) as running:
        yield running


def test_kubectl_is_who_the_workload_is(
    service: Service, serving: Serving, workload: dict[str, Any], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(workload["secret"])
    secret.chmod(0o600)
    environ = clean_environment(
        tmp_path,
        {
            "DAYPASS_URL": serving.base,
            "DAYPASS_TOKEN_FILE": str(secret),
            "DAYPASS_CA_BUNDLE": str(serving.folder / "ca.pem"),
        },
    )
    where = ["--cluster", "demo", "--server", service.url, "--ca", str(service.authority), "--check", "--json"]
    audience = ["--audience", "https://cluster.example.com:6443"]

    def login(*more: str) -> subprocess.CompletedProcess[str]:
        command = [*DAYPASS, "idp", "login", "kubernetes", *where, *more]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    done = login(*audience)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    subject = shown["username"]
    assert workload["id"] in subject
    who = subprocess.run(
        [
            "kubectl",
            "--kubeconfig",
            shown["kubeconfig"],
            "auth",
            "whoami",
            "-o",
            "jsonpath={.status.userInfo.username}",
        ],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert who.stdout == subject, who.stderr
    assert isinstance(service.answer, ApiServer)
    assert set(service.answer.known) == {subject}
