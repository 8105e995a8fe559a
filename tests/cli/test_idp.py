"""`daypass idp` as real processes, over real TLS, against a platform of the test's own."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.command_line import daypass, profiles, workload_environment
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
    json_reply,
    platform,
    problem,
    sts_fault,
)
from support.vectors import VECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGIN_ROUNDS = int(os.environ.get("DAYPASS_LOGIN_ROUNDS", "5"))
LOGIN = ["idp", "login", "aws", "--role-arn", ROLE]
SECRETS = (WORKLOAD_SECRET, SECRET_ACCESS_KEY, SESSION_TOKEN, "eyJ", "ASIAEXAMPLE")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, platform) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    return workload_environment(tmp_path, service)


@pytest.mark.parametrize("audience", [["--audience", "a"], ["--audience=a"]])
def test_token_prints_the_token_and_nothing_else(environ: dict[str, str], audience: list[str]) -> None:
    done = daypass(environ, "idp", "token", *audience)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"eyJ[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)


def test_decode_prints_header_and_payload_and_no_signature(environ: dict[str, str], service: Service) -> None:
    done = daypass(environ, "idp", "token", "--audience", "a", "--audience", "b", "--decode", "--scope", "s")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("This is a token of https://idp.example.com for organization:org_1:")
    shown = json.loads(done.stdout)
    assert list(shown) == ["Header", "Payload"]
    assert shown["Payload"]["aud"] == ["a", "b"]
    assert done.stdout.startswith('{\n  "Header": {\n    "')
    assert "eyJ" not in done.stdout
    assert service.seen[0].json == {"audience": ["a", "b"], "scope": "s"}


def compact(claims: dict[str, object]) -> str:
    """An unsigned token: decoding does not look at the signature."""
    parts = ({"alg": "RS256", "kid": "k"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + ".c2ln"
    )


def test_decode_tells_whose_token_it_is_and_what_aws_can_test(environ: dict[str, str], tmp_path: Path) -> None:
    claims = json.loads((VECTORS / "formats" / "gitlab.json").read_text())["cases"][0]["expect"]["claims"]
    path = "acme/a\u202eb"  # turns the direction of a terminal's text
    token = compact(claims | {"iss": "https://gitlab.com", "project_path": path, "job_project_path": path})
    (tmp_path / "token").write_text(token + "\n")
    for place, stdin in ((str(tmp_path / "token"), None), ("-", token)):
        done = subprocess.run(
            [*DAYPASS, "idp", "token", "--decode", "--token-file", place],
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["Payload"]["iss"] == "https://gitlab.com"
        whose, testable, rest, unchecked = done.stderr.splitlines()
        assert whose.startswith(r"This is a GitLab ID token of the project acme/a\u202eb (id 60417), for the")
        assert "aud, sub, namespace_id, pipeline_source, project_id, ref_protected" in testable
        assert rest.startswith("It cannot test namespace_path, project_path, job_project_id")
        assert unchecked == "Its signature was not checked."


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--decode"], 2),
        (["--token-file", "x"], 2),
        (["--decode", "--token-file", "x", "--audience", "a"], 2),
        (["--decode", "--token-file", "/nowhere/token"], 3),
        (["--decode", "--token-file", "/dev/null"], 1),
    ],
)
def test_a_token_to_decode_is_named_once_and_is_there(
    environ: dict[str, str], arguments: list[str], status: int
) -> None:
    assert daypass(environ, "idp", "token", *arguments).returncode == status


def test_login_writes_a_profile_that_botocore_reads(environ: dict[str, str], service: Service) -> None:
    done = daypass(environ, *LOGIN, "-d", "900", "-p", "ci", "--region=eu-central-1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "account": "111122223333",
        "role_arn": ROLE,
        "session_arn": json.loads(done.stdout)["session_arn"],
        "expires_at": "2026-01-02T04:04:05Z",
        "profile": "ci",
        "credentials_file": str(Path(environ["HOME"]) / ".aws" / "credentials"),
    }
    written = profiles(environ)["ci"]
    assert written["aws_secret_access_key"] == SECRET_ACCESS_KEY
    assert written["aws_session_token"] == SESSION_TOKEN
    assert profiles(environ, "config")["profile ci"] == {"region": "eu-central-1"}
    form = service.seen[1].form
    assert form["DurationSeconds"] == "900"
    assert re.fullmatch(r"wsp_42-[0-9]{10}", form["RoleSessionName"])
    assert service.seen[0].json == {"audience": ["sts.amazonaws.com"]}
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


@pytest.mark.parametrize(
    ("more", "profile", "role"),
    [
        ({"IDP_AWS_ROLE_ARN": ROLE, "AWS_ROLE_ARN": "x"}, "default", ROLE),
        ({"AWS_ROLE_ARN": ROLE, "AWS_PROFILE": "work"}, "work", ROLE),
    ],
)
def test_role_and_profile_come_from_the_environment(
    environ: dict[str, str], service: Service, more: dict[str, str], profile: str, role: str
) -> None:
    done = daypass(environ | more, "idp", "login", "aws", "--role-session-name", "me@x")
    assert done.returncode == 0, done.stderr
    assert list(profiles(environ)) == [profile]
    assert (service.seen[1].form["RoleArn"], service.seen[1].form["RoleSessionName"]) == (role, "me@x")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["idp"], "COMMAND"),
        (["idp", "token"], "--audience"),
        (["idp", "token", "--audi", "a"], "--audience"),
        (["idp", "login", "aws"], "IDP_AWS_ROLE_ARN"),
        (["idp", "login", "aws", "--role-arn", "arn:aws:iam::1:role/x"], "arn:aws:iam::1:role/x"),
        ([*LOGIN, "-d", "899"], "900"),
        ([*LOGIN, "-d", "43201"], "43200"),
        ([*LOGIN, "-d", "1h"], "1h"),
        ([*LOGIN, "--role-session-name", "x"], "role session name"),
        ([*LOGIN, "--role-session-name", "a b"], "role session name"),
        ([*LOGIN, "-p", "x]\n[admin"], "profile name"),
        ([*LOGIN, "-p", "a=b"], "profile name"),
        ([*LOGIN, "--region", "x\n[y"], "region"),
        ([*LOGIN, "--region", "cn-north-1", "-v"], None),
        ([*LOGIN, "--audience", ""], "audience"),
    ],
)
def test_wrong_arguments_are_found_before_anybody_is_asked(
    environ: dict[str, str], service: Service, arguments: list[str], words: str | None
) -> None:
    if words is None:
        environ.pop("AWS_ENDPOINT_URL_STS")
        words = "partition"
    done = daypass(environ, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("daypass: ")
    assert words in done.stderr
    assert service.seen == []
    assert not (Path(environ["HOME"]) / ".aws").exists()


def refusing(reply: Reply, why: Reply | None = None) -> Callable[[Seen], Reply]:
    def answer(seen: Seen) -> Reply:
        if seen.method == "GET" and why is not None:
            return why
        return reply if seen.path == "/" else platform(seen)

    return answer


DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def test_access_denied_shows_the_claims_and_what_to_look_at(environ: dict[str, str], service: Service) -> None:
    service.answer = refusing(sts_fault("AccessDenied", DENIED, 403))
    done = daypass(environ, *LOGIN)
    assert (done.returncode, done.stdout) == (1, "")
    assert DENIED in done.stderr
    for word in ("https://idp.example.com", "wsp_42", "idp.example.com:sub", "oidc-provider/idp.example.com", ROLE):
        assert word in done.stderr
    assert not any(secret in done.stderr for secret in SECRETS)
    assert not (Path(environ["HOME"]) / ".aws").exists()


def test_an_endpoint_that_explains_itself_is_asked(environ: dict[str, str], service: Service) -> None:
    words = "statement 1: no\n  wanted a\x1b[31m, found b"
    why = json_reply({"words": words})
    denied = sts_fault("AccessDenied", DENIED, 403, {"x-daypass-why": "/_daypass/why/7"})
    service.answer = refusing(denied, why)
    done = daypass(environ, *LOGIN)
    assert done.returncode == 1
    assert "statement 1: no\n  wanted a\\x1b[31m, found b\n" in done.stderr
    asked = service.seen[-1]
    assert (asked.method, asked.path) == ("GET", "/_daypass/why/7")
    assert "Authorization" not in asked.headers
    as_json = daypass(environ, *LOGIN, "--json")
    assert json.loads(as_json.stdout)["words"] == words


def test_a_refusal_before_the_trust_policy_is_explained_too(environ: dict[str, str], service: Service) -> None:
    fault = sts_fault("InvalidIdentityToken", "Incorrect token audience", 400, {"x-daypass-why": "/_daypass/why/8"})
    service.answer = refusing(fault, json_reply({"words": None, "detail": "x is not among the client ids"}))
    done = daypass(environ, *LOGIN)
    assert (done.returncode, done.stdout) == (1, "")
    for words in (
        "Incorrect token audience",
        "--client-id sts.amazonaws.com",
        "  aud   sts.amazonaws.com",
        "x is not among the client ids",
    ):
        assert words in done.stderr
    assert "in this order" not in done.stderr


@pytest.mark.parametrize("why", ["https://evil.example/x", "//evil.example/x", "@evil.example", "/../x", "/x y", "x"])
def test_an_explanation_elsewhere_is_not_fetched(environ: dict[str, str], service: Service, why: str) -> None:
    service.answer = refusing(sts_fault("AccessDenied", DENIED, 403, {"x-daypass-why": why}))
    done = daypass(environ, *LOGIN)
    assert done.returncode == 1
    assert "in this order" in done.stderr
    assert [seen.method for seen in service.seen] == ["POST", "POST"]


def test_statuses_tell_no_from_do_not_know(environ: dict[str, str], service: Service) -> None:
    service.answer = lambda seen: problem(401, "credential_unknown", "not \x1b]0;known", "Get \x07another.")
    done = daypass(environ, *LOGIN)
    assert done.returncode == 1
    assert done.stderr == "daypass: not \\x1b]0;known\nGet \\x07another.\nrequest id: r-1\n"
    gone = daypass(environ | {"DAYPASS_URL": "https://localhost:1"}, *LOGIN)
    assert gone.returncode == 3
    untrusted = daypass({k: v for k, v in environ.items() if k != "DAYPASS_CA_BUNDLE"}, *LOGIN)
    assert untrusted.returncode == 3
    assert "DAYPASS_CA_BUNDLE" in untrusted.stderr


def test_a_profile_that_keys_in_the_environment_hide_is_said(environ: dict[str, str]) -> None:
    done = daypass(environ | {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}, *LOGIN)
    assert done.returncode == 0
    assert "AWS_ACCESS_KEY_ID is set" in done.stderr


def test_no_secret_is_an_argument_of_any_process(environ: dict[str, str], service: Service) -> None:
    """tj-actions (CVE-2025-30066) and `ps` read what runs; arguments of a process are there for everybody."""

    def slow(seen: Seen) -> Reply:
        time.sleep(0.15)
        return platform(seen)

    service.answer = slow
    with subprocess.Popen([*DAYPASS, *LOGIN], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        seen: dict[int, bytes] = {}
        while process.poll() is None:
            family = {process.pid}
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    try:
                        parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
                        if parent in family or int(entry) in family:
                            family.add(int(entry))
                            seen[int(entry)] = Path(f"/proc/{entry}/cmdline").read_bytes()
                    except (OSError, IndexError):
                        continue
            time.sleep(0.005)
        assert process.returncode == 0
        out, err = process.communicate()
    assert process.pid in seen
    assert len(seen) == 1, "no child process is needed"
    everything = b"".join(seen.values()) + out + err
    assert not any(secret.encode() in everything for secret in SECRETS)


def test_twelve_logins_at_once_leave_every_section_whole(environ: dict[str, str], service: Service) -> None:
    """aws-cli #10648: `configure set` truncates in place, and parallel jobs tear the file."""
    folder = Path(environ["HOME"]) / ".aws"
    names = [f"job-{number}" for number in range(12)]

    def per_profile(seen: Seen) -> Reply:
        reply = platform(seen)
        if seen.path != "/":
            return reply
        marker = seen.form["RoleSessionName"].encode().replace(b"-", b"") * 3
        return Reply(200, reply.body.replace(SESSION_TOKEN.encode(), marker), "text/xml")

    service.answer = per_profile
    for round_number in range(LOGIN_ROUNDS):
        for name in ("credentials", "credentials.lock"):
            (folder / name).unlink(missing_ok=True)
        folder.mkdir(exist_ok=True)
        untouched = "# hand-written\n[mine]\naws_access_key_id = AKIAMINE\n ; odd comment\n\n"
        (folder / "credentials").write_text(untouched)
        running = [
            subprocess.Popen(
                [*DAYPASS, *LOGIN, "-p", name, "--role-session-name", f"{name}-round-{round_number}"],
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for name in names
        ]
        for process in running:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
        found = profiles(environ)
        assert set(found) == {"mine", *names}
        for name in names:
            assert found[name]["aws_secret_access_key"] == SECRET_ACCESS_KEY
            assert found[name]["aws_session_token"] == f"{name}-round-{round_number}".replace("-", "") * 3
        assert (folder / "credentials").read_text().startswith(untouched)
        assert set(os.listdir(folder)) == {"credentials", "credentials.lock"}


def test_another_tool_that_writes_meanwhile_never_sees_half_a_file(environ: dict[str, str]) -> None:
    """The other tool takes no lock, so its own change may be lost; what it reads must always be whole."""
    path = Path(environ["HOME"]) / ".aws" / "credentials"
    path.parent.mkdir()
    path.write_text("[mine]\naws_access_key_id = AKIAMINE\n")
    stop, faults = threading.Event(), list[str]()

    def other_tool() -> None:
        while not stop.is_set():
            text = path.read_text()
            if not text.startswith("[mine]\naws_access_key_id = AKIAMINE\n") or not text.endswith("\n"):
                faults.append(text)
            replacement = path.with_name("other.tmp")
            replacement.write_text(text)
            replacement.chmod(0o600)
            replacement.replace(path)

    thread = threading.Thread(target=other_tool)
    thread.start()
    try:
        for number in range(6):
            done = daypass(environ, *LOGIN, "-p", f"p{number}")
            assert done.returncode == 0, done.stderr
    finally:
        stop.set()
        thread.join()
    assert faults == []
    assert profiles(environ)["mine"] == {"aws_access_key_id": "AKIAMINE"}


def first_then_platform(first: Reply) -> Callable[[Seen], Reply]:
    left = [first]
    return lambda seen: left.pop() if left else platform(seen)


@pytest.mark.parametrize(
    "fault",
    [
        problem(503, "audit_unavailable", "the audit log cannot be written"),
        problem(500, "a_code_of_the_future", "no"),
        problem(429, "rate_limited", "too many requests"),
        Reply(502, b"<html>bad gateway</html>", "text/html"),
    ],
)
def test_a_token_is_asked_for_again_when_the_fault_may_pass(
    environ: dict[str, str], service: Service, tmp_path: Path, fault: Reply
) -> None:
    """A login tried again; a script that fetches its token itself ended at the first restart of the provider."""
    token = ["idp", "token", "--audience", "a"]
    for command in (token, ["idp", "token-file", "--path", str(tmp_path / "t")], LOGIN):
        service.answer = first_then_platform(fault)
        done = daypass(environ, *command)
        assert (done.returncode, done.stderr.count("daypass: ")) == (0, 0), done.stderr


def test_a_fault_that_stays_is_told_after_a_few_tries(environ: dict[str, str], service: Service) -> None:
    service.answer = lambda seen: problem(503, "audit_unavailable", "the audit log cannot be written")
    done = daypass(environ, "idp", "token", "--audience", "a")
    assert done.returncode == 3
    assert "the audit log cannot be written" in done.stderr
    assert len(service.seen) == 4


def test_a_refusal_is_never_asked_for_again(environ: dict[str, str], service: Service) -> None:
    service.answer = lambda seen: problem(401, "credential_unknown", "no")
    assert daypass(environ, "idp", "token", "--audience", "a").returncode == 1
    assert len(service.seen) == 1


def test_requests_ca_bundle_is_the_second_choice_as_for_the_aws_cli(environ: dict[str, str], tmp_path: Path) -> None:
    authority = environ.pop("AWS_CA_BUNDLE")
    assert daypass(environ, *LOGIN).returncode == 3
    assert daypass(environ | {"REQUESTS_CA_BUNDLE": authority}, *LOGIN).returncode == 0
    done = daypass(environ | {"REQUESTS_CA_BUNDLE": str(tmp_path / "gone")}, *LOGIN)
    assert done.returncode == 3
    assert "Check REQUESTS_CA_BUNDLE" in done.stderr


def test_the_endpoint_of_the_profile_is_asked(environ: dict[str, str], service: Service) -> None:
    url = environ.pop("AWS_ENDPOINT_URL_STS")
    folder = Path(environ["HOME"]) / ".aws"
    folder.mkdir()
    (folder / "config").write_text(f"[profile ci]\nservices = here\n[services here]\nsts =\n  endpoint_url = {url}\n")
    assert daypass(environ, *LOGIN, "-p", "ci").returncode == 0
    assert daypass(environ | {"AWS_PROFILE": "ci"}, "idp", "credentials", "aws", "--role-arn", ROLE).returncode == 0
    assert [seen.path for seen in service.seen].count("/") == 2
