"""From the token's role on to another, against a local AWS that decides both: AssumeRole is really signed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from daypass.testing import gitlab_token, local_aws
from support.command_line import daypass, profiles
from support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.testing.local_aws import LocalAws

FIRST = "arn:aws:iam::000000000000:role/build"
SECOND = "arn:aws:iam::111122223333:role/deploy"
LOGIN = ("idp", "login", "aws", "--role-arn", FIRST, "--chain-role-arn", SECOND)


def statement(action: str, principal: dict[str, str], **more: Any) -> dict[str, Any]:
    entry = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return {"Version": "2012-10-17", "Statement": [entry]}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(as_issuers=("gitlab.com",)) as running:
        running.provider("gitlab.com")
        federated = {"Federated": "arn:aws:iam::000000000000:oidc-provider/gitlab.com"}
        conditions = {
            "StringEquals": {"gitlab.com:aud": "sts.amazonaws.com"},
            "StringLike": {"gitlab.com:sub": "*:mygroup/app:*"},
        }
        build = statement("sts:AssumeRoleWithWebIdentity", federated, Condition=conditions)
        running.role("build", trust_policy=build)
        other = running.client("iam", "111122223333")
        trust = statement("sts:AssumeRole", {"AWS": FIRST})
        other.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust), MaxSessionDuration=43200)
        yield running


@pytest.fixture
def may_go_on(aws: LocalAws) -> Iterator[None]:
    """The first role's own policy, without which another account's role cannot be assumed."""
    entry = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": SECOND}
    document = json.dumps({"Version": "2012-10-17", "Statement": [entry]})
    iam = aws.client("iam")
    iam.put_role_policy(RoleName="build", PolicyName="go-on", PolicyDocument=document)
    yield
    iam.delete_role_policy(RoleName="build", PolicyName="go-on")


def environment(home: Path, aws: LocalAws) -> dict[str, str]:
    token = aws.mint(gitlab_token(project="mygroup/app", ref="main"))
    given = {
        "GITLAB_CI": "true",
        "CI_SERVER_URL": "https://gitlab.com",
        "AWS_ID_TOKEN": token,
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": "us-east-1",
    }
    return clean_environment(home, given)


@pytest.mark.usefixtures("may_go_on")
@pytest.mark.parametrize("refreshing", [(), ("--refreshing",)])
def test_the_session_is_one_of_the_second_role(tmp_path: Path, aws: LocalAws, refreshing: tuple[str, ...]) -> None:
    environ = environment(tmp_path, aws)
    done = daypass(environ, *LOGIN, *refreshing, "-p", "ci", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["profiles"]
    assert told["account"] == "111122223333"
    assert told["session_arn"].startswith("arn:aws:sts::111122223333:assumed-role/deploy/")
    assert any(name.endswith("ci") for name in profiles(environ, "config" if refreshing else "credentials"))
    found = daypass(environ, "idp", "exec", "aws", *LOGIN[3:], "--", "aws", "sts", "get-caller-identity")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["Arn"].startswith("arn:aws:sts::111122223333:assumed-role/deploy/")


def test_what_the_second_role_refuses_is_told(tmp_path: Path, aws: LocalAws) -> None:
    environ = environment(tmp_path, aws)
    done = daypass(environ, *LOGIN, "-p", "ci")
    assert done.returncode == 1
    assert "is not authorized to perform: sts:AssumeRole on resource: " + SECOND in done.stderr
    assert f"a policy of {FIRST} sts:AssumeRole on {SECOND}, and the trust policy of {SECOND}" in done.stderr
    assert "no identity-based policy allows" in done.stderr, "the local AWS says which of them it was"
    assert not (tmp_path / ".aws").exists()


@pytest.mark.usefixtures("may_go_on")
def test_the_hour_is_said_before_anybody_is_asked_and_aws_says_it_too(tmp_path: Path, aws: LocalAws) -> None:
    environ = environment(tmp_path, aws)
    done = daypass(environ, *LOGIN, "-d", "7200")
    assert done.returncode == 2
    assert "a session of a chained role lasts at most 3600 seconds" in done.stderr
    assert f"let the token's own role be {SECOND}" in done.stderr
    # The rule that this spares the user, from the one who has it.
    session = aws.login(FIRST, environ["AWS_ID_TOKEN"])
    with pytest.raises(session.client("sts").exceptions.ClientError, match="1 hour session limit for roles"):
        session.client("sts").assume_role(RoleArn=SECOND, RoleSessionName="job", DurationSeconds=7200)
    done = daypass(environ, *LOGIN, "-d", "7200", "--clamp-duration", "--json")
    assert done.returncode == 0, done.stderr
