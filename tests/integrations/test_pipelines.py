"""Buildkite, Jenkins, CircleCI, Bitbucket and Azure DevOps: their scripts in their shells, from the very files."""

from __future__ import annotations

import re
import shutil
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.ambient import program
from support.ci_platforms import ACCOUNT, INTEGRATIONS, role, token_service
from support.drop_ins import JENKINS_SHELL, run_script
from support.processes import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.ci_platforms import Platform

pytestmark = pytest.mark.journey
WHO = "aws sts get-caller-identity --query Arn --output text"
BASH = ("bash", "-eo", "pipefail")
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/"


def environment_of(platform: Platform, folder: Path, **extra: str) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    environment = clean_environment(home, platform.runner | extra)
    return environment | {"PATH": f"{folder}:{environment['PATH']}", "TMPDIR": str(folder)}


def of_file(*names: str) -> Any:
    return yaml.safe_load(INTEGRATIONS.joinpath(*names).read_text())


# Buildkite: hooks that the agent's bash sources.


def buildkite(platform: Platform, folder: Path, **options: str) -> dict[str, str]:
    named = {f"BUILDKITE_PLUGIN_DAYPASS_{name}": value for name, value in options.items()}
    return environment_of(platform, folder, BUILDKITE="true", BUILDKITE_JOB_ID="0190-job", **named)


def hooked(command: str) -> str:
    return f'. "{INTEGRATIONS}/buildkite/hooks/environment"\n{command}\n'


def test_buildkite_steps_have_the_roles_of_the_list(platform: Platform, tmp_path: Path) -> None:
    program(tmp_path, "buildkite-agent", prints=platform.token("other"))
    roles = {"ROLE_ARN_0": f"first={role('deploy')}", "ROLE_ARN_1": f"second={role('audit')}"}
    environment = buildkite(platform, tmp_path, **roles, REGION="eu-west-1", EXPECT_ACCOUNT=ACCOUNT)
    done = run_script(
        ["bash", "-x"], hooked(f"{WHO} --profile second; {WHO}"), environment=environment, folder=tmp_path
    )
    assert done.returncode == 0, done.stdout
    assert ROLE in done.stdout
    assert "assumed-role/audit/" in done.stdout
    assert "eyJ" not in done.stdout
    assert (tmp_path / "daypass-0190-job").stat().st_mode & 0o777 == 0o700
    hook = (INTEGRATIONS / "buildkite" / "hooks" / "pre-exit").read_text()
    left = run_script(["bash"], hook, environment=environment, folder=tmp_path)
    assert left.returncode == 0, left.stdout
    assert not (tmp_path / "daypass-0190-job").exists()


def test_buildkite_without_its_agent_is_told_how(platform: Platform, tmp_path: Path) -> None:
    environment = buildkite(platform, tmp_path, ROLE_ARN=role("deploy"))
    done = run_script(["bash"], hooked("echo went on"), environment=environment, folder=tmp_path)
    assert done.returncode == 1
    assert "mount-buildkite-agent: true" in done.stdout
    assert "went on" not in done.stdout


def test_a_folder_of_somebody_elses_making_is_refused(platform: Platform, tmp_path: Path) -> None:
    program(tmp_path, "buildkite-agent", prints=platform.token("other"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "daypass-0190-job").symlink_to(tmp_path / "elsewhere")
    environment = buildkite(platform, tmp_path, ROLE_ARN=role("deploy"))
    done = run_script(["bash"], hooked("echo went on"), environment=environment, folder=tmp_path)
    assert done.returncode == 1
    assert "belongs to somebody else" in done.stdout
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_buildkite_options_are_those_that_the_hook_reads() -> None:
    plugin = of_file("buildkite", "plugin.yml")
    options = {name.upper().replace("-", "_") for name in plugin["configuration"]["properties"]}
    hook = (INTEGRATIONS / "buildkite" / "hooks" / "environment").read_text()
    assert set(re.findall(r"daypass_option ([A-Z_]+)", hook)) == options
    (step,) = of_file("buildkite", "pipeline.example.yml")["steps"]
    (used,) = step["plugins"][0].values()
    assert used.keys() <= plugin["configuration"]["properties"].keys()


# Jenkins: the `sh` blocks of the Jenkinsfile, under the -xe with which its durable task runs them.


def jenkins_blocks() -> list[str]:
    text = (INTEGRATIONS / "jenkins" / "Jenkinsfile").read_text()
    blocks = re.findall(r"sh '''\n(.*?)'''", text, re.DOTALL)
    assert len(blocks) == 2
    assert not any("\\" in block for block in blocks), "Groovy would take the backslash"
    return [dedent(block) for block in blocks]


def jenkins(platform: Platform, folder: Path, name: str = "deploy") -> dict[str, str]:
    text = (INTEGRATIONS / "jenkins" / "Jenkinsfile").read_text()
    set_there = dict(re.findall(r"^    (DAYPASS_\w+) = '([^']*)'$", text, re.MULTILINE))
    assert set_there["DAYPASS_ROLE_ARN"] == role("deploy")
    return environment_of(
        platform, folder, **set_there | {"DAYPASS_ROLE_ARN": role(name)}, WORKSPACE_TMP=str(folder / "work@tmp")
    )


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_the_jenkinsfile_logs_in_shows_no_token_and_cleans_up(platform: Platform, tmp_path: Path) -> None:
    token = tmp_path / "id-token"
    token.write_text(platform.token("other"))
    environment = jenkins(platform, tmp_path)
    login, logout = jenkins_blocks()
    given = environment | {"ID_TOKEN_FILE": str(token)}
    done = run_script(JENKINS_SHELL, login, environment=given, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert ROLE in done.stdout
    assert token.read_text() not in done.stdout
    assert run_script(JENKINS_SHELL, logout, environment=environment, folder=tmp_path).returncode == 0
    assert not list((tmp_path / "work@tmp").iterdir())


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_the_jenkinsfile_fails_without_a_token_and_for_another_role(platform: Platform, tmp_path: Path) -> None:
    environment = jenkins(platform, tmp_path, "locked")
    login, _ = jenkins_blocks()
    without = run_script(JENKINS_SHELL, login, environment=environment, folder=tmp_path)
    assert without.returncode == 1
    assert "withCredentials" in without.stdout
    assert not (tmp_path / "work@tmp").exists()
    token = tmp_path / "id-token"
    token.write_text(platform.token("other"))
    given = environment | {"ID_TOKEN_FILE": str(token)}
    denied = run_script(JENKINS_SHELL, login, environment=given, folder=tmp_path)
    assert denied.returncode == 1
    assert "pipeline:deploy" in denied.stdout
    assert "get-caller-identity" not in denied.stdout


# CircleCI: what the login appends to BASH_ENV is read by the shell of each later step.


def circleci_run(command: str) -> dict[str, Any]:
    (step,) = of_file("circleci", "config.yml")["commands"][command]["steps"]
    run: dict[str, Any] = step["run"]
    assert not re.search(r"<<(?! parameters\.)", run["command"]), "CircleCI would expand it"
    return run


def test_the_circleci_command_logs_in_for_the_later_steps(platform: Platform, tmp_path: Path) -> None:
    bash_env = tmp_path / "bash-env"
    bash_env.touch()
    token = platform.token("other")
    old_keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "old"}
    home = tmp_path / 'it\'s "$(touch broken)" home'
    home.mkdir()
    job = environment_of(platform, tmp_path, CIRCLECI="true", BASH_ENV=str(bash_env), CIRCLE_OIDC_TOKEN_V2=token)
    job["HOME"] = str(home)
    login = circleci_run("daypass-login")
    parameters = {"DAYPASS_VERSION": "0.1.0", "DAYPASS_ROLE_ARN": role("deploy"), "DAYPASS_REGION": "eu-west-1"}
    own = dict.fromkeys(login["environment"], "") | parameters
    done = run_script(BASH, login["command"], environment=job | old_keys | own, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert token not in done.stdout
    assert ROLE in run_script(BASH, WHO, environment=job | old_keys, folder=tmp_path).stdout
    logout = circleci_run("daypass-logout")
    gone = run_script(BASH, logout["command"], environment=job | {"DAYPASS_ROLE_ARN": role("deploy")}, folder=tmp_path)
    assert gone.returncode == 0, gone.stdout
    assert not (home / ".daypass-job").exists()
    assert not (tmp_path / "broken").exists()


def test_the_circleci_command_without_a_token_fails(platform: Platform, tmp_path: Path) -> None:
    environment = environment_of(platform, tmp_path, CIRCLECI="true", DAYPASS_ROLE_ARN=role("deploy"))
    done = run_script(BASH, circleci_run("daypass-login")["command"], environment=environment, folder=tmp_path)
    assert done.returncode == 1
    assert "CIRCLE_OIDC_TOKEN_V2 is not set" in done.stdout
    assert not (tmp_path / "home" / ".daypass-job").exists()


# Bitbucket: the lines of a step's script, one after the other in one shell.


@pytest.mark.parametrize("shell", [["bash", "-e"], ["dash", "-e"]], ids=["bash", "dash"])
def test_the_bitbucket_step_is_the_role(platform: Platform, tmp_path: Path, shell: list[str]) -> None:
    (part,) = of_file("bitbucket", "bitbucket-pipelines.yml")["pipelines"]["branches"]["main"]
    assert part["step"]["oidc"] is True
    script = "\n".join(part["step"]["script"])
    environment = environment_of(platform, tmp_path, BITBUCKET_BUILD_NUMBER="7")
    without = run_script(shell, script, environment=environment, folder=tmp_path)
    assert without.returncode == 1
    assert "oidc: true" in without.stdout
    token = platform.token("other")
    given = environment | {"BITBUCKET_STEP_OIDC_TOKEN": token}
    done = run_script(shell, script, environment=given, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert ROLE in done.stdout
    assert token not in done.stdout


# Azure DevOps: the step's variables reach the next ones by lines of its log.


def test_the_azure_devops_step_is_the_role(platform: Platform, tmp_path: Path) -> None:
    (step,) = of_file("azure-devops", "daypass-login.yml")["steps"]
    values = dict.fromkeys(step["env"], "") | {"DAYPASS_VERSION": "0.1.0", "DAYPASS_ROLE_ARN": role("deploy")}
    with token_service("oidcToken", lambda: platform.token("other", aud="api://AzureADTokenExchange")) as service:
        own = {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": str(tmp_path), "SYSTEM_OIDCREQUESTURI": service.url}
        job = environment_of(platform, tmp_path, **own)
        without = run_script(["bash"], step["bash"], environment=job | values, folder=tmp_path)
        assert without.returncode == 1
        assert "SYSTEM_ACCESSTOKEN: $(System.AccessToken)" in without.stdout
        assert service.requests == []
        credential = {"SYSTEM_ACCESSTOKEN": "job-credential"}
        job |= {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "old"}
        done = run_script(["bash"], step["bash"], environment=job | values | credential, folder=tmp_path)
        assert done.returncode == 0, done.stdout
        assert "job-credential" not in done.stdout
        handed = dict(re.findall(r"^##vso\[task\.setvariable variable=(\w+)\](.*)$", done.stdout, re.MULTILINE))
        assert handed["AWS_PROFILE"] == "default"
        who = run_script(["bash"], WHO, environment=job | handed | credential, folder=tmp_path)
        assert ROLE in who.stdout
        (out,) = of_file("azure-devops", "daypass-logout.yml")["steps"]
        assert out["condition"] == "always()"
        own_role = {"DAYPASS_ROLE_ARN": role("deploy")}
        gone = run_script(["bash"], out["bash"], environment=job | own_role, folder=tmp_path)
        assert gone.returncode == 0, gone.stdout
        assert not (tmp_path / "daypass").exists()
        assert not [path for path in (tmp_path / "home" / ".cache" / "daypass").rglob("*") if path.is_file()]
