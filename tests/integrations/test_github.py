"""The composite action, step by step as GitHub's runner runs it: its shell, its files, its expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.ci_platforms import ACCOUNT, INTEGRATIONS, role, token_service
from support.drop_ins import GITHUB_SHELL, assignments, run_script, without_daypass
from support.processes import clean_environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from support.ci_platforms import Platform, TokenService

pytestmark = pytest.mark.journey
ACTION = INTEGRATIONS / "github" / "action.yml"
LOGOUT = INTEGRATIONS / "github" / "logout" / "action.yml"
WHO = "aws sts get-caller-identity --query Arn --output text"
INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


class Job:
    """A GitHub job: the environment that its steps share, and what they add to it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.temporary, self.home = folder, folder / "temp", folder / "home"
        self.temporary.mkdir(parents=True)
        self.home.mkdir()
        runner = {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(self.temporary)}
        self.environment = clean_environment(self.home, environment | runner)
        self.outputs: dict[str, str] = {}

    def step(self, script: str, own: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run one `run:` step; what it wrote to its three files holds for the next ones."""
        files = {name: self.temporary / name.lower() for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        environment = self.environment | (own or {}) | {name: str(file) for name, file in files.items()}
        done = run_script(GITHUB_SHELL, script, environment=environment, folder=self.folder)
        self.environment |= assignments(files["GITHUB_ENV"])
        self.outputs |= assignments(files["GITHUB_OUTPUT"])
        for line in files["GITHUB_PATH"].read_text().splitlines():
            self.environment["PATH"] = f"{line}:{self.environment['PATH']}"
        return done

    def use(self, action: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run a composite action of one step with inputs, whose names have `_` for `-` here."""
        text: dict[str, Any] = yaml.safe_load(action.read_text())
        values = {name: str(about.get("default", "")) for name, about in text["inputs"].items()}
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= values.keys()
        values |= given
        (step,) = text["runs"]["steps"]
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is a way in for whoever writes its value"
        own = {name: INPUT.sub(lambda match: values[match[1]], value) for name, value in step["env"].items()}
        return self.step(step["run"], own)


@pytest.fixture
def tokens(platform: Platform) -> Iterator[TokenService]:
    with token_service("value", lambda: platform.token("github")) as service:
        yield service


def permitted(platform: Platform, tokens: TokenService) -> dict[str, str]:
    credential = {"ACTIONS_ID_TOKEN_REQUEST_URL": tokens.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job-credential"}
    return platform.runner | credential


def test_the_next_steps_are_the_role_until_the_logout(platform: Platform, tokens: TokenService, tmp_path: Path) -> None:
    old_keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "old"}
    job = Job(tmp_path / "job", permitted(platform, tokens) | old_keys)
    roles = f"first={role('deploy')}\nsecond={role('audit')}"
    done = job.use(ACTION, role_arn=roles, region="eu-west-1", expect_account=ACCOUNT, session_name="by-action")
    assert done.returncode == 0, done.stdout
    assert "job-credential" not in done.stdout
    assert "eyJ" not in done.stdout
    assert job.outputs == {"profile": "first", "config-file": str(job.temporary / "daypass" / "config")}
    who = job.step(f"{WHO}; {WHO} --profile second; aws configure get region")
    assert who.stdout.splitlines() == [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/by-action",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/audit/by-action",
        "eu-west-1",
    ]
    assert {audience for _, audience, _ in tokens.requests} == {"sts.amazonaws.com"}
    assert job.use(LOGOUT, role_arn=roles).returncode == 0
    assert not (job.temporary / "daypass").exists()
    assert not [path for path in (job.home / ".cache" / "daypass").rglob("*") if path.is_file()]


def test_one_session_in_masked_variables(platform: Platform, tokens: TokenService, tmp_path: Path) -> None:
    job = Job(tmp_path / "job", permitted(platform, tokens))
    # The role as a YAML block that begins with an empty line.
    several = f"\n  {role('deploy')}\n"
    done = job.use(ACTION, role_arn=several, session_name="held", duration_seconds="900", hold="environment")
    assert done.returncode == 0, done.stdout
    secret = job.environment["AWS_SECRET_ACCESS_KEY"]
    assert f"::add-mask::{secret}" in done.stdout
    assert secret not in done.stdout.replace(f"::add-mask::{secret}", "")
    assert len(tokens.requests) == 1
    # A step in a container has neither the files nor the profile; the variables are enough.
    assert "AWS_PROFILE" not in job.environment
    assert job.step(WHO).stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/held"


def test_the_action_installs_the_version_that_is_named(
    platform: Platform, tokens: TokenService, tmp_path: Path
) -> None:
    job = Job(tmp_path / "job", permitted(platform, tokens) | without_daypass(tmp_path / "bare"))
    # A step stands in the checked-out project, whose modules are not imported by what logs in.
    for name in ("ensurepip", "venv"):
        (job.folder / f"{name}.py").write_text("open('imported', 'w').close()\n")
    done = job.use(ACTION, role_arn=role("deploy"))
    assert done.returncode == 0, done.stdout
    assert not (job.folder / "imported").exists()
    assert job.step("command -v daypass").stdout.strip() == str(job.temporary / "daypass/venv/bin/daypass")
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/" in job.step(WHO).stdout


def test_a_version_that_cannot_be_had_fails(platform: Platform, tokens: TokenService, tmp_path: Path) -> None:
    job = Job(tmp_path / "job", permitted(platform, tokens) | without_daypass(tmp_path / "bare"))
    done = job.use(ACTION, role_arn=role("deploy"), version="99.0.0")
    assert done.returncode == 1
    assert "daypass 99.0.0 could not be installed" in done.stdout
    assert tokens.requests == []


def test_without_the_permission_nothing_is_installed(platform: Platform, tmp_path: Path) -> None:
    job = Job(tmp_path / "job", platform.runner)
    done = job.use(ACTION, role_arn=role("deploy"), version="99.0.0")
    assert done.returncode == 1
    assert "id-token: write" in done.stdout
    assert "from a fork never gets" in done.stdout
    assert "99.0.0" not in done.stdout
    assert not (job.temporary / "daypass").exists()


def test_a_denied_step_fails_and_its_log_says_why(platform: Platform, tokens: TokenService, tmp_path: Path) -> None:
    job = Job(tmp_path / "job", permitted(platform, tokens))
    done = job.use(ACTION, role_arn=role("locked"))
    assert done.returncode == 1
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in done.stdout
    assert "repo:octo-org/octo-repo:ref:refs/heads/main" in done.stdout
    assert "somebody:else" in done.stdout
    assert "AWS_PROFILE" not in job.environment


def test_another_account_is_refused_before_anybody_is_asked(
    platform: Platform, tokens: TokenService, tmp_path: Path
) -> None:
    job = Job(tmp_path / "job", permitted(platform, tokens))
    done = job.use(ACTION, role_arn=role("deploy"), expect_account="999988887777")
    assert done.returncode == 1
    assert ACCOUNT in done.stdout
    assert tokens.requests == []


def test_a_role_is_a_word_and_never_a_command(platform: Platform, tokens: TokenService, tmp_path: Path) -> None:
    job = Job(tmp_path / "job", permitted(platform, tokens))
    for hostile in ("$(touch broken)", "`touch broken`", "*", "--help", "x=arn:aws:iam::1:role/$(touch broken)"):
        assert job.use(ACTION, role_arn=hostile).returncode == 1
    assert not list(tmp_path.rglob("broken"))
