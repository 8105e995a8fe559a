"""The demo, and the shell blocks of the quick start, run as they stand there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from daypass.testing.local_aws import ACCOUNT, local_aws
from support.foreign_issuer import foreign_issuer
from support.processes import BIN, DAYPASS, bash, clean_environment, running
from support.serving import Serving

pytestmark = pytest.mark.journey

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "quickstart.md").read_text("utf-8")


def block(beginning: str) -> str:
    """The one shell block of the page that starts so."""
    (found,) = (text for text in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) if text.startswith(beginning))
    assert isinstance(found, str)
    return found


def test_the_demo_ends_with_status_0_and_leaves_nothing_behind(tmp_path: Path) -> None:
    places = tmp_path / "temporary"
    places.mkdir()
    done = subprocess.Popen(
        ["bash", str(ROOT / "demo" / "journey.sh")],
        env=clean_environment(tmp_path, {"TMPDIR": str(places)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = done.communicate(timeout=90)
        assert done.returncode == 0, said
        for step in range(1, 8):
            assert f"\n\x1b[1m{step}. " in said
        assert not re.search(r"eyJ|dp[wa]_", said), "a token or a secret was printed"
        assert list(places.iterdir()) == []
        with pytest.raises(ProcessLookupError):
            os.killpg(done.pid, 0)
    finally:
        if done.poll() is None:
            os.killpg(done.pid, signal.SIGKILL)
            done.wait()


def test_walk_it_yourself(workspace: dict[str, str], tmp_path: Path) -> None:
    done = bash(block("daypass idp token"), environment=workspace, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ":assumed-role/demo-workspace/" in done.stdout
    assert "postgresql://" in done.stdout


def test_a_trust_policy_of_another_issuer(tmp_path: Path) -> None:
    """The name is production's; a server of ours answers for it, as the page says."""
    ready, log = tmp_path / "ready", tmp_path / "log"
    with foreign_issuer("https://gitlab.com", tmp_path) as issuer:
        command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)]
        command += ["--connect-to", f"gitlab.com:443=127.0.0.1:{issuer.port}", "--trust-ca", str(issuer.ca_file)]
        with running(command, environment=clean_environment(tmp_path), ready=ready, log=log):
            administer = block("export AWS_ENDPOINT_URL").replace("http://127.0.0.1:4566", ready.read_text().strip())
            for ref, allowed in (("main", True), ("other", False)):
                now = int(time.time())
                token = issuer.sign(
                    {
                        "iss": issuer.url,
                        "aud": issuer.url,
                        "sub": f"project_path:mygroup/myproject:ref_type:branch:ref:{ref}",
                        "iat": now,
                        "exp": now + 300,
                    }
                )
                script = administer if ref == "main" else administer.partition("aws iam")[0]
                done = bash(
                    script + block("aws sts assume-role-with-web-identity"),
                    environment=clean_environment(tmp_path, {"TOKEN": token}),
                    folder=tmp_path,
                )
                assert (done.returncode == 0) is allowed, done.stderr
    told = log.read_text()
    for part in ("gitlab.com:sub", "wanted", "ref:main", "found", "ref:other"):
        assert part in told


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_run_the_identity_provider(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """To a user the URL of the database is the only difference. The page's own policy lets the workload in."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = {"issuer": f"https://localhost:{port}", "listen": f"127.0.0.1:{port}"}
    if store == "postgresql":
        settings["database_url"] = request.getfixturevalue("database_url")
    secret = tmp_path / "secret"
    with Serving(tmp_path, **settings), local_aws(trust_ca=(tmp_path / "ca.pem",)) as aws:
        assert (tmp_path / "data" / "daypass.db").exists() is (store == "sqlite")
        environment = clean_environment(
            tmp_path,
            {
                "PATH": f"{BIN}:/usr/bin:/bin",
                "DAYPASS_CA_BUNDLE": str(tmp_path / "ca.pem"),
                "AWS_ENDPOINT_URL_STS": aws.endpoint_url,
            },
        )

        def ours(text: str) -> str:
            for theirs, here in (
                ("https://idp.example.com", settings["issuer"]),
                ("idp.example.com", settings["issuer"].removeprefix("https://")),
                ("/var/lib/daypass/admin-token", str(tmp_path / "data" / "admin-token")),
                ("/run/secrets/daypass", str(secret)),
                ("111122223333", ACCOUNT),
            ):
                text = text.replace(theirs, here)
            return text

        script = ours(block("export DAYPASS_URL=https://idp.example.com DAYPASS_ADMIN"))
        done = bash(script, environment=environment, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        printed = dict(line.split(None, 1) for line in done.stdout.splitlines())
        (policy,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)
        ids = [printed["organization_id"], printed["project_id"]]
        policy = re.sub(r"(org|prj)_[a-z0-9]+", lambda _: ids.pop(0), ours(policy))
        aws.provider(settings["issuer"])
        aws.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=policy)
        workload = ours(block("export DAYPASS_URL=https://idp.example.com\nexport DAYPASS_TOKEN_FILE"))
        entered = bash(workload + "daypass idp login aws", environment=environment, folder=tmp_path)
        assert entered.returncode == 0, entered.stderr
        assert ":assumed-role/shop/" in entered.stdout
