"""Gitpod's task, Ona's automation and the devcontainer feature, with programs that give tokens as the platforms' do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from support.ambient import program
from support.ci_platforms import ACCOUNT, INTEGRATIONS, role
from support.drop_ins import run, run_script, without_daypass
from support.processes import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.ci_platforms import Platform

pytestmark = pytest.mark.journey
WHO = ["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
FEATURE = INTEGRATIONS / "devcontainer" / "src" / "daypass"


def commands(platform: str) -> dict[str, str]:
    """The scripts of a platform's file, by name."""
    if platform == "gitpod":
        (task,) = yaml.safe_load((INTEGRATIONS / "gitpod" / ".gitpod.yml").read_text())["tasks"]
        return {"login": task["command"]}
    tasks = yaml.safe_load((INTEGRATIONS / "ona" / "automations.yaml").read_text())["tasks"]
    return {"login": tasks["aws-login"]["command"], "logout": tasks["aws-logout"]["command"]}


def workspace(platform: Platform, folder: Path, name: str, **extra: str) -> dict[str, str]:
    """A workspace's environment whose program `name` gives tokens."""
    home = folder / "home"
    home.mkdir()
    token = platform.token("other")
    program(folder, name, prints=token)
    environment = clean_environment(home, platform.runner | {"DAYPASS_ROLE_ARN": role("deploy")} | extra)
    return environment | {"PATH": f"{folder}:{environment['PATH']}"}


@pytest.mark.parametrize(("name", "file"), [("gp", "gitpod"), ("ona", "ona")])
def test_every_terminal_of_the_workspace_is_the_role(platform: Platform, tmp_path: Path, name: str, file: str) -> None:
    environment = workspace(platform, tmp_path, name)
    scripts = commands(file)
    done = run_script(["bash", "-x"], scripts["login"], environment=environment, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "eyJ" not in done.stdout
    who = run(WHO, environment=environment, folder=tmp_path)
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/" in who.stdout
    keys = tmp_path / "home" / ".local" / "share" / "daypass" / "up" / "keys"  # what `daypass up` keeps
    keys.mkdir(parents=True)
    if "logout" in scripts:
        gone = run_script(["bash"], scripts["logout"], environment=environment, folder=tmp_path)
        assert gone.returncode == 0, gone.stdout
        assert "credential_process" not in (tmp_path / "home" / ".aws" / "config").read_text()
        assert keys.exists()


@pytest.mark.parametrize("file", ["gitpod", "ona"])
def test_elsewhere_the_task_says_that_it_is(platform: Platform, tmp_path: Path, file: str) -> None:
    environment = workspace(platform, tmp_path, "unrelated")
    done = run_script(["bash"], commands(file)["login"], environment=environment, folder=tmp_path)
    assert done.returncode == 1
    assert "daypass: there is no program" in done.stdout
    assert not (tmp_path / "home" / ".local").exists()


def test_the_automation_and_the_task_have_their_platforms_members() -> None:
    automations = yaml.safe_load((INTEGRATIONS / "ona" / "automations.yaml").read_text())
    known = {"name", "description", "command", "triggeredBy", "dependsOn", "runsOn"}
    triggers = {"manual", "postDevcontainerStart", "postEnvironmentStart", "prebuild", "beforeSnapshot"}
    for task in automations["tasks"].values():
        assert task.keys() <= known
        assert set(task["triggeredBy"]) <= triggers


def test_the_feature_installs_and_logs_in_at_the_start(platform: Platform, tmp_path: Path) -> None:
    feature = json.loads((FEATURE / "devcontainer-feature.json").read_text())
    options = {name.upper(): about["default"] for name, about in feature["options"].items()}
    hostile = "it's; touch broken"
    given = {"ROLEARN": role("deploy"), "TOKENSOURCE": "command:./gp idp token", "SESSIONNAME": hostile}
    environment = workspace(platform, tmp_path, "gp") | without_daypass(tmp_path / "bare")
    prefix = {"DAYPASS_PREFIX": str(tmp_path / "prefix")}
    install = ["sh", str(FEATURE / "install.sh")]
    built = run(install, environment=environment | options | given | prefix, folder=tmp_path)
    assert built.returncode == 0, built.stdout
    script = tmp_path / "prefix" / feature["postStartCommand"].removeprefix("/usr/local/")
    refused = run([str(script)], environment=environment, folder=tmp_path)
    assert refused.returncode == 2, refused.stdout
    assert hostile in refused.stdout
    assert not (tmp_path / "broken").exists()
    script.write_text(script.read_text().replace("it'\\''s; touch broken", "developer"))
    started = run([str(script)], environment=environment, folder=tmp_path)
    assert started.returncode == 0, started.stdout
    who = run(WHO, environment=environment, folder=tmp_path)
    assert who.stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/developer"


def test_the_feature_without_a_role_is_refused_when_the_image_is_built(tmp_path: Path) -> None:
    prefix = {"DAYPASS_PREFIX": str(tmp_path / "prefix"), "VERSION": "0.1.0", "ROLEARN": ""}
    done = run(["sh", str(FEATURE / "install.sh")], environment=clean_environment(tmp_path, prefix), folder=tmp_path)
    assert done.returncode == 2
    assert "roleArn" in done.stdout
    assert not (tmp_path / "prefix").exists()
