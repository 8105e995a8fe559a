"""A refused login, as the person sees it: the page of twelve is true, and each way to know is asked."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from daypass.testing import gitlab_token, local_aws
from support import fast_clock
from support.processes import DAYPASS, clean_environment
from support.services import ROLE, Seen, Service, https_service, platform, sts_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.testing.local_aws import LocalAws

ROOT = Path(__file__).parent.parent.parent
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
OTHER_BRANCH = gitlab_token(project="mygroup/app", ref="feature/x")
SECRETS = re.compile(r"eyJ[\w-]+\.|ASIA[A-Z0-9]{12}")


def test_the_page_of_twelve_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, "docs/denials.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(as_issuers=("gitlab.com",)) as running:
        running.provider("gitlab.com")
        running.role("deploy", trust_policy=policy())
        yield running


def policy(subject: str = "project_path:mygroup/app:ref_type:branch:ref:main") -> dict[str, Any]:
    condition = {"gitlab.com:aud": "sts.amazonaws.com", "gitlab.com:sub": subject}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::000000000000:oidc-provider/gitlab.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": condition},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def silent() -> Iterator[str]:
    """An STS that refuses everything, and explains nothing."""
    reply = sts_fault("AccessDenied", DENIED, 403)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def login(
    home: Path, aws: LocalAws, *arguments: str, token: str | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    job = {
        "GITLAB_CI": "true",
        "CI_SERVER_URL": "https://gitlab.com",
        "AWS_ID_TOKEN": token or aws.mint(OTHER_BRANCH),
        "AWS_ENDPOINT_URL_STS": aws.endpoint_url,
        "AWS_REGION": "us-east-1",
        **environ,
    }
    role = [] if "--role-arn" in arguments else ["--role-arn", "arn:aws:iam::000000000000:role/deploy"]
    done = subprocess.run(
        [*DAYPASS, "idp", "login", "aws", *role, *arguments],
        env=clean_environment(home, job),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not SECRETS.search(done.stdout + done.stderr)
    return done


def test_on_a_terminal_sentences_break_between_words_and_commands_do_not(tmp_path: Path, aws: LocalAws) -> None:
    """A command that is broken by a line end cannot be copied; a word that is broken is hard to read."""
    job = {"GITLAB_CI": "true", "CI_SERVER_URL": "https://gitlab.com", "AWS_ENDPOINT_URL_STS": aws.endpoint_url}
    job |= {
        "AWS_ID_TOKEN": aws.mint(gitlab_token(project="mygroup/app", ref="main"), aud="other"),
        "AWS_REGION": "x-y-1",
    }
    command = [*DAYPASS, "idp", "login", "aws", "--role-arn", "arn:aws:iam::000000000000:role/deploy"]
    for more in ({}, {"NO_COLOR": "1"}):
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
        environment = clean_environment(tmp_path, {**job, **more})
        with subprocess.Popen(command, env=environment, stdin=its, stdout=its, stderr=its) as process:
            os.close(its)
            written = b""
            with contextlib.suppress(OSError):  # EIO: the command has ended
                while piece := os.read(ours, 65536):
                    written += piece
        os.close(ours)
        assert process.returncode == 1
        assert (b"\x1b[1mnext:\x1b[0m" in written) is (more == {})
        lines = re.sub(rb"\x1b\[[0-9]*m", b"", written).decode().splitlines()
        (command_line,) = (line for line in lines if len(line) > 60)
        assert command_line.startswith("  aws iam add-client-id-to-open-id-connect-provider")
        assert command_line.endswith("--client-id other")
        assert "could not be validated. See the AssumeRole" in " ".join(lines)


def test_programs_get_the_next_step_too(tmp_path: Path, aws: LocalAws) -> None:
    told = json.loads(login(tmp_path, aws, "--json").stdout)
    assert told["next"].startswith("Make this edit")
    assert login(tmp_path, aws).stderr.splitlines()[3] == "  from  gitlab: the variable AWS_ID_TOKEN"


@pytest.mark.skipif(fast_clock.missing() is not None, reason=str(fast_clock.missing()))
@pytest.mark.parametrize(("ahead", "said"), [(3600, "3600 seconds ahead of"), (-3600, "3600 seconds behind")])
def test_a_clock_that_is_wrong_is_said_whatever_else_is(tmp_path: Path, aws: LocalAws, ahead: int, said: str) -> None:
    """Threat 75: an hour by mistake, as after a change of the time zone by hand."""
    with fast_clock.fast_clock(tmp_path / "clock") as clock:
        clock.advance(ahead)
        done = login(tmp_path, aws, token=aws.mint(OTHER_BRANCH, aud="other"), **clock.environ)
        assert done.returncode == 1
        assert (
            re.sub(r"(359|360)\d", "3600", done.stderr).count(f"This machine's clock is {said} that of AWS; set it.")
            == 1
        )
        assert "next: Ask for a token with an audience" in done.stderr
        good = login(tmp_path, aws, token=aws.mint(gitlab_token(project="mygroup/app", ref="main")), **clock.environ)
        assert good.returncode == 0, good.stderr


def as_administrator(aws: LocalAws, account: str = "test") -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_IAM": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
    }


PROJECT = "project_path:mygroup/app:ref_type:branch:ref"
EDIT = f'    + ["{PROJECT}:main", "{PROJECT}:feature/x"]'


def test_iam_is_asked_with_whatever_credentials_there_are(tmp_path: Path, aws: LocalAws, silent: str) -> None:
    done = login(tmp_path, aws, AWS_ENDPOINT_URL_STS=silent, **as_administrator(aws))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the project is the right one; its branch is feature/x, not main" in done.stderr
    assert EDIT in done.stderr
    assert "audience  ok: sts.amazonaws.com" in done.stderr
    assert "in this order" not in done.stderr


def test_a_refreshing_login_of_several_roles_tells_why_too(tmp_path: Path, aws: LocalAws) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(policy()))
    other = ["--role-arn", "arn:aws:iam::000000000000:role/absent", "--profile", "two"]
    role = ["--role-arn", "arn:aws:iam::000000000000:role/deploy", "--profile", "one"]
    done = login(tmp_path, aws, "--refreshing", *role, *other, "--policy", str(tmp_path / "policy.json"))
    assert done.returncode == 1
    assert "role/deploy, for the profile one:" in done.stderr
    assert EDIT in done.stderr
    assert "role/absent, for the profile two:" in done.stderr
    assert done.stderr.count(DENIED) == 2


def test_a_policy_file_needs_nobody(tmp_path: Path, aws: LocalAws, silent: str) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(policy()))
    done = login(tmp_path, aws, "--policy", str(tmp_path / "policy.json"), "--json", AWS_ENDPOINT_URL_STS=silent)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert (told["aws_code"], told["causes"]) == ("AccessDenied", [])
    assert told["explanation"]["allowed"] is False
    assert told["edit"] is not None
    assert EDIT in told["words"]


def test_a_role_that_iam_does_not_have_is_said(tmp_path: Path, aws: LocalAws, silent: str) -> None:
    absent = "arn:aws:iam::000000000000:role/absent"
    done = login(tmp_path, aws, "--role-arn", absent, AWS_ENDPOINT_URL_STS=silent, **as_administrator(aws))
    assert done.returncode == 1
    assert "IAM finds no role `absent` in the account of the credentials here." in done.stderr
    assert "in this order" in done.stderr


def test_a_role_of_the_same_name_in_another_account_explains_nothing(
    tmp_path: Path, aws: LocalAws, silent: str
) -> None:
    aws.role("deploy", trust_policy=policy("anything"), account="999988887777")
    environ = as_administrator(aws, "999988887777")
    done = login(tmp_path, aws, AWS_ENDPOINT_URL_STS=silent, **environ)
    assert "they see arn:aws:iam::999988887777:role/deploy" in done.stderr
    assert "anything" not in done.stderr
    assert "in this order" in done.stderr


@pytest.mark.parametrize(
    "environ", [{"AWS_PROFILE": "nope"}, {"AWS_ENDPOINT_URL_IAM": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a"}]
)
def test_an_iam_that_cannot_be_asked_hides_nothing(
    tmp_path: Path, aws: LocalAws, silent: str, environ: dict[str, str]
) -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "b"} | environ
    done = login(tmp_path, aws, AWS_ENDPOINT_URL_STS=silent, **environ)
    assert done.returncode == 1
    assert DENIED in done.stderr
    assert "IAM could not be asked" in done.stderr


def test_a_login_that_succeeds_is_explained_when_asked(tmp_path: Path, aws: LocalAws) -> None:
    good = aws.mint(gitlab_token(project="mygroup/app", ref="main"))
    done = login(tmp_path, aws, "--explain", token=good, **as_administrator(aws))
    assert done.returncode == 0, done.stderr
    assert "allowed: statement 1 allows sts:AssumeRoleWithWebIdentity" in done.stderr
    assert "sub   project_path:mygroup/app:ref_type:branch:ref:main" in done.stderr
    unread = login(tmp_path, aws, "--explain", token=good, AWS_ENDPOINT_URL_IAM=aws.endpoint_url)
    assert unread.returncode == 0
    assert "the role cannot be read to say why (IAM said AccessDenied)" in unread.stderr


def test_a_maximum_that_iam_tells_is_said(tmp_path: Path, aws: LocalAws) -> None:
    good = aws.mint(gitlab_token(project="mygroup/app", ref="main"))
    done = login(tmp_path, aws, "-d", "7200", token=good, **as_administrator(aws))
    assert done.returncode == 1
    assert "--clamp-duration" in done.stderr
    assert "update-role --role-name deploy --max-session-duration 7200" in done.stderr
    clamped = login(tmp_path, aws, "-d", "7200", "--clamp-duration", token=good)
    assert clamped.returncode == 0
    assert "no longer session than 3600 seconds" in clamped.stderr


# ------------------------------------------------------------------------------------- the rest of the command line


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, platform) as running:
        yield running


def plain(tmp_path: Path, service: Service, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A login at the service, with the token of a file."""
    if not (tmp_path / "token").exists():
        (tmp_path / "token").write_text("not.a.jwt\n")
    set_here = {
        "AWS_ENDPOINT_URL_STS": service.url,
        "AWS_CA_BUNDLE": str(service.authority),
        "DAYPASS_CA_BUNDLE": str(service.authority),
    }
    return subprocess.run(
        [*DAYPASS, "idp", "login", "aws", "--role-arn", ROLE, *arguments],
        env=clean_environment(tmp_path, {**set_here, **environ}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_token_by_hand_goes_as_it_is(tmp_path: Path, service: Service) -> None:
    done = plain(tmp_path, service, "--token-source", f"file:{tmp_path / 'token'}", "-v")
    assert done.returncode == 0, done.stderr
    assert f"token from file: the file {tmp_path / 'token'}" in done.stderr
    assert service.seen[0].form["WebIdentityToken"] == "not.a.jwt"


def test_another_account_is_refused_and_nothing_is_sent(tmp_path: Path, service: Service) -> None:
    source = ("--token-source", f"file:{tmp_path / 'token'}")
    done = plain(tmp_path, service, *source, "--expect-account", "444455556666")
    assert (done.returncode, service.seen) == (1, [])
    assert "the role is of account 111122223333, and 444455556666 is expected" in done.stderr
    assert plain(tmp_path, service, *source, "--expect-account", "444455556666,111122223333").returncode == 0
    assert plain(tmp_path, service, *source, "--expect-account", "12").returncode == 2


@pytest.mark.parametrize("text", ["0", "601", "-1", "1.5", "x", ""])
def test_a_time_to_wait_has_bounds(tmp_path: Path, service: Service, text: str) -> None:
    done = plain(tmp_path, service, f"--wait={text}")
    assert (done.returncode, service.seen) == (2, [])


def test_a_role_that_was_made_a_moment_ago_is_waited_for(tmp_path: Path, service: Service) -> None:
    def answer(seen: Seen) -> Any:
        return sts_fault("AccessDenied", DENIED, 403) if len(service.seen) < 3 else platform(seen)

    service.answer = answer
    done = plain(tmp_path, service, "--token-source", f"file:{tmp_path / 'token'}", "--wait")
    assert done.returncode == 0, done.stderr
    assert len(service.seen) == 3


def test_a_job_that_is_not_set_up_gets_the_line_and_status_2(tmp_path: Path, service: Service) -> None:
    done = plain(tmp_path, service, GITHUB_ACTIONS="true")
    assert (done.returncode, service.seen) == (2, [])
    assert "    id-token: write\n" in done.stderr


def test_the_region_of_the_profile_is_asked(tmp_path: Path, service: Service) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[profile ci]\nregion = eu-west-3\n[default]\nregion = eu-west-1\n")
    source = ("--token-source", f"file:{tmp_path / 'token'}", "-v")
    for profile, region in (("ci", "eu-west-3"), ("default", "eu-west-1")):
        # Nobody is reached: the proxy refuses connections. What would be asked is said before.
        environ = {"AWS_ENDPOINT_URL_STS": "", "HTTPS_PROXY": "http://127.0.0.1:1"}
        with subprocess.Popen(
            [*DAYPASS, "idp", "login", "aws", "--role-arn", ROLE, "-p", profile, *source],
            env=clean_environment(tmp_path, environ),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"asking STS at https://sts.{region}.amazonaws.com:443\n"
            process.kill()


NEVER = {"boto3", "botocore", "fastapi", "httpx", "sqlalchemy", "starlette", "uvicorn", "joserfc", "cryptography"}


@pytest.mark.parametrize("source", ["daypass", "github", "file", "gitlab"])
def test_a_login_loads_no_web_sql_or_boto3(tmp_path: Path, service: Service, source: str) -> None:
    environ = {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": f"{service.url}/x", "PATH": "/usr/bin"}
    from support.ambient import token
    from support.services import WORKLOAD_SECRET, json_reply

    service.answer = lambda seen: json_reply({"value": token()}) if seen.method == "GET" else platform(seen)
    (tmp_path / "token").write_text("not.a.jwt\n")
    environ |= {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "b",
        "DAYPASS_URL": f"{service.url}/idp",
        "DAYPASS_TOKEN": WORKLOAD_SECRET,
        "X": token(),
        "AWS_ENDPOINT_URL_STS": service.url,
        "AWS_CA_BUNDLE": str(service.authority),
        "DAYPASS_CA_BUNDLE": str(service.authority),
    }
    full = {"file": f"file:{tmp_path / 'token'}", "gitlab": "gitlab:X"}.get(source, source)
    code = (
        "import sys, daypass.cli\n"
        "status = daypass.cli.main(sys.argv[1:]); print(*sorted(sys.modules), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "idp", "login", "aws", "--role-arn", ROLE, "--token-source", full],
        env=clean_environment(tmp_path, environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "daypass" in loaded
    assert not NEVER & loaded
