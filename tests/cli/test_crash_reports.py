"""What a crash, a trace or a look at the process table shows: places and names, never a token or a key (threat 69)."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.processes import DAYPASS, clean_environment
from support.services import ROLE, SECRET_ACCESS_KEY, SESSION_TOKEN, WORKLOAD_SECRET, Service, https_service, platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.services import Reply, Seen

SECRETS = (WORKLOAD_SECRET, SECRET_ACCESS_KEY, SESSION_TOKEN, "eyJ")
COMMANDS = {
    "login": ["idp", "login", "aws"],
    "refreshing": ["idp", "login", "aws", "--refreshing", "-p", "x"],
    "credentials": ["idp", "credentials", "aws", "--no-cache"],
    "env": ["idp", "env", "aws"],
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, platform) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    secret = tmp_path / "secret"
    secret.write_text(WORKLOAD_SECRET)
    secret.chmod(0o600)
    environment = clean_environment(
        tmp_path,
        {
            "DAYPASS_URL": service.url + "/idp",
            "DAYPASS_TOKEN_FILE": str(secret),
            "DAYPASS_CA_BUNDLE": str(service.authority),
            "AWS_ENDPOINT_URL_STS": service.url,
            "AWS_CA_BUNDLE": str(service.authority),
            "IDP_AWS_ROLE_ARN": ROLE,
        },
    )
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    return environment


# Forks once for each place, so that nothing is imported twice. Its argument: every how manyth call of Daypass fails.
FORCED = """
import os, sys
import daypass.cli
step, command = int(sys.argv[1]), sys.argv[2:]

def run(number):
    calls = 0
    def fail(frame, event, argument):
        nonlocal calls
        if event == "call" and "/daypass/" in frame.f_code.co_filename:
            calls += 1
            if calls == number:
                sys.setprofile(None)
                # As Python's own errors do: with the values that were at hand.
                raise RuntimeError(repr({name: value for name, value in frame.f_locals.items()}))
    sys.setprofile(fail)
    status = daypass.cli.main(command)
    sys.setprofile(None)
    sys.stdout.flush(); sys.stderr.flush()
    os._exit(200 if calls < number else status)

os.close(1)  # what is asked for may hold secrets; what is complained of may not
os.open(os.devnull, os.O_WRONLY)
number, ended = 1, 0
while True:
    child = os.fork()
    if child == 0:
        run(number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 200:
        break
    ended += 1
    number += step
sys.stderr.write(f"\\nplaces: {ended}\\n")
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_fault_anywhere_is_told_by_its_place_alone(environ: dict[str, str], name: str) -> None:
    """A fault forced at each seventeenth call of a function of ours, with its arguments in the error's text."""
    environ |= {"PYTHONFAULTHANDLER": "1", "DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", FORCED, "17", *COMMANDS[name]],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.search(r"places: (\d+)", done.stderr)
    assert found
    assert int(found[1]) > 15
    assert done.stderr.count("a fault in Daypass itself: RuntimeError in ") > int(found[1]) // 3
    for secret in SECRETS:
        assert secret not in done.stderr, done.stderr[max(0, done.stderr.index(secret) - 600) :][:900]


AGENT = """
import sys, time
import daypass.cli
from daypass.aws.holding import container_endpoint
refreshed = container_endpoint.Kept.refreshed
def faulty(self):
    if self._held is None:
        return refreshed(self)
    raise RuntimeError(self._held.session_token.reveal())
container_endpoint.Kept.refreshed = faulty
container_endpoint.Kept.pause_seconds = lambda self: 0.01
sys.exit(daypass.cli.main(["idp", "agent", "--", "sleep", "0.5"]))
"""


def test_a_fault_in_a_thread_of_the_agent_is_told_by_its_place_alone(environ: dict[str, str]) -> None:
    """Python itself would print the error with its text; and the agent goes on."""
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", AGENT]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "a fault in Daypass itself: RuntimeError in " in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(secret in done.stderr for secret in SECRETS)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_process_that_is_shot_shows_frames_and_no_values(
    environ: dict[str, str], service: Service, number: signal.Signals
) -> None:
    """PYTHONFAULTHANDLER prints where every thread was; core files are the system's, and are off in most jobs."""

    def slow(seen: Seen) -> Reply:
        if seen.path == "/":
            time.sleep(2)
        return platform(seen)

    service.answer = slow
    environ |= {"PYTHONFAULTHANDLER": "1"}
    command = ["sh", "-c", 'ulimit -c 0; exec "$@"', "sh", sys.executable, "-X", "dev", "-m", "daypass"]
    with subprocess.Popen([*command, *COMMANDS["login"]], env=environ, stderr=subprocess.PIPE, text=True) as process:
        while not any(seen.path == "/" for seen in service.seen):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == -number
    assert "Fatal Python error" in err
    assert "sts_client.py" in err
    assert not any(secret in err for secret in SECRETS)


SHELL_TRACE = """
set -x
daypass idp login aws
daypass idp login aws --refreshing -p x
daypass idp exec aws -- true
eval "$(daypass idp agent --background)"
daypass idp token-file --path "$HOME/token"
daypass idp logout aws --all
"""


def test_a_shells_trace_shows_no_secret(environ: dict[str, str], tmp_path: Path) -> None:
    """`set -x` writes each command to the job's log after all variables are put in."""
    done = subprocess.run(
        ["bash", "-e", "-c", SHELL_TRACE], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" in done.stderr, "the trace was on"
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_the_documented_way_keeps_keys_out_of_a_trace(environ: dict[str, str], tmp_path: Path, shell: str) -> None:
    """`eval` itself writes its argument to the trace, so nothing that is evaluated could prevent it."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    careless = 'set -x; eval "$(daypass idp env aws)"; set +x; printf %s "$AWS_SECRET_ACCESS_KEY" > got'
    careful = (
        '{ set +x; } 2> /dev/null; eval "$(daypass idp env aws)"; printf %s "$AWS_SECRET_ACCESS_KEY" > got; set -x; :'
    )
    for script, leaks in ((careless, True), (f"set -x; {careful}", False)):
        done = subprocess.run(
            [shell, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert (tmp_path / "got").read_text() == SECRET_ACCESS_KEY
        assert (SECRET_ACCESS_KEY in done.stderr) is leaks


def test_no_child_gets_a_key_by_its_environment_but_the_users_command(
    environ: dict[str, str], service: Service, tmp_path: Path
) -> None:
    """A program that gives a token needs none of AWS's; `ps e` and /proc show what a process was started with."""
    program = tmp_path / "give-a-token"
    program.write_text(
        f'#!/bin/sh\ntr "\\0" "\\n" < /proc/$$/environ >> "{tmp_path}/children"\nsleep 0.2\nprintf a.b.c\n'
    )
    program.chmod(0o700)
    (tmp_path / "children").touch()

    def slow(seen: Seen) -> Reply:
        time.sleep(0.1)
        return platform(seen)

    service.answer = slow
    source = ["--token-source", f"command:{program}"]
    for command in COMMANDS.values():
        seen = set[bytes]()
        with subprocess.Popen(
            [*DAYPASS, *command, *source], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            while process.poll() is None:
                for entry in [process.pid, *children(process.pid)]:
                    for name in ("environ", "cmdline"):
                        try:
                            seen.add(Path(f"/proc/{entry}/{name}").read_bytes())
                        except OSError:
                            continue
                time.sleep(0.005)
            _, err = process.communicate()
        assert process.returncode == 0, err
        assert seen
        assert not any(secret.encode() in text for secret in SECRETS for text in (*seen, err))
    told = (tmp_path / "children").read_text()
    assert told.count("DAYPASS_AUDIENCE=") == len(COMMANDS)
    assert not any(secret in told for secret in SECRETS)


def children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
