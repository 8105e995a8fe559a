"""Ways of holding credentials as real processes, against a platform of the test's own that counts."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.command_line import answering, calls, daypass, profiles, workload_environment
from support.processes import DAYPASS
from support.services import (
    ROLE,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    WORKLOAD_SECRET,
    Reply,
    Seen,
    Service,
    https_service,
    platform,
    sts_fault,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = "arn:aws:iam::444455556666:role/ci/other"
SECRETS = (WORKLOAD_SECRET, SECRET_ACCESS_KEY, SESSION_TOKEN, "eyJ")
PROCESSES = int(os.environ.get("DAYPASS_HOLDING_PROCESSES", "24"))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, answering) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    return workload_environment(tmp_path, service, IDP_AWS_ROLE_ARN=ROLE)


def test_credentials_are_what_sdks_read_and_come_from_the_cache(environ: dict[str, str], service: Service) -> None:
    first, second, spelt = (
        daypass(environ, "idp", "credentials", "aws", *more) for more in ((), (), (f"--role-arn={ROLE}",))
    )
    for done in (first, second, spelt):
        assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(first.stdout)
    assert found | {"Expiration": ""} == {
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLEEXAMPLE12",
        "SecretAccessKey": SECRET_ACCESS_KEY,
        "SessionToken": SESSION_TOKEN,
        "Expiration": "",
        "AccountId": "111122223333",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["Expiration"])
    assert first.stdout == second.stdout == spelt.stdout
    assert calls(service) == 1
    assert daypass(environ, "idp", "credentials", "aws", "--no-cache").returncode == 0
    assert calls(service) == 2


def test_a_refusal_is_told_and_nothing_is_printed(environ: dict[str, str], service: Service) -> None:
    denied = sts_fault("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    service.answer = lambda seen: denied if seen.path == "/" else platform(seen)
    commands = (
        ["credentials", "aws"],
        ["exec", "aws", "--", "true"],
        ["env", "aws"],
        ["exec", "aws", "--refreshing", "--", "true"],
        ["agent", "--background"],
        ["login", "aws", "--refreshing"],
        ["login", "aws", "--role-arn", ROLE, "-p", "a", "--role-arn", OTHER, "-p", "b"],
    )
    for command in commands:
        done = daypass(environ, "idp", *command)
        assert (done.returncode, done.stdout) == (1, ""), command
        assert "Not authorized" in done.stderr
        assert f"  from  daypass: {environ['DAYPASS_URL']}\n" in done.stderr, command
        if "login" not in command:
            assert f"daypass idp login aws --role-arn {ROLE} --policy FILE" in done.stderr, "it has no --policy itself"
            first = command == commands[0]
            assert ("That is the answer of" in done.stderr) is not first, "who is told what another was, is told so"
        assert "wsp_42" in done.stderr
        assert not any(secret in done.stderr for secret in SECRETS)
    service.answer = answering
    # Who mended it need not wait until the refusal is forgotten.
    assert daypass(environ, "idp", "login", "aws", "--refreshing").returncode == 0
    assert daypass(environ, "idp", "credentials", "aws").returncode == 0


def test_a_refusal_is_not_explained_with_the_credentials_that_were_refused(
    environ: dict[str, str], service: Service, tmp_path: Path
) -> None:
    """The role is read with the profile's credentials, whose process is refused, and reads the role, and so on."""
    denied = sts_fault("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    assert daypass(environ, "idp", "login", "aws", "--refreshing", "--profile", "ci").returncode == 0
    assert daypass(environ, "idp", "login", "aws", "--refreshing", "--profile", "default").returncode == 0
    shutil.rmtree(Path(environ["HOME"], ".cache"))
    service.answer = lambda seen: denied if seen.path == "/" else platform(seen)
    started = tmp_path / "started"
    with_marks(environ, started)
    for profile in ("ci", None):
        started.unlink(missing_ok=True)
        with_profile = environ if profile is None else environ | {"AWS_PROFILE": profile}
        done = daypass(with_profile, "idp", "credentials", "aws")
        assert (done.returncode, done.stdout) == (1, "")
        assert "Not authorized" in done.stderr
        assert started.read_text().count("started") == 1


def with_marks(environ: dict[str, str], started: Path) -> None:
    """Let the profiles' process leave a mark each time it is started."""
    config = Path(environ.get("AWS_CONFIG_FILE") or Path(environ["HOME"], ".aws", "config"))
    marking = started.with_name("marking")
    marking.write_text(f'#!/bin/sh\necho started >> {started}\n[ $(wc -l < {started}) -gt 3 ] && exit 9\nexec "$@"\n')
    marking.chmod(0o700)
    config.write_text(config.read_text().replace("credential_process = ", f"credential_process = {marking} "))


def test_many_processes_and_two_roles_make_two_calls(environ: dict[str, str], service: Service) -> None:
    """A build that starts 200 SDKs at once must not be throttled by STS. DAYPASS_HOLDING_PROCESSES sets how many."""
    running = [
        subprocess.Popen(
            [*DAYPASS, "idp", "credentials", "aws", "--role-arn", ROLE if number % 2 else OTHER],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    found = [process.communicate(timeout=120) for process in running]
    assert {process.returncode for process in running} == {0}, found[0]
    assert {err for _, err in found} == {b""}
    assert len({json.loads(out)["AccountId"] for out, _ in found}) == 2
    assert calls(service) == 2


def test_many_processes_that_are_refused_make_one_call(environ: dict[str, str], service: Service) -> None:
    denied = sts_fault("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    service.answer = lambda seen: denied if seen.path == "/" else platform(seen)
    running = [
        subprocess.Popen(
            [*DAYPASS, "idp", "credentials", "aws"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(PROCESSES)
    ]
    found = [process.communicate(timeout=120) for process in running]
    assert {process.returncode for process in running} == {1}
    assert {out for out, _ in found} == {b""}
    assert all(b"Not authorized" in err and b"wsp_42" in err for _, err in found)
    assert calls(service) <= 1 + PROCESSES // 20  # one for each 5 seconds, should this machine be that slow
    left = [path for path in Path(environ["HOME"]).rglob("*.failure") if path.is_file()]
    assert left
    assert not any(secret.encode() in path.read_bytes() for path in left for secret in SECRETS)
    assert daypass(environ, "idp", "logout", "aws", "--all").returncode == 0
    assert not any(path.exists() for path in left)


def test_a_job_with_another_secret_gets_nothing_from_the_cache(
    environ: dict[str, str], service: Service, tmp_path: Path
) -> None:
    assert daypass(environ, "idp", "credentials", "aws").returncode == 0
    other = tmp_path / "other"
    other.write_text("dpw_another-workload")
    other.chmod(0o600)
    done = daypass(environ | {"DAYPASS_TOKEN_FILE": str(other)}, "idp", "credentials", "aws")
    assert (done.returncode, done.stdout) == (1, "")


def test_a_read_only_home_costs_a_word_and_a_call(environ: dict[str, str], service: Service) -> None:
    environ["XDG_CACHE_HOME"] = "/proc/nowhere"
    for number in (1, 2):
        done = daypass(environ, "idp", "credentials", "aws")
        assert done.returncode == 0
        assert json.loads(done.stdout)["Version"] == 1
        assert "going on without" in done.stderr
        assert calls(service) == number


def test_a_command_has_these_credentials_and_no_others(environ: dict[str, str]) -> None:
    stale = {
        "AWS_PROFILE": "x",
        "AWS_SECURITY_TOKEN": "x",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "x",
        "AWS_ROLE_ARN": "x",
        "AWS_BEARER_TOKEN_BEDROCK": "x",
    }
    stale |= {"AWS_ACCESS_KEY_ID": "stale"}
    done = daypass(environ | stale, "idp", "exec", "aws", "--region", "eu-central-1", "--", "env", "-0")
    assert done.returncode == 0, done.stderr
    found = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
    assert {name for name in found if name in stale} == {"AWS_ACCESS_KEY_ID"}
    assert found["AWS_ACCESS_KEY_ID"] == "ASIAEXAMPLEEXAMPLE12"
    assert found["AWS_SESSION_TOKEN"] == SESSION_TOKEN
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-central-1"


@pytest.mark.parametrize("refreshing", [[], ["--refreshing"]])
def test_a_command_ends_as_it_would_alone(environ: dict[str, str], refreshing: list[str]) -> None:
    def status(*command: str) -> int:
        return daypass(environ, "idp", "exec", "aws", *refreshing, "--", *command).returncode

    assert status("sh", "-c", "exit 7") == 7
    assert status("true") == 0
    assert status("/no/such/command") == 127
    assert status("/etc/passwd") == 126
    assert status("sh", "-c", "kill -TERM $$") in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert daypass(environ, "idp", "exec", "aws", *refreshing).returncode == 2


@pytest.mark.parametrize("refreshing", [[], ["--refreshing"]])
def test_a_command_ignores_no_signal_that_it_would_not_ignore_alone(
    environ: dict[str, str], refreshing: list[str]
) -> None:
    """Python ignores SIGPIPE and SIGXFSZ for itself, and a process hands down what it ignores."""
    command = ["grep", "^SigIgn", "/proc/self/status"]
    alone = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert daypass(environ, "idp", "exec", "aws", *refreshing, "--", *command).stdout == alone


@pytest.mark.parametrize("refreshing", [[], ["--refreshing"]])
def test_a_command_ignores_every_signal_that_its_starter_ignored(
    environ: dict[str, str], refreshing: list[str]
) -> None:
    """As under nohup, and as what a shell starts with `&` does: a closed terminal once ended such a job."""
    command = ["sh", "-c", "trap '' HUP INT QUIT USR1; exec \"$@\"", "sh"]
    shown = ["grep", "^SigIgn", "/proc/self/status"]
    alone = subprocess.run([*command, *shown], env=environ, capture_output=True, text=True, check=True).stdout
    held = [*command, *DAYPASS, "idp", "exec", "aws", *refreshing, "--", *shown]
    assert subprocess.run(held, env=environ, capture_output=True, text=True, check=True).stdout == alone
    assert int(alone.split()[1], 16) & 0b111 == 0b111


@pytest.mark.parametrize("refreshing", [[], ["--refreshing"]])
def test_signals_reach_the_command(environ: dict[str, str], refreshing: list[str], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"trap 'echo ended; exit 9' TERM; : > {ready}; while :; do sleep 0.05; done"
    command = [*DAYPASS, "idp", "exec", "aws", *refreshing, "--", "sh", "-c", script]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        until(ready.exists)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (9, b"ended\n")


def until(what: object, seconds: float = 20) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "lines",
    [
        "credential_process = {other}",
        "role_arn = arn:aws:iam::444455556666:role/other\nsource_profile = more",
        "aws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = x",
    ],
)
def test_no_default_profile_goes_before_the_endpoint(environ: dict[str, str], tmp_path: Path, lines: str) -> None:
    """SDKs ask an endpoint last: after the keys, the role and the process of the default profile of both files."""
    other = tmp_path / "other"
    keys = '{"Version": 1, "AccessKeyId": "AKIAOFANOTHERROLE000", "SecretAccessKey": "x"}'
    other.write_text(f"#!/bin/sh\necho '{keys}'\n")
    other.chmod(0o700)
    config = Path(environ["HOME"], ".aws", "config")
    config.parent.mkdir()
    more = f"[profile more]\ncredential_process = {other}\n"
    text = f"[default]\nregion = eu-central-1\n{lines.format(other=other)}\n\n{more}"
    config.write_text(text)
    script = (
        "import botocore.session as s; found = s.Session(); more = s.Session(profile='more');"
        "print(found.get_credentials().access_key, found.get_config_variable('region'),"
        " more.get_credentials().access_key)"
    )
    done = daypass(environ, "idp", "exec", "aws", "--refreshing", "--", sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ASIAEXAMPLEEXAMPLE12", "eu-central-1", "AKIAOFANOTHERROLE000"]
    assert config.read_text() == text
    agent = subprocess.run(
        ["sh", "-c", f"{' '.join(DAYPASS)} idp agent --background"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"`{config}` gives credentials, and SDKs use it before the agent" in agent.stderr
    config.write_text("not a section\n")
    assert daypass(environ, "idp", "agent", "--background").returncode == 0


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "ksh", "mksh", "busybox sh"])
def test_env_is_evaluated_by_shells(environ: dict[str, str], shell: str) -> None:
    if shutil.which(shell.split(maxsplit=1)[0]) is None:
        pytest.skip(f"{shell.split(maxsplit=1)[0]} is not installed; .ci/run says which shells are")
    script = """
    eval "$(daypass idp env aws --region eu-central-1)"
    printf "%s %s %s " "$AWS_ACCESS_KEY_ID" "${AWS_PROFILE-gone}" "$AWS_REGION"
    eval "$(daypass idp env aws --unset)"
    printf "%s" "${AWS_ACCESS_KEY_ID-gone}"
    """
    command = [*shell.split(), "-eu", "-c", script]
    done = subprocess.run(command, env=environ | {"AWS_PROFILE": "x"}, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"ASIAEXAMPLEEXAMPLE12 gone eu-central-1 gone", b"")


def test_env_is_evaluated_by_fish_and_powershell(environ: dict[str, str]) -> None:
    if shutil.which("fish"):
        script = "daypass idp env aws --shell fish | source; printf %s $AWS_SESSION_TOKEN"
        done = subprocess.run(["fish", "-c", script], env=environ, capture_output=True, check=True)
        assert done.stdout.decode() == SESSION_TOKEN
    powershell = daypass(environ, "idp", "env", "aws", "--shell", "powershell").stdout
    assert f"$Env:AWS_SECRET_ACCESS_KEY = '{SECRET_ACCESS_KEY}'\n" in powershell


def test_github_gets_variables_and_masks(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "github_env"
    path.write_text("BEFORE=1\n")
    done = daypass(environ | {"GITHUB_ENV": str(path)}, "idp", "env", "aws", "--github-env")
    assert done.returncode == 0, done.stderr
    assert f"::add-mask::{SECRET_ACCESS_KEY}\n" in done.stdout
    assert f"::add-mask::{SESSION_TOKEN}\n" in done.stdout
    assert re.match(
        r"BEFORE=1\nAWS_ACCESS_KEY_ID<<(daypass_[0-9a-f]{32})\nASIAEXAMPLEEXAMPLE12\n\1\n", path.read_text()
    )
    assert daypass(environ, "idp", "env", "aws", "--github-env").returncode == 2
    os.mkfifo(tmp_path / "pipe")
    hung = daypass(environ | {"GITHUB_ENV": str(tmp_path / "pipe")}, "idp", "env", "aws", "--github-env")
    assert hung.returncode == 3


def test_gitlab_gets_a_report_and_a_warning(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "report.env"
    done = daypass(environ, "idp", "env", "aws", "--gitlab-dotenv", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert f"AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "masks none" in done.stderr
    assert not any(secret in done.stderr for secret in SECRETS)


def test_an_agent_in_the_background_ends_with_its_shell(environ: dict[str, str], tmp_path: Path) -> None:
    script = 'eval "$(daypass idp agent --background)"; env -0 > "$1"; sleep 0.5'
    with subprocess.Popen(["bash", "-c", script, "bash", str(tmp_path / "env")], env=environ) as shell:
        assert shell.wait(timeout=30) == 0
    found = dict(entry.split("=", 1) for entry in (tmp_path / "env").read_text().split("\0") if entry)
    token = Path(found["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/credentials/role", found["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    until(lambda: not token.parent.exists())


def test_an_agent_that_cannot_begin_says_so(environ: dict[str, str], service: Service) -> None:
    service.answer = lambda seen: sts_fault("AccessDenied", "no", 403) if seen.path == "/" else platform(seen)
    for more in ([], ["--background"]):
        done = daypass(environ, "idp", "agent", *more)
        assert (done.returncode, done.stdout) == (1, "")
        assert "AccessDenied" in done.stderr
    assert daypass(environ, "idp", "agent", "--parent", "0").returncode == 2
    assert daypass(environ, "idp", "agent", "--port", "x").returncode == 2


def test_a_token_file_ends_with_its_parent_and_stays(environ: dict[str, str], service: Service, tmp_path: Path) -> None:
    path = tmp_path / "token"
    assert daypass(environ, "idp", "token-file", "--path", str(path)).returncode == 0
    first = path.read_text()
    assert first.count(".") == 2
    assert path.stat().st_mode & 0o777 == 0o600
    parent = subprocess.Popen(["sleep", "30"])
    command = [*DAYPASS, "idp", "token-file", "--path", str(path), "--watch", "--parent", str(parent.pid)]
    with subprocess.Popen(command, env=environ) as watching:
        until(lambda: sum(seen.path != "/" for seen in service.seen) >= 2)
        assert watching.poll() is None
        parent.kill()
        parent.wait()
        assert watching.wait(timeout=20) == 0
    assert path.exists()


def test_a_refreshing_login_and_its_undoing_leave_the_files_as_they_were(
    environ: dict[str, str], service: Service
) -> None:
    folder = Path(environ["HOME"]) / ".aws"
    folder.mkdir()
    before = {
        "config": b"# mine\r\n[default]\r\nregion = x\r\n",
        "credentials": b"[mine]\naws_access_key_id = AKIAMINE\n",
    }
    for name, content in before.items():
        (folder / name).write_bytes(content)
    done = daypass(environ, "idp", "login", "aws", "--refreshing", "-p", "ci", "-d", "900", "--json")
    assert done.returncode == 0, done.stderr
    line = profiles(environ, "config")["profile ci"]["credential_process"]
    assert line.endswith(f" idp credentials aws --role-arn {ROLE} --duration-seconds 900")
    assert "ci" not in profiles(environ, "credentials")
    got = subprocess.run(["sh", "-c", line], env=environ, capture_output=True, check=True)
    assert json.loads(got.stdout)["SecretAccessKey"] == SECRET_ACCESS_KEY
    assert calls(service) == 1, "the login filled the cache"
    assert daypass(environ, "idp", "login", "aws", "-p", "keys").returncode == 0
    undone = daypass(environ, "idp", "logout", "aws", "--all")
    assert undone.returncode == 0, undone.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert "1 cached session removed" in undone.stderr
    assert daypass(environ, "idp", "login", "aws", "--unset", "-p", "ci").returncode == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("credentials", "[ci]\naws_access_key_id = AKIAMINE\naws_secret_access_key = x\n"),
        ("config", "[profile ci]\nrole_arn = x\nsource_profile = y\n"),
        ("config", "[profile ci]\nsso_session = x\n"),
        ("config", "[profile ci]\ncredential_process = other\n"),
    ],
)
def test_what_is_not_ours_is_neither_replaced_nor_removed(environ: dict[str, str], name: str, content: str) -> None:
    path = Path(environ["HOME"]) / ".aws" / name
    path.parent.mkdir()
    path.write_text(content)
    done = daypass(environ, "idp", "login", "aws", "--refreshing", "-p", "ci")
    assert done.returncode == 2
    assert "did not write" in done.stderr
    if "arn" not in content and "sso" not in content:
        assert daypass(environ, "idp", "logout", "aws", "-p", "ci").returncode == 2
    assert path.read_text() == content


def test_logging_out_takes_away_what_a_killed_writer_left(environ: dict[str, str]) -> None:
    """Its temporary file holds a session as good as any."""
    assert daypass(environ, "idp", "credentials", "aws").returncode == 0
    folder = Path(environ["HOME"], ".cache", "daypass", "aws")
    (entry,) = folder.glob("*.json")
    left = entry.rename(entry.with_name(f".{entry.name}.0123456789abcdef.tmp"))
    assert daypass(environ, "idp", "logout", "aws", "-p", "ci").returncode == 0
    assert left.exists()
    assert daypass(environ, "idp", "logout", "aws", "--all").returncode == 0
    assert not left.exists()


@pytest.mark.parametrize("more", [(), ("--role-arn", ROLE, "-p", "default", "--role-arn", OTHER, "-p", "other")])
def test_a_login_says_what_it_replaced_and_what_goes_before_it(environ: dict[str, str], more: tuple[str, ...]) -> None:
    folder = Path(environ["HOME"], ".aws")
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAMINE\naws_secret_access_key = x\nmine = 1\n"
    )
    (folder / "config").write_text("[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n")
    for foreign in (True, False):
        done = daypass(environ, "idp", "login", "aws", *more)
        assert done.returncode == 0, done.stderr
        assert ("The profile default had the key AKIAMINE" in done.stderr) is foreign
        assert "The profile default has a role_arn, and AWS's tools use that before" in done.stderr
        assert "profile other" not in done.stderr
    assert profiles(environ)["default"]["mine"] == "1"


def test_a_login_over_a_refreshing_profile_and_back(environ: dict[str, str]) -> None:
    assert daypass(environ, "idp", "login", "aws", "-p", "ci").returncode == 0
    assert daypass(environ, "idp", "login", "aws", "-p", "ci", "--refreshing").returncode == 0
    assert "ci" not in profiles(environ, "credentials"), "keys would go before the process"


def test_several_roles_come_from_one_token(environ: dict[str, str], service: Service, tmp_path: Path) -> None:
    done = daypass(environ, "idp", "login", "aws", "--role-arn", ROLE, "-p", "a", "--role-arn", OTHER, "-p", "b")
    assert done.returncode == 0, done.stderr
    assert set(profiles(environ, "credentials")) == {"a", "b"}
    assert [seen.path for seen in service.seen].count("/idp/v1/id-tokens") == 1
    assert calls(service) == 2
    path = tmp_path / "daypass-roles.toml"
    path.write_text("".join(f'[[role]]\nprofile = "p{n}"\nrole_arn = "{OTHER}"\n' for n in range(20)))
    assert daypass(environ, "idp", "login", "aws", "--roles", str(path)).returncode == 0
    assert len(profiles(environ, "credentials")) == 22
    for wrong in (["--role-arn", ROLE, "--role-arn", OTHER], ["-p", "a", "-p", "b"], ["--roles", str(path), "-p", "a"]):
        assert daypass(environ, "idp", "login", "aws", *wrong).returncode == 2


def test_one_refused_role_does_not_keep_the_others(environ: dict[str, str], service: Service) -> None:
    def picky(seen: Seen) -> Reply:
        if seen.path == "/" and seen.form["RoleArn"] == OTHER:
            return sts_fault("AccessDenied", "no", 403)
        return answering(seen)

    service.answer = picky
    done = daypass(environ, "idp", "login", "aws", "--role-arn", OTHER, "-p", "b", "--role-arn", ROLE, "-p", "a")
    assert done.returncode == 1
    assert OTHER in done.stderr
    assert set(profiles(environ, "credentials")) == {"a"}


def test_a_chain_goes_on_signed_and_its_hour_is_said_beforehand(environ: dict[str, str], service: Service) -> None:
    done = daypass(environ, "idp", "login", "aws", "--chain-role-arn", OTHER, "-d", "7200")
    assert done.returncode == 2
    assert "3600" in done.stderr
    assert service.seen == []
    done = daypass(environ, "idp", "login", "aws", "--chain-role-arn", OTHER, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["profiles"][0]["account"] == "444455556666"
    first, second = (seen for seen in service.seen if seen.path == "/")
    assert (first.form["RoleArn"], second.form["RoleArn"]) == (ROLE, OTHER)
    assert "WebIdentityToken" not in second.form
    assert second.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLEEXAMPLE12/")


def test_no_secret_is_in_an_argument_a_title_or_a_message(environ: dict[str, str], service: Service) -> None:
    """Threat 69, for all commands: every process of the family is read from /proc while it runs."""
    os.environ.pop("UNUSED", None)

    def slow(seen: Seen) -> Reply:
        time.sleep(0.1)
        return answering(seen)

    service.answer = slow
    commands = [
        ["credentials", "aws", "--no-cache"],
        ["exec", "aws", "--refreshing", "--", "sleep", "0.3"],
        ["login", "aws", "--refreshing", "-p", "x"],
        ["login", "aws", "--chain-role-arn", OTHER],
        ["logout", "aws", "--all"],
    ]
    for command in commands:
        with subprocess.Popen(
            [*DAYPASS, "idp", *command], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            seen: set[bytes] = set()
            while process.poll() is None:
                for pid in family(process.pid):
                    for name in ("cmdline", "comm"):
                        try:
                            seen.add(Path(f"/proc/{pid}/{name}").read_bytes())
                        except OSError:
                            continue
            _, err = process.communicate()
        assert process.returncode == 0, err
        assert seen
        assert not any(secret.encode() in text for text in (*seen, err) for secret in SECRETS)


def family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in family(int(child)))]
