"""The demo, and the shell blocks of the quick start, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.foreign_issuer import foreign_issuer
from support.processes import BIN, DAYPASS, bash, clean_environment, running

if TYPE_CHECKING:
    from journey.conftest import World

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


def test_run_the_identity_provider(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    environment = clean_environment(tmp_path, world.workspace | {"PATH": f"{BIN}:/usr/bin:/bin"})
    url, admin = world.workspace["DAYPASS_URL"], str(world.folder / "identity-provider" / "admin-token")
    script = block("export DAYPASS_URL=https://idp.example.com DAYPASS_ADMIN")
    for theirs, ours in (
        ("https://idp.example.com", url),
        ("/var/lib/daypass/admin-token", admin),
        ("/run/secrets/daypass", str(secret)),
    ):
        assert theirs in script
        script = script.replace(theirs, ours)
    done = bash(script, environment=environment, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = dict(line.split(None, 1) for line in done.stdout.splitlines())
    own = {"DAYPASS_TOKEN_FILE": str(secret)}
    shown = bash(
        "daypass idp token --audience sts.amazonaws.com --decode", environment=environment | own, folder=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    subject = json.loads(shown.stdout)["Payload"]["sub"]
    (policy,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)
    (pattern,) = json.loads(policy)["Statement"][0]["Condition"]["StringLike"].values()
    ids = [printed["organization_id"], printed["project_id"]]
    assert subject.startswith(re.sub(r"(org|prj)_[a-z0-9]+", lambda _: ids.pop(0), pattern).removesuffix("*"))
