"""Dispatch, help, exit statuses, and what happens when the reader or the user has had enough."""

from __future__ import annotations

import argparse
import importlib.util
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from daypass import __version__, errors
from daypass.cli import main as run
from daypass.cli import output
from daypass.cli.main import COMMANDS, status_of
from support.processes import DAYPASS, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _default_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, about) in COMMANDS.items():
        assert f"  {name} " in shown
        assert about in shown


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"daypass {__version__}\n"


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    shown = capsys.readouterr()
    assert shown.out == "", "a script that lost its arguments gets no result"
    assert "usage:" in shown.err


@pytest.mark.parametrize(
    ("typed", "advice"),
    [("ipd", "daypass idp"), ("organization", "--help"), ("admintoken", "daypass admin-token"), ("\x1b[2J", "--help")],
)
def test_an_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str], typed: str, advice: str) -> None:
    assert run([typed]) == 2
    shown = capsys.readouterr()
    assert advice in shown.err
    assert shown.out == ""
    assert "\x1b" not in shown.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_refuses_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    parser = import_module(COMMANDS[name][0]).parser()
    assert isinstance(parser, argparse.ArgumentParser)
    assert parser.prog == f"daypass {name}"
    with pytest.raises(SystemExit) as ended:
        run([name, "--help"])
    assert ended.value.code == 0
    assert run([name, "--nonsense"]) == 2
    assert run([name, "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "told", "advice"),
    [
        ("idp login aws --rolearn r", "there is no option `--rolearn`", "Did you mean: --role-arn"),
        ("idp token --audiance=s3cret", "there is no option `--audiance`", "Did you mean: --audience"),
        ("idp login aws role", "`role` is not understood here", "See: daypass idp login aws --help"),
        ("idp tokn", "there is no command `tokn` of `daypass idp`", "Did you mean: daypass idp token"),
        ("idp aws login", "there is no command `aws` of `daypass idp`", "Did you mean: daypass idp login aws"),
        ("idp login oracle", "there is no command `oracle` of `daypass idp login`", "See: daypass idp login --help"),
        ("workload create a b --kind jobb", "`jobb` is not a --kind", "It is one of workspace, environment, job."),
        ("workload create a b --expires-in 5", "there is no option `--expires-in`", "--expires-in-seconds"),
        ("up --issuer 80", "there is no option `--issuer`", "Did you mean: --issuer-port"),
        ("up --data-folder=", "argument --data-folder: the path is empty", "See: daypass up --help"),
        ("local-aws --port 99999", "`99999` is not a port, 0 to 65535", "See: daypass local-aws --help"),
        ("local-aws --connect-to a:1", "`a:1` is not HOST:PORT=ADDRESS:PORT", "See: daypass local-aws --help"),
    ],
)
def test_a_slip_of_the_hand_is_answered_where_it_was_made(
    capsys: pytest.CaptureFixture[str], typed: str, told: str, advice: str
) -> None:
    assert run(typed.split()) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert told in first
    assert advice in second
    assert "s3cret" not in first + second


@pytest.mark.parametrize(
    ("closed", "command", "status"),
    [
        (">&-", "--help", 3),
        ("2>&-", "nope", 2),
        ("<&- >&- 2>&-", "nope", 2),
        ("2>/dev/full", "nope", 2),
        ("<&-", "--help", 0),
    ],
)
def test_closed_streams_leave_the_exit_status_right(tmp_path: Path, closed: str, command: str, status: int) -> None:
    script = f'"$@" {closed}'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *DAYPASS, command],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "a fault in" not in done.stderr


def test_no_file_of_ours_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    code = (
        "import os; from daypass.cli import output; output.open_closed_streams();"
        " os._exit(os.open(os.devnull, os.O_RDONLY))"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code],
        env=clean_environment(tmp_path),
        check=False,
    )
    assert done.returncode > 2


def every_error(kind: type[errors.DaypassError] = errors.DaypassError) -> Iterator[type[errors.DaypassError]]:
    for child in kind.__subclasses__():
        yield child
        yield from every_error(child)


@pytest.mark.parametrize(("family", "status"), [(errors.Refused, 1), (errors.Invalid, 2), (errors.Unavailable, 3)])
def test_every_error_has_the_status_of_its_family(family: type[errors.DaypassError], status: int) -> None:
    assert {status_of(kind("x")) for kind in [family, *every_error(family)]} == {status}


def test_every_error_is_of_one_family() -> None:
    assert set(errors.DaypassError.__subclasses__()) == {errors.Refused, errors.Invalid, errors.Unavailable}


def test_a_fault_of_ours_names_its_place_and_not_what_it_held(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from daypass.cli import org

    def broken() -> argparse.ArgumentParser:
        raise ValueError("dpw_secret-in-a-message")

    monkeypatch.setattr(org, "parser", broken)
    assert run(["org", "list"]) == 3
    shown = capsys.readouterr().err
    assert "ValueError in test_main.py, line" in shown
    assert "dpw_secret" not in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢 😀", "plain ü 漢 😀"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("a\r\nb", "a\\r\\nb"),
        ("\u202egpj", "\\u202egpj"),
        ("\x9b31m", "\\x9b31m"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert output.safe(text) == shown


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*DAYPASS, "--help"], env=clean_environment(tmp_path), stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


def test_a_full_disk_is_not_success(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*DAYPASS, "--help"], env=clean_environment(tmp_path), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    assert b"no space left" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_traceback(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ = clean_environment(
            tmp_path,
            {"DAYPASS_URL": f"http://localhost:{silent.getsockname()[1]}", "DAYPASS_TOKEN": "dpw_x"},
        )
        with subprocess.Popen(
            [*DAYPASS, "idp", "token", "--audience", "a"],
            env=environ,
            stderr=subprocess.PIPE,
            # A shell's background job, as this test run may be one, hands down that SIGINT is ignored.
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 (no thread of ours is about)
        ) as process:
            connection, _ = silent.accept()
            time.sleep(0.1)
            process.send_signal(number)
            _, err = process.communicate(timeout=10)
            connection.close()
    assert process.returncode == 128 + number
    assert err == b""


def test_names_that_do_not_fit_the_terminals_letters_are_printed_anyway(tmp_path: Path) -> None:
    environ = clean_environment(tmp_path) | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*DAYPASS, "--help"], env=environ, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_a_table_is_aligned_on_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    code = "from daypass.cli import output; output.table(['id', 'name'], [['org_1', 'a\\x1b'], ['o', 'bb']])"
    subprocess.run([sys.executable, "-c", code], env=clean_environment(tmp_path), stdout=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 4096)
    os.close(ours)
    assert shown.replace(b"\r\n", b"\n") == b"ID     NAME\norg_1  a\\x1b\no      bb\n"


def test_every_command_of_the_table_has_its_module() -> None:
    for module, about in COMMANDS.values():
        assert importlib.util.find_spec(module), module
        assert about[0].islower()
        assert not about.endswith(".")
