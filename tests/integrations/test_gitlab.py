"""The GitLab template and component, run by gitlab-ci-local."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from support.ci_platforms import ACCOUNT, INTEGRATIONS, role
from support.drop_ins import gitlab_ci_local, run
from support.node import demand_node
from support.processes import clean_environment

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from support.ci_platforms import Platform

pytestmark = pytest.mark.journey
WHO = "aws sts get-caller-identity --query Arn --output text"


def run_job(
    folder: Path,
    platform: Platform,
    pipeline: object,
    *,
    variables: dict[str, str],
    extra: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the job `deploy` of a pipeline in a fresh project, whose files the drop-ins are."""
    project, home = folder / "project", folder / "home"
    home.mkdir()
    shutil.copytree(INTEGRATIONS / "gitlab", project)
    (project / ".gitlab-ci.yml").write_text(yaml.safe_dump(pipeline))
    environment = clean_environment(home, platform.runner | (extra or {}))
    command = gitlab_ci_local(demand_node())
    author = ["-c", "user.name=Sample User", "-c", "user.email=sample-user@example.com"]
    for line in (
        "init -q -b main",
        "remote add origin https://gitlab.example.com/g/p.git",
        "add -A",
        "commit -qm First",
    ):
        assert run(["git", *author, *line.split()], environment=environment, folder=project).returncode == 0
    named = [word for item in variables.items() for word in ("--variable", "=".join(item))]
    return run([*command, "--force-shell-executor", *named, "deploy"], environment=environment, folder=project)


def included(**job: object) -> dict[str, object]:
    return {"include": [{"local": "daypass-aws.yml"}], "deploy": {"extends": ".daypass-aws", **job}}


def test_the_template_logs_in_cleans_up_and_shows_no_token(platform: Platform, tmp_path: Path) -> None:
    token = platform.token("gitlab")
    pipeline = included(
        variables={"DAYPASS_ROLE_ARN": role("deploy"), "DAYPASS_REGION": "eu-west-1"},
        script=[WHO, "aws configure get region", "ls -a $CI_PROJECT_DIR.tmp/*"],
    )
    # Keys of somebody else in the project's variables lose against the login.
    old_keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "old"}
    done = run_job(tmp_path, platform, pipeline, variables={"AWS_ID_TOKEN": token} | old_keys)
    assert done.returncode == 0, done.stdout
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/" in done.stdout
    assert "eu-west-1" in done.stdout
    assert token not in done.stdout
    assert "config" in done.stdout
    assert not [path for path in tmp_path.rglob("daypass-*") if path.is_dir()]
    assert not [path for path in (tmp_path / "home" / ".cache" / "daypass").rglob("*") if path.is_file()]


def test_the_component_takes_inputs_and_several_roles(platform: Platform, tmp_path: Path) -> None:
    inputs = {
        "role-arn": f"first={role('deploy')} second={role('audit')}",
        "session-name": "by-component",
        "expect-account": ACCOUNT,
        "duration-seconds": "900",
    }
    pipeline = {
        "include": [{"local": "templates/daypass-login.yml", "inputs": inputs}],
        "deploy": {"extends": ".daypass-aws", "script": [WHO, f"{WHO} --profile second"]},
    }
    done = run_job(tmp_path, platform, pipeline, variables={"AWS_ID_TOKEN": platform.token("gitlab")})
    assert done.returncode == 0, done.stdout
    for name in ("deploy", "audit"):
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/by-component" in done.stdout


def test_without_a_token_the_job_fails_before_anything_is_installed(platform: Platform, tmp_path: Path) -> None:
    pipeline = included(variables={"DAYPASS_ROLE_ARN": role("deploy")}, script=["echo went on"])
    done = run_job(tmp_path, platform, pipeline, variables={}, extra={"DAYPASS_PACKAGE": "never-asked-for"})
    assert done.returncode != 0
    assert "daypass: this job has no ID token in AWS_ID_TOKEN" in done.stdout
    assert "went on" not in done.stdout
    assert "never-asked-for" not in done.stdout


def test_a_denied_job_fails_and_its_log_says_why(platform: Platform, tmp_path: Path) -> None:
    pipeline = included(variables={"DAYPASS_ROLE_ARN": role("locked")}, script=["echo went on"])
    done = run_job(tmp_path, platform, pipeline, variables={"AWS_ID_TOKEN": platform.token("gitlab")})
    assert done.returncode != 0
    assert "went on" not in done.stdout
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in done.stdout
    assert "project_path:mygroup/myproject:ref_type:branch:ref:main" in done.stdout
