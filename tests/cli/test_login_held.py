"""What a login may be asked for has its effect also when it refreshes, goes on to another role, or is of several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.command_line import answering, calls, daypass, profiles, workload_environment
from support.services import CLAIMS, ROLE, Reply, Seen, Service, https_service, sts_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHER = "arn:aws:iam::444455556666:role/ci/other"
LOGIN = ("idp", "login", "aws")
SEVERAL = ("--role-arn", ROLE, "-p", "a", "--role-arn", OTHER, "-p", "b")
REFRESHING = ("--refreshing", "--role-arn", ROLE)
CHAINED = ("--role-arn", ROLE, "--chain-role-arn", OTHER)
DENIED = sts_fault("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
TOO_LONG = sts_fault(
    "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, answering) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    return workload_environment(tmp_path, service)


def refusing(times: int, which: Callable[[Seen], bool]) -> Callable[[Seen], Reply]:
    """An STS that says no to the first requests that `which` means, as it does just after a role was made."""
    left = times

    def answer(seen: Seen) -> Reply:
        nonlocal left
        if seen.path == "/" and which(seen) and left:
            left -= 1
            return DENIED
        return answering(seen)

    return answer


@pytest.mark.parametrize("which", [REFRESHING, CHAINED, SEVERAL])
def test_wait_waits_for_a_role_that_was_just_made(
    environ: dict[str, str], service: Service, which: tuple[str, ...]
) -> None:
    service.answer = refusing(1, lambda seen: seen.form["RoleArn"] == ROLE)
    assert daypass(environ, *LOGIN, *which).returncode == 1
    service.answer = refusing(2, lambda seen: seen.form["RoleArn"] == ROLE)
    before = sum(seen.path != "/" for seen in service.seen)
    done = daypass(environ, *LOGIN, *which, "--wait", "20")
    assert done.returncode == 0, done.stderr
    assert sum(seen.path != "/" for seen in service.seen) - before == 3, "each try has a fresh token"


def test_wait_waits_for_the_chained_role_too(environ: dict[str, str], service: Service) -> None:
    service.answer = refusing(1, lambda seen: seen.form["Action"] == "AssumeRole")
    assert daypass(environ, *LOGIN, *CHAINED).returncode == 1
    service.answer = refusing(1, lambda seen: seen.form["Action"] == "AssumeRole")
    done = daypass(environ, *LOGIN, *CHAINED, "--wait", "20")
    assert done.returncode == 0, done.stderr


def at_most(seconds: int) -> Callable[[Seen], Reply]:
    def answer(seen: Seen) -> Reply:
        return TOO_LONG if seen.path == "/" and int(seen.form["DurationSeconds"]) > seconds else answering(seen)

    return answer


def test_a_clamped_session_is_refreshed_with_the_length_that_the_role_allows(
    environ: dict[str, str], service: Service
) -> None:
    service.answer = at_most(7200)
    assert daypass(environ, *LOGIN, *REFRESHING, "-d", "43200").returncode == 1
    done = daypass(environ, *LOGIN, *REFRESHING, "-d", "43200", "--clamp-duration", "-p", "ci")
    assert done.returncode == 0, done.stderr
    assert f"{ROLE} allows no longer than 7200 seconds, so this is its length; 43200 were asked for." in done.stderr
    line = profiles(environ, "config")["profile ci"]["credential_process"]
    assert line.endswith("--duration-seconds 7200")
    before = calls(service)
    assert daypass(environ, *line.split()[1:]).returncode == 0
    assert calls(service) == before, "the login filled the cache of that length"


def test_several_roles_are_clamped_one_by_one(environ: dict[str, str], service: Service) -> None:
    service.answer = lambda seen: (
        at_most(7200)(seen) if seen.path == "/" and seen.form["RoleArn"] == OTHER else answering(seen)
    )
    done = daypass(environ, *LOGIN, *SEVERAL, "-d", "10800", "--clamp-duration")
    assert done.returncode == 0, done.stderr
    assert f"{OTHER} allows no longer than 7200 seconds" in done.stderr
    assert f"{ROLE} allows" not in done.stderr


def test_a_chain_is_clamped_to_its_hour(environ: dict[str, str], service: Service) -> None:
    done = daypass(environ, *LOGIN, *CHAINED, "-d", "7200", "--clamp-duration")
    assert done.returncode == 0, done.stderr
    assert "A chained role's session lasts no longer than 3600 seconds" in done.stderr
    assert {seen.form["DurationSeconds"] for seen in service.seen if seen.path == "/"} == {"3600"}


def policy(tmp_path: Path, subject: str) -> str:
    host = CLAIMS["iss"].removeprefix("https://")
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": subject}},
    }
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return str(path)


@pytest.mark.parametrize("which", [REFRESHING, CHAINED])
def test_a_refusal_is_explained_by_the_policy(
    environ: dict[str, str], service: Service, tmp_path: Path, which: tuple[str, ...]
) -> None:
    service.answer = refusing(1, lambda seen: True)
    done = daypass(environ, *LOGIN, *which, "--policy", policy(tmp_path, "organization:org_2"), "--json")
    assert done.returncode == 1
    assert "organization:org_2" in done.stderr
    told = json.loads(done.stdout)
    assert told["role_arn"] == ROLE
    assert told["edit"] is not None


@pytest.mark.parametrize("which", [REFRESHING, CHAINED])
def test_success_is_explained_too(
    environ: dict[str, str], service: Service, tmp_path: Path, which: tuple[str, ...]
) -> None:
    allowing = policy(tmp_path, CLAIMS["sub"])
    for _ in range(2):  # also when the cache has the session already
        done = daypass(environ, *LOGIN, *which, "--explain", "--policy", allowing)
        assert done.returncode == 0, done.stderr
        assert CLAIMS["sub"] in done.stderr
        assert "allow" in done.stderr.lower()


@pytest.mark.parametrize(("which", "wrong"), [(SEVERAL, OTHER), (CHAINED, OTHER), (REFRESHING, ROLE)])
def test_another_account_is_refused_before_anybody_is_asked(
    environ: dict[str, str], service: Service, which: tuple[str, ...], wrong: str
) -> None:
    account = {OTHER: "111122223333", ROLE: "444455556666"}[wrong]
    done = daypass(environ, *LOGIN, *which, "--expect-account", account)
    assert done.returncode == 1
    assert f"the role is of account {wrong.split(':')[4]}" in done.stderr
    assert service.seen == []
    assert not (Path(environ["HOME"]) / ".aws").exists()


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((*REFRESHING, "--session-tags"), "--session-tags"),
        ((*REFRESHING, "--source-identity"), "--source-identity"),
        ((*CHAINED, "--bind-role"), "--bind-role"),
        ((*SEVERAL, "--format", "previous"), "--format"),
        ((*REFRESHING, "--exchange", "--token-env", "X"), "--exchange"),
        (("--roles", "x", "-d", "900"), "--duration-seconds"),
        (("--roles", "x", "--region", "eu-west-1"), "--region"),
        (("--roles", "x", "--token-source", "github"), "--token-source"),
        ((*CHAINED, "-d", "7200"), "3600"),
    ],
)
def test_what_has_no_sense_together_is_refused(
    environ: dict[str, str], service: Service, words: tuple[str, ...], option: str
) -> None:
    done = daypass(environ, *LOGIN, *words)
    assert done.returncode == 2
    assert option in done.stderr
    assert service.seen == []


@pytest.mark.parametrize(("which", "its_own"), [(CHAINED, True), (REFRESHING, False)])
def test_keys_are_asked_for_where_their_profile_says(
    environ: dict[str, str], service: Service, which: tuple[str, ...], *, its_own: bool
) -> None:
    """And a credential_process, which nobody tells whose it is, where it will ask each time: of AWS_PROFILE."""
    del environ["AWS_ENDPOINT_URL_STS"]
    nowhere = "https://127.0.0.1:9"
    here, there = (service.url, nowhere) if its_own else (nowhere, service.url)
    folder = Path(environ["HOME"], ".aws")
    folder.mkdir()
    (folder / "config").write_text(f"[profile ci]\nendpoint_url = {here}\n[default]\nendpoint_url = {there}\n")
    done = daypass(environ, *LOGIN, *which, "-p", "ci")
    assert done.returncode == 0, done.stderr
    assert calls(service) >= 1


@pytest.mark.parametrize("which", [("--role-arn", ROLE), CHAINED])
def test_keys_over_a_profile_that_renewed_itself_are_said_to_end(
    environ: dict[str, str], which: tuple[str, ...]
) -> None:
    assert daypass(environ, *LOGIN, *REFRESHING, "-p", "ci").returncode == 0
    done = daypass(environ, *LOGIN, *which, "-p", "ci")
    assert done.returncode == 0, done.stderr
    assert (
        "The profile ci renewed itself; AWS's tools use these keys first, which end and are not renewed." in done.stderr
    )
    again = daypass(environ, *LOGIN, *REFRESHING, "-p", "ci")
    assert again.returncode == 0, again.stderr
    assert "renewed itself" not in again.stderr
    assert "ci" not in profiles(environ)


@pytest.mark.parametrize("command", [("exec", "aws", "--", "true"), ("env", "aws"), ("credentials", "aws")])
def test_a_command_without_wait_does_not_advise_it(
    environ: dict[str, str], service: Service, command: tuple[str, ...]
) -> None:
    service.answer = refusing(9, lambda seen: True)
    environ["IDP_AWS_ROLE_ARN"] = ROLE
    done = daypass(environ, "idp", *command)
    assert done.returncode == 1
    assert "try again in a moment" in done.stderr
    assert "--wait" not in done.stderr
    service.answer = lambda seen: TOO_LONG if seen.path == "/" else answering(seen)
    done = daypass(environ, "idp", *command[:1], *command[1:2], "-d", "43200", *command[2:])
    assert "Ask for at most 3600 seconds" in done.stderr
    assert "--clamp-duration" not in done.stderr


@pytest.mark.parametrize(
    ("role", "audience"),
    [(None, "sts.amazonaws.com"), (ROLE, "sts.amazonaws.com"), (ROLE.replace("aws", "aws-cn"), "sts.amazonaws.com.cn")],
)
def test_a_token_file_is_for_the_partition_of_its_role(
    environ: dict[str, str], service: Service, tmp_path: Path, role: str | None, audience: str
) -> None:
    environ |= {} if role is None else {"AWS_ROLE_ARN": role}
    done = daypass(environ, "idp", "token-file", "--path", str(tmp_path / "token"))
    assert done.returncode == 0, done.stderr
    (seen,) = service.seen
    assert json.loads(seen.body)["audience"] == [audience]
