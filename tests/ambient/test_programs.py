"""Platforms that are asked with a program: Gitpod, Ona, Buildkite, CircleCI; and the user's own command."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from daypass.ambient import find, running
from daypass.errors import TokenSourceFailed, TokenSourceIncomplete
from support.ambient import AWS, arguments, program, token

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = token()
PROGRAMS = [
    ("gitpod", {"GITPOD_WORKSPACE_ID": "w"}, "gp", ["idp", "token", "--audience", AWS]),
    ("ona", {"GITPOD_ENVIRONMENT_ID": "e"}, "ona", ["idp", "token", "--audience", AWS]),
    ("ona", {"GITPOD_ENVIRONMENT_ID": "e"}, "gitpod", ["idp", "token", "--audience", AWS]),
    ("buildkite", {"BUILDKITE": "true"}, "buildkite-agent", ["oidc", "request-token", "--audience", AWS]),
    ("circleci", {"CIRCLECI": "true"}, "circleci", ["run", "oidc", "get", "--claims", json.dumps({"aud": AWS})]),
]


def on_path(folder: Path, environ: dict[str, str]) -> dict[str, str]:
    return {"PATH": f"{folder}:/usr/bin:/bin", **environ}


@pytest.mark.parametrize(("source", "environ", "name", "expected"), PROGRAMS)
def test_the_contract_of_the_program(
    tmp_path: Path, source: str, environ: dict[str, str], name: str, expected: list[str]
) -> None:
    program(tmp_path, name, prints=TOKEN, says="a warning")
    found = find([AWS], on_path(tmp_path, environ))
    assert found is not None
    assert (found.source, found.token.reveal()) == (source, TOKEN)
    assert arguments(tmp_path, name) == expected


@pytest.mark.parametrize(("source", "environ", "name", "expected"), PROGRAMS)
def test_a_program_that_says_no_is_quoted_without_secrets(
    tmp_path: Path, source: str, environ: dict[str, str], name: str, expected: list[str]
) -> None:
    program(tmp_path, name, says=f"first\nsorry: {TOKEN} is not allowed", status=3)
    with pytest.raises(TokenSourceFailed, match=rf"`{name}` gave no token \(status 3\): sorry: … is not allowed") as no:
        find([AWS], on_path(tmp_path, environ))
    assert no.value.advice
    assert TOKEN not in str(no.value)


@pytest.mark.parametrize(("source", "environ", "name", "expected"), PROGRAMS)
def test_a_program_that_is_not_there_is_named(
    tmp_path: Path, source: str, environ: dict[str, str], name: str, expected: list[str]
) -> None:
    with pytest.raises(TokenSourceIncomplete, match="there is no program") as broken:
        find([AWS], {"PATH": str(tmp_path), **environ})
    assert broken.value.advice


@pytest.mark.parametrize("printed", ["", "Usage: gp …", "s3cret", TOKEN + "\nand more", "a.b", "x" * 200_000])
def test_a_program_that_prints_something_else_is_not_quoted(tmp_path: Path, printed: str) -> None:
    program(tmp_path, "gp", prints=printed)
    with pytest.raises(TokenSourceFailed, match="not a token") as no:
        find([AWS], on_path(tmp_path, {"GITPOD_WORKSPACE_ID": "w"}))
    assert "s3cret" not in str(no.value)


def test_gitpod_takes_several_audiences_and_a_scope(tmp_path: Path) -> None:
    program(tmp_path, "gp", prints=TOKEN)
    find(["a", "b"], on_path(tmp_path, {"GITPOD_WORKSPACE_ID": "w"}), scope="s")
    assert arguments(tmp_path, "gp")[2:] == ["--audience", "a", "--audience", "b", "--scope", "s"]
    program(tmp_path, "buildkite-agent", prints=TOKEN)
    with pytest.raises(TokenSourceIncomplete, match="one audience"):
        find(["a", "b"], on_path(tmp_path, {"BUILDKITE": "true"}))


def test_ona_goes_before_its_old_name(tmp_path: Path) -> None:
    program(tmp_path, "ona", prints=TOKEN)
    program(tmp_path, "gitpod", prints="old")
    assert find([AWS], on_path(tmp_path, {"GITPOD_ENVIRONMENT_ID": "e", "GITPOD_WORKSPACE_ID": "w"})) is not None


def test_a_command_of_ones_own_is_run_without_a_shell(tmp_path: Path) -> None:
    program(tmp_path, "mint", prints=TOKEN)
    found = find([AWS], on_path(tmp_path, {}), source="command:mint 'two words' $HOME;id")
    assert found is not None
    assert found.place == "the program mint"
    assert arguments(tmp_path, "mint") == ["two words", "$HOME;id"]
    assert (tmp_path / "mint.audience").read_text() == AWS


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.3)
    with pytest.raises(TokenSourceFailed, match="gave no token in"):
        find([AWS], on_path(tmp_path, {}), source="command:sleep 47.25")
    assert subprocess.run(["pgrep", "-f", "sleep 47.25"], capture_output=True, check=False).stdout == b""


def test_a_file_that_is_no_program_is_told(tmp_path: Path) -> None:
    (tmp_path / "mint").write_bytes(b"\0\0")
    (tmp_path / "mint").chmod(0o755)
    with pytest.raises(TokenSourceFailed, match="cannot be run"):
        find([AWS], on_path(tmp_path, {}), source="command:mint")
