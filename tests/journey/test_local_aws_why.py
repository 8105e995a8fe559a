"""docs/local-aws.md, "Ask why": a server of its own, a refused AWS CLI call, and what the owner is told."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from support.processes import BIN, DAYPASS, clean_environment, running

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "111122223333"
MAIN = "project_path:mygroup/app:ref_type:branch:ref:main"
FEATURE = "project_path:mygroup/app:ref_type:branch:ref:feature"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"gitlab.com:aud": "sts.amazonaws.com", "gitlab.com:sub": MAIN}},
        }
    ],
}
SEED = {
    "accounts": {
        ACCOUNT: {
            "providers": [{"url": "https://gitlab.com", "client_ids": ["sts.amazonaws.com"]}],
            "roles": [{"name": "deploy", "trust_policy": TRUST}],
        }
    }
}
DENIED = (
    "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity"
)


def test_a_refused_call_is_explained_to_its_owner(tmp_path: Path) -> None:
    seed, ready = tmp_path / "seed.yaml", tmp_path / "ready"
    seed.write_text(json.dumps(SEED))
    started = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready), "--init", str(seed)]
    environment = clean_environment(tmp_path)
    with running([*started, "--as-issuer", "gitlab.com"], environment=environment, ready=ready, log=tmp_path / "log"):
        client = clean_environment(
            tmp_path, {"AWS_ENDPOINT_URL": ready.read_text().strip(), "AWS_DEFAULT_REGION": "us-east-1"}
        )

        def run(*command: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(command, env=client, capture_output=True, text=True, timeout=60, check=False)

        def login(subject: str) -> subprocess.CompletedProcess[str]:
            asked = [*DAYPASS, "local-aws", "token", "--issuer", "gitlab.com", "--claim", f"sub={subject}"]
            token = run(*asked).stdout.strip()
            named = ("--role-arn", f"arn:aws:iam::{ACCOUNT}:role/deploy", "--role-session-name", "job-1")
            shown = ("--query", "AssumedRoleUser.Arn", "--output", "text")
            call = [str(BIN / "aws"), "sts", "assume-role-with-web-identity", *named, *shown]
            return run(*call, "--web-identity-token", token)

        assert login(MAIN).stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1"
        refused = login(FEATURE)
        assert refused.returncode != 0
        assert DENIED in refused.stderr
        told = run(*DAYPASS, "local-aws", "why")
        assert told.returncode == 0, told.stderr
        for line in (
            "sts:AssumeRoleWithWebIdentity",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "statement 1 (Allow) does not apply",
            f"wanted  {MAIN}",
            f"found   {FEATURE}",
            "the project is the right one; its branch is feature, not main",
        ):
            assert line in told.stdout
        # The tree, and the smallest edit or why there is none.
        whole = json.loads(run(*DAYPASS, "local-aws", "why", "--json").stdout)
        assert whole["edit"] is not None
        assert json.dumps(whole["edit"]).count("ref:feature") >= 1
        assert whole["words"].count("ref:feature") >= 2
        listed = run(*DAYPASS, "local-aws", "why", "--list").stdout
        assert listed.split("\t")[1:4] == [whole["id"], "sts:AssumeRoleWithWebIdentity", "AccessDenied"]
        assert f"refused {whole['id']}: AccessDenied: Not authorized" in (tmp_path / "log").read_text()
    assert "eyJ" not in (tmp_path / "log").read_text()
