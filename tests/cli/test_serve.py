"""The command `daypass serve`, up to the point where it serves."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from daypass.cli import main, serve
from support.serving import Serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("DAYPASS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_check_says_that_settings_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = Serving(tmp_path).write_settings()
    assert main(["serve", "--check"]) == 0, "daypass.toml of the current folder"
    assert main(["serve", "--check", "--config", str(file)]) == 0
    assert "can be used" in capsys.readouterr().err
    assert not (tmp_path / "data").exists(), "checking makes nothing"


def test_the_environment_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setenv("DAYPASS_CONFIG", str(Serving(folder).write_settings()))
    assert main(["serve", "--check"]) == 0
    monkeypatch.setenv("DAYPASS_CONFIG", str(folder / "missing.toml"))
    assert main(["serve", "--check"]) == 2
    assert f"{folder / 'missing.toml'}: `*`: it cannot be read" in capsys.readouterr().err


def test_every_problem_is_told_with_file_key_reason_and_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text('lissten = "127.0.0.1:1"\n')
    monkeypatch.setenv("DAYPASS_LOG_LEVEL", "loud")
    assert main(["serve", "--listen", "nowhere", "--config", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"daypass: {file}: `lissten`: there is no such setting",
        "Did you mean `listen`?",
        "daypass: environment: `DAYPASS_LOG_LEVEL`: it is not one of debug, info, warning, error",
        "It is one of debug, info, warning, error.",
        "daypass: command line: `--listen`: it is not HOST:PORT",
        "It is `HOST:PORT`.",
        f"daypass: {file}: `issuer`: it is required",
        "Set `issuer` in daypass.toml, or DAYPASS_ISSUER.",
        f"daypass: {file}: `tls_certificate`: it is required: without `behind_proxy` there is no plain HTTP",
        "Set `tls_certificate` and `tls_private_key`, or `behind_proxy` when a proxy ends TLS.",
    ]


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "1"]) == 2
    assert "--port" in capsys.readouterr().err


def test_help_tells_where_settings_come_from() -> None:
    text = serve.parser().format_help()
    for word in ("daypass.toml", "DAYPASS_", "--check", "admin-token", "SIGTERM"):
        assert word in text


@pytest.mark.parametrize("content", ["", "\n", "\xff"])
def test_a_passphrase_file_without_a_passphrase_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_bytes(content.encode("latin-1"))
    (tmp_path / "passphrase").chmod(0o600)
    file = Serving(tmp_path, passphrase_file="passphrase").write_settings()
    done = subprocess.run(
        [sys.executable, "-m", "daypass", "serve", "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "passphrase" in done.stderr
    assert "empty or not UTF-8 text" in done.stderr
