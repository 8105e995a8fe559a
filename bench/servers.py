"""The servers that are measured, started as a user starts them, and what they need to answer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3

from daypass.bootstrap.server import free_port
from daypass.local_authority import local_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYPASS = [sys.executable, "-m", "daypass"]
ACCOUNT = "000000000000"
AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Running:
    """A server process and its port."""

    pid: int
    port: int


@contextmanager
def _process(command: list[str], port: int, log: Path, environment: dict[str, str] | None = None) -> Iterator[Running]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
    try:
        _wait(process, port, log)
        yield Running(process.pid, port)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(400):
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"no answer on port {port}: {log.read_text()}")


def _call(url: str, body: dict | None, token: str, method: str = "POST") -> dict:
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", "X-Forwarded-Proto": "https"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {url}: {error.code} {error.read().decode()}") from None


@contextmanager
def identity_provider(folder: Path) -> Iterator[tuple[Running, str, str]]:
    """`daypass serve` behind a proxy that is not there, with one workload: server, its secret, its issuer.

    Without limits: what is measured is what one workload could get.
    """
    unlimited = dict.fromkeys(
        ("DAYPASS_LIMIT_WORKLOAD_TOKENS_PER_MINUTE", "DAYPASS_LIMIT_ORGANIZATION_TOKENS_PER_MINUTE"), "0"
    )
    with tenants(folder, ["bench"], unlimited) as (running, secrets, issuer):
        yield running, secrets["bench"], issuer


@contextmanager
def tenants(
    folder: Path, organizations: list[str], more: dict[str, str] | None = None
) -> Iterator[tuple[Running, dict[str, str], str]]:
    """`daypass serve` with a workload of each organization: server, their secrets, the issuer."""
    port = free_port()
    issuer = f"https://localhost:{port}"
    data = folder / "idp"
    settings = {
        "DAYPASS_ISSUER": issuer,
        "DAYPASS_DATA_FOLDER": str(data),
        "DAYPASS_LISTEN": f"127.0.0.1:{port}",
        "DAYPASS_BEHIND_PROXY": "true",
        "DAYPASS_LOG_LEVEL": "warning",
        **(more or {}),
    }
    with _process([*DAYPASS, "serve"], port, folder / "idp.log", settings) as running:
        admin = (data / "admin-token").read_text().strip()
        base = f"http://127.0.0.1:{port}/v1/organizations"
        secrets = {}
        for slug in organizations:
            _call(base, {"slug": slug}, admin)
            _call(f"{base}/{slug}/projects", {"slug": "load"}, admin)
            secrets[slug] = _call(f"{base}/{slug}/projects/load/workloads", {"kind": "job"}, admin)["secret"]
        yield running, secrets, issuer


def get_request(port: int, path: str) -> bytes:
    """The bytes of one GET."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()


def id_token_request(port: int, secret: str, algorithm: str) -> bytes:
    """The bytes of one POST /v1/id-tokens."""
    body = json.dumps({"audience": AUDIENCE, "algorithm": algorithm}).encode()
    return (
        f"POST /v1/id-tokens HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {secret}\r\n"
        "X-Forwarded-Proto: https\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def assume_role_request(port: int, role: str, token: str) -> bytes:
    """The bytes of one AssumeRoleWithWebIdentity, as an SDK sends it."""
    body = urllib.parse.urlencode(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": role,
            "RoleSessionName": "bench",
            "WebIdentityToken": token,
        }
    ).encode()
    return (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@contextmanager
def local_aws(folder: Path) -> Iterator[tuple[Running, str, str]]:
    """`daypass local-aws` with a provider and a role for a token of a TLS issuer: server, role, token."""
    certificate = local_certificate(folder / "authority", now=datetime.now(UTC))
    issuer_port, port = free_port(), free_port()
    data = folder / "issuer"
    settings = {
        "DAYPASS_ISSUER": f"https://localhost:{issuer_port}",
        "DAYPASS_DATA_FOLDER": str(data),
        "DAYPASS_LISTEN": f"127.0.0.1:{issuer_port}",
        "DAYPASS_TLS_CERTIFICATE": str(certificate.certificate),
        "DAYPASS_TLS_PRIVATE_KEY": str(certificate.private_key),
        "DAYPASS_LOG_LEVEL": "warning",
    }
    command = [*DAYPASS, "local-aws", "--port", str(port), "--trust-ca", str(certificate.authority)]
    with (
        _process([*DAYPASS, "serve"], issuer_port, folder / "issuer.log", settings),
        _process(command, port, folder / "aws.log") as running,
    ):
        environment = os.environ | {
            "DAYPASS_URL": settings["DAYPASS_ISSUER"],
            "DAYPASS_CA_BUNDLE": str(certificate.authority),
            "DAYPASS_ADMIN_TOKEN_FILE": str(data / "admin-token"),
            "DAYPASS_TOKEN_FILE": str(folder / "workload-token"),
        }

        def daypass(*arguments: str) -> str:
            return subprocess.run(
                [*DAYPASS, *arguments], env=environment, check=True, capture_output=True, text=True
            ).stdout

        daypass("org", "create", "bench")
        daypass("project", "create", "bench", "load")
        daypass(
            "workload", "create", "bench", "load", "--kind", "job", "--token-file", environment["DAYPASS_TOKEN_FILE"]
        )
        token = daypass("idp", "token", "--audience", AUDIENCE).strip()
        role = _furnish(f"http://127.0.0.1:{port}", f"localhost:{issuer_port}")
        yield running, role, token


def _furnish(endpoint: str, issuer: str) -> str:
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=[AUDIENCE])
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{issuer}:aud": AUDIENCE},
                    "StringLike": {f"{issuer}:sub": "organization:*"},
                },
            }
        ],
    }
    return iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(policy))["Role"]["Arn"]


@contextmanager
def moto(folder: Path) -> Iterator[Running]:
    """moto's own server, which answers the same call and checks nothing of it."""
    port = free_port()
    with _process([sys.executable, "-m", "moto.server", "-p", str(port)], port, folder / "moto.log") as running:
        yield running
