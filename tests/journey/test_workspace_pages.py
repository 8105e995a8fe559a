"""The lines that the Gitpod and Ona pages tell people to type, run as written in a real shell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.processes import bash, needs_jq

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey

# A person's shell has `alias gp=daypass`; a script must ask bash to expand it.
ALIASES = "shopt -s expand_aliases\nalias gp=daypass ona=daypass\n"


def test_gp_idp_token_prints_a_token(workspace: dict[str, str], tmp_path: Path) -> None:
    done = bash(ALIASES + 'gp idp token --audience="sts.amazonaws.com"', environment=workspace, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().count(".") == 2
    assert done.stdout.startswith("eyJ")


@needs_jq
@pytest.mark.parametrize("duration", ["", " --duration-seconds=3600"])
def test_the_gitpod_task_logs_in_and_reads_the_secret(workspace: dict[str, str], tmp_path: Path, duration: str) -> None:
    role = workspace["IDP_AWS_ROLE_ARN"]
    task = (
        f"gp idp login aws --role-arn {role}{duration}\n"
        "aws secretsmanager get-secret-value --secret-id database_connection_string"
        " --region us-east-1 | jq .SecretString\n"
    )
    done = bash(ALIASES + task, environment=workspace, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]).startswith("postgresql://")


def test_another_secret_is_denied_in_awss_words(workspace: dict[str, str], tmp_path: Path) -> None:
    task = "daypass idp login aws\naws secretsmanager get-secret-value --secret-id payments_signing_key"
    done = bash(task, environment=workspace, folder=tmp_path)
    assert done.returncode != 0
    assert "(AccessDeniedException) when calling the GetSecretValue operation: User: arn:aws:sts::" in done.stderr
    assert (
        "is not authorized to perform: secretsmanager:GetSecretValue on resource: payments_signing_key"
        " because no identity-based policy allows the secretsmanager:GetSecretValue action"
    ) in done.stderr
    assert "not-for-the-demo-role" not in done.stdout


def test_ona_idp_token_decode_shows_header_and_payload(workspace: dict[str, str], tmp_path: Path) -> None:
    done = bash(ALIASES + "ona idp token --decode --audience sts.amazonaws.com", environment=workspace, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["Payload"]["aud"] == "sts.amazonaws.com"
    assert shown["Payload"]["sub"].startswith("organization:")
    assert shown["Header"]["alg"] == "RS256"
    assert "eyJ" not in done.stdout


def test_ona_idp_login_aws_takes_the_role_from_the_environment(workspace: dict[str, str], tmp_path: Path) -> None:
    done = bash(ALIASES + "ona idp login aws\naws sts get-caller-identity", environment=workspace, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ":assumed-role/" in done.stdout
    assert (tmp_path / ".aws" / "credentials").stat().st_mode & 0o777 == 0o600


def test_a_stranger_is_refused_and_told_why(
    stranger: dict[str, str], workspace: dict[str, str], tmp_path: Path
) -> None:
    role = workspace["IDP_AWS_ROLE_ARN"]
    done = bash(f"daypass idp login aws --role-arn {role}", environment=stranger, folder=tmp_path)
    assert done.returncode == 1
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in done.stderr
    for word in ("statement 1", ":sub", "wanted", "found"):
        assert word in done.stderr, done.stderr
    assert "eyJ" not in done.stderr + done.stdout
    assert not (tmp_path / ".aws").exists()
