"""`daypass key` and `daypass org --own-issuer` against a server that runs: the drill, from command to first token."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from daypass.tokens.peek import peek
from support.processes import DAYPASS, clean_environment
from support.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run `daypass …` as the administrator of a server, or as a workload with `token_file`."""
    with Serving(tmp_path, signing_algorithms='["ES256", "RS256"]') as serving:

        def daypass(*arguments: str, token_file: Path | None = None) -> subprocess.CompletedProcess[str]:
            environment = clean_environment(
                tmp_path,
                {
                    "DAYPASS_URL": serving.base,
                    "DAYPASS_CA_BUNDLE": str(tmp_path / "ca.pem"),
                    "DAYPASS_ADMIN_TOKEN_FILE": str(tmp_path / "data" / "admin-token"),
                    **({} if token_file is None else {"DAYPASS_TOKEN_FILE": str(token_file)}),
                },
            )
            return subprocess.run(
                [*DAYPASS, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
            )

        yield daypass


def said(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(90)
def test_the_drill_of_a_leaked_key_and_a_change_of_issuer(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "workload"
    said(run("org", "create", "acme", "--json"))
    said(run("project", "create", "acme", "shop", "--json"))
    said(run("workload", "create", "acme", "shop", "--kind", "job", "--token-file", str(secret), "--json"))

    def token() -> str:
        done = run("idp", "token", "--audience", "sts.amazonaws.com", token_file=secret)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    first = token()
    leaked = peek(first).header["kid"]
    done = run("key", "revoke", str(leaked), "--reason", "in a core dump", "--signed-since", "2020-01-01T00:00:00Z")
    assert done.returncode == 0, done.stderr
    assert peek(token()).header["kid"] != leaked
    assert f"The key {leaked} is out of the key set" in done.stderr
    assert "It signed 1 tokens since 2020-01-01T00:00:00Z" in done.stderr
    assert str(peek(first).claims["jti"]) in done.stdout
    assert "IAM OIDC provider" in done.stderr

    assert run("audit", "verify").returncode == 0
    events = [row["event"] for row in said(run("audit", "list", "--json"))]
    revoked = events.index("key.revoked")
    assert events[revoked + 1] == "key.activated"

    states = [key["state"] for key in said(run("key", "list", "--json"))]
    assert sorted(states) == ["active", "active", "retired"]
    rotated = said(run("key", "rotate", "--soon", "--algorithm", "ES256", "--json"))
    assert [(key["algorithm"], key["state"]) for key in rotated] == [("ES256", "next")]
    assert rotated[0]["next_step_at"] > rotated[0]["published_at"]

    asked = run("org", "update", "acme", "--own-issuer")
    assert asked.returncode == 2
    assert "oidc-provider/localhost:8443/idp/o/acme" in asked.stderr
    assert peek(token()).issuer == "https://localhost:8443/idp"
    assert said(run("org", "update", "acme", "--own-issuer", "--yes", "--json"))["own_issuer"] is True
    assert peek(token()).issuer == "https://localhost:8443/idp/o/acme"
    mine = said(run("key", "list", "--organization", "acme", "--json"))
    assert {key["issuer"] for key in mine} == {"https://localhost:8443/idp/o/acme"}
    created = said(run("org", "create", "beta", "--own-issuer", "--json"))
    assert created["issuer"] == "https://localhost:8443/idp/o/beta"
