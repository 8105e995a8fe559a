"""What holds for every drop-in: one shared shell part, one version, its platform's schema, and a place in the docs."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

import daypass
from support.ci_platforms import INTEGRATIONS, ROOT
from support.drop_ins import run
from support.processes import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

SHELL = sorted((INTEGRATIONS / "shell").glob("*.sh"))
FILES = sorted(
    path
    for path in INTEGRATIONS.rglob("*")
    if path.is_file() and path.parent.name != "shell" and path.suffix not in {".py", ".md", ".pyc"}
)
PAGE = ROOT / "docs" / "integrations.md"
SCHEMAS = {
    "github/action.yml": ["vendor.github-actions"],
    "github/logout/action.yml": ["vendor.github-actions"],
    "github/example-workflow.yml": ["vendor.github-workflows"],
    "gitlab/daypass-aws.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    "gitlab/templates/daypass-login.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    "gitlab/.gitlab-ci.example.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    "buildkite/pipeline.example.yml": ["vendor.buildkite"],
    "circleci/config.yml": ["vendor.circle-ci"],
    "bitbucket/bitbucket-pipelines.yml": ["vendor.bitbucket-pipelines"],
    "azure-devops/daypass-login.yml": ["vendor.azure-pipelines", "--data-transform", "azure-pipelines"],
    "azure-devops/daypass-logout.yml": ["vendor.azure-pipelines", "--data-transform", "azure-pipelines"],
    "azure-devops/azure-pipelines.example.yml": ["vendor.azure-pipelines", "--data-transform", "azure-pipelines"],
}


def name_of(path: Path) -> str:
    return str(path.relative_to(INTEGRATIONS))


def test_every_drop_in_has_the_shared_shell_as_it_is(tmp_path: Path) -> None:
    check = [sys.executable, str(INTEGRATIONS / "weave.py"), "--check"]
    done = run(check, environment=clean_environment(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stdout
    copy = tmp_path / "integrations"
    shutil.copytree(INTEGRATIONS, copy)
    login = copy / "shell" / "login.sh"
    login.write_text(login.read_text().replace("--refreshing", "--changed"))
    changed = run(
        [sys.executable, str(copy / "weave.py"), "--check"], environment=clean_environment(tmp_path), folder=copy
    )
    assert changed.returncode == 1
    for path in FILES:
        if "daypass_login()" in path.read_text():
            assert f"{name_of(path)} is out of date" in changed.stdout


@pytest.mark.parametrize("path", SHELL, ids=name_of)
def test_the_shared_shell_survives_every_file_that_holds_it(path: Path) -> None:
    text = path.read_text()
    for token, where in {
        "\\": "Groovy",
        "'''": "Groovy",
        "<<": "CircleCI",
        "${{": "GitHub",
        "$(System.": "Azure",
    }.items():
        assert token not in text, f"{where} would take it"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_pinned_version_is_this_one(path: Path) -> None:
    for version in re.findall(r"\b\d+\.\d+\.\d+\b(?!\.)", re.sub(r"https?://\S+", "", path.read_text())):
        assert version == daypass.__version__


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_is_on_the_page_as_it_is(path: Path) -> None:
    assert f"{{literalinclude}} ../integrations/{name_of(path)}" in PAGE.read_text()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_drop_in_that_logs_in_hides_what_the_shell_does(path: Path) -> None:
    text = path.read_text()
    if "daypass_login" in text:
        assert text.index("set +x") < text.index("daypass_login()")


@pytest.mark.skipif(find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed")
@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_is_what_its_platform_reads(name: str, tmp_path: Path) -> None:
    # What stands before `---` in a component is its inputs, for which there is no schema.
    file = tmp_path / "file.yml"
    file.write_text((INTEGRATIONS / name).read_text().rpartition("\n---\n")[2])
    command = [sys.executable, "-m", "check_jsonschema", "--regex-variant", "nonunicode", "--builtin-schema"]
    command += [*SCHEMAS[name], str(file)]
    done = run(command, environment=clean_environment(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed; .ci/run installs it")
@pytest.mark.parametrize("path", [*SHELL, *(INTEGRATIONS / "buildkite" / "hooks").iterdir()], ids=name_of)
def test_shellcheck_has_nothing_to_say(path: Path, tmp_path: Path) -> None:
    dialect = "sh" if path.suffix == ".sh" else "bash"
    done = run(["shellcheck", "-s", dialect, str(path)], environment=clean_environment(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stdout
