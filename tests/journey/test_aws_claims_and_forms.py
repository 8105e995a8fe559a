"""AWS claims, a change of form and a name that is taken again, as users meet them: a server, commands, a local AWS."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from daypass.testing.local_aws import local_aws
from daypass.tokens.peek import peek
from support.serving import Serving
from support.stage import CommandStage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.testing.local_aws import LocalAws

ACCOUNT = "000000000000"
STS = "sts.amazonaws.com"
LOGIN, TAG, IDENTITY = "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"


class Stage(CommandStage):
    """Everything that takes part."""

    def workload(self, org: str, *options: str, project: str = "shop") -> Path:
        """The file with the secret of a new workload of a project, which is made when it is not there."""
        self.run("project", "create", org, project)
        file = self.folder / f"{org}-{len(list(self.folder.iterdir()))}"
        self.said("workload", "create", org, project, "--kind", "job", "--token-file", str(file), *options)
        return file

    def token(self, workload: Path, *options: str) -> str:
        done = self.run("idp", "token", "--audience", STS, *options, DAYPASS_TOKEN_FILE=str(workload))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refused(self, workload: Path, *options: str) -> str:
        done = self.run("idp", "token", "--audience", STS, *options, DAYPASS_TOKEN_FILE=str(workload))
        assert (done.returncode, done.stdout) == (1, ""), done
        return done.stderr

    def policy(self, issuer: str, *actions: str, **conditions: str) -> str:
        host = issuer.removeprefix("https://")
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
            "Action": list(actions),
            "Condition": {"StringLike": {f"{host}:{key}": value for key, value in conditions.items()}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def role(self, name: str, *actions: str, **conditions: str) -> str:
        policy = self.policy(self.serving.base, *actions, **conditions)
        made = self.aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)
        return str(made["Role"]["Arn"])

    def may_list_roles(self, name: str, **tags: str) -> None:
        """Let the role's sessions list roles, if they have these tags."""
        wanted = {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
        statement = {
            "Effect": "Allow",
            "Action": "iam:ListRoles",
            "Resource": "*",
            "Condition": {"StringEquals": wanted},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.aws.client("iam").put_role_policy(RoleName=name, PolicyName="list", PolicyDocument=document)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("aws-claims")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = {"issuer": f"https://localhost:{port}/idp", "listen": f"127.0.0.1:{port}"}
    with (
        Serving(folder, signing_algorithms='["RS256"]', **settings) as serving,
        local_aws(trust_ca=(folder / "ca.pem",)) as aws,
    ):
        aws.provider(serving.base)
        yield Stage(folder, serving, aws)


def error(aws: LocalAws, role: str, token: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        aws.login(role, token)
    answer = caught.value.response["Error"]
    return answer["Code"], answer["Message"]


def test_session_tags_decide_what_a_session_may_and_only_when_they_are_asked_for(stage: Stage) -> None:
    stage.said("org", "create", "tagged")
    job = stage.workload("tagged", "--attribute", "ref=main")
    assert "the organization offers no session tags" in stage.refused(job, "--aws-session-tags")
    offered = ("--tag", "Project=project_slug", "--tag", "Branch=attributes.ref", "--transitive", "Project")
    stage.said("org", "aws-tags", "tagged", *offered, "--source-identity", "workload_id")
    with_tags = stage.role("with-tags", LOGIN, TAG, sub="organization:*")
    plain = stage.role("plain", LOGIN, sub="organization:*")
    stage.may_list_roles("with-tags", Project="shop", Branch="main")

    def list_roles(token: str) -> object:
        return stage.aws.login(with_tags, token).client("iam").list_roles()["Roles"]

    for options in (("--aws-session-tags",), ("--aws-session-tags", "Project", "Branch")):
        tagged = stage.token(job, *options)
        assert list_roles(tagged)
        assert error(stage.aws, plain, tagged)[0] == "AccessDenied", "sts:TagSession is not allowed there"
    with pytest.raises(ClientError) as caught:
        list_roles(stage.token(job, "--aws-session-tags", "Project"))
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    untagged = stage.token(job)
    assert "https://aws.amazon.com/tags" not in peek(untagged).claims
    stage.aws.login(plain, untagged)
    assert "`Secret` is not offered" in stage.refused(job, "--aws-session-tags", "Secret")
    row = stage.said("audit", "list")[-1]
    assert (row["reason"], row["detail"]) == ("aws_claims_refused", {"aws_session_tags": "Secret"})

    login = ("idp", "login", "aws", "--role-arn", with_tags, "--session-tags", "Project", "--bind-role")
    done = stage.run(*login, DAYPASS_TOKEN_FILE=str(job))
    assert done.returncode == 0, done.stderr
    done = stage.run("idp", "login", "aws", "--role-arn", plain, "--session-tags", DAYPASS_TOKEN_FILE=str(job))
    assert done.returncode == 1
    assert "sts:TagSession" in done.stderr


def test_a_source_identity_stays_with_the_session_where_the_role_lets_it_be_set(stage: Stage) -> None:
    stage.said("org", "create", "known")
    job = stage.workload("known")
    stage.said("org", "aws-tags", "known", "--source-identity", "workload_id")
    known = stage.role("known", LOGIN, IDENTITY, sub="organization:*")
    unknown = stage.role("unknown", LOGIN, sub="organization:*")
    token = stage.token(job, "--aws-source-identity")
    identity = peek(token).claims["https://aws.amazon.com/source_identity"]
    assert str(identity).startswith("job_")
    answer = stage.aws.client("sts").assume_role_with_web_identity(
        RoleArn=known, RoleSessionName="job", WebIdentityToken=token
    )
    assert answer["SourceIdentity"] == identity
    assert error(stage.aws, unknown, token)[0] == "AccessDenied"
    done = stage.run("idp", "login", "aws", "--role-arn", known, "--source-identity", DAYPASS_TOKEN_FILE=str(job))
    assert done.returncode == 0, done.stderr


def test_a_token_for_one_role_opens_no_other(stage: Stage) -> None:
    stage.said("org", "create", "bound")
    job = stage.workload("bound")
    mine, other = (stage.role(name, LOGIN, sub="organization:*") for name in ("mine", "other"))
    bound = stage.token(job, "--aws-role", mine)
    stage.aws.login(mine, bound)
    code, message = error(stage.aws, other, bound)
    assert (code, message) == (
        "InvalidIdentityToken",
        "The target role ARN is not present in the roles claim of the identity token",
    )
    both = stage.token(job, "--aws-role", mine, "--aws-role", other)
    stage.aws.login(other, both)
    assert "wildcard" in stage.refused(job, "--aws-role", f"arn:aws:iam::{ACCOUNT}:role/*/x")


def test_threats_43_the_old_policy_does_not_match_whoever_takes_the_name_again(stage: Stage) -> None:
    """A URL is all that names the thing, and it is free again: no token, until an administrator lets go of it."""
    stage.said("org", "create", "was", "--token-format", "gitpod")
    stage.said("org", "create", "squatter", "--token-format", "gitpod")
    url = "https://git.example.com/tidewater/invoices"
    facts = ("--attribute", f"context_url={url}", "--attribute", "user_id=u1")
    job = stage.workload("was", *facts)
    role = stage.role("invoices", LOGIN, sub=url)
    stage.aws.login(role, stage.token(job))
    told = stage.refused(stage.workload("squatter", *facts))
    assert f"the subject `{url}` was given to something else before" in told
    assert "daypass subject release" in told
    (kept,) = stage.said("subject", "list", "was")
    assert (kept["subject"], kept["released_at"]) == (url, None)
    theirs = stage.run("subject", "release", "squatter", url, "--reason", "mine now")
    assert theirs.returncode == 2
    assert stage.said("subject", "release", "was", url, "--reason", "the repository is gone")["released_at"]
    assert "was released, and is free from" in stage.refused(job)
    events = [(row["event"], row["detail"].get("reason")) for row in stage.said("audit", "list")]
    assert ("subject.released", "the repository is gone") in events


def test_a_change_of_form_is_shown_with_the_policies_it_breaks_and_then_either_form_can_be_asked_for(
    stage: Stage, tmp_path: Path
) -> None:
    stage.said("org", "create", "moving", "--token-format", "gitpod")
    url = "https://git.example.com/tidewater/moving"
    job = stage.workload("moving", "--attribute", f"context_url={url}", "--attribute", "user_id=u1")
    old_role = stage.role("by-url", LOGIN, sub=url)
    organization = stage.said("org", "show", "moving")["id"]
    new_role = stage.role("by-id", LOGIN, sub=f"organization:{organization}:*")
    files = {"old.json": url, "new.json": f"organization:{organization}:*", "both.json": "*"}
    for name, subject in files.items():
        (tmp_path / name).write_text(stage.policy(stage.serving.base, LOGIN, sub=subject))
    (tmp_path / "other.json").write_text(stage.policy("https://other.example", LOGIN, sub=url))
    answer = stage.aws.client("iam").get_role(RoleName="by-url")
    (tmp_path / "get-role.json").write_text(json.dumps(answer, default=str))
    policies = [part for name in (*files, "other.json", "get-role.json") for part in ("--policy", str(tmp_path / name))]
    change = ("org", "format", "moving", "--token-format", "daypass")

    shown = stage.said(*change, "--dry-run", *policies)
    (workload,) = shown["workloads"]
    assert workload["old"]["subject"] == url
    assert workload["new"]["subject"].startswith(f"organization:{organization}:project:")
    answers = {
        each["where"].rpartition("/")[2].partition(":")[0]: [
            (one["allowed_before"], one["allowed_after"], one["stops"], one["begins"]) for one in each["changed"]
        ]
        for each in shown["policies"]
    }
    stops: list[object] = [(True, False, ["statement 1 (Allow)"], [])]
    assert answers == {
        "old.json": stops,
        "get-role.json": stops,
        "new.json": [(False, True, [], ["statement 1 (Allow)"])],
        "both.json": [],
        "other.json": [],
    }
    words = stage.run(*change, "--dry-run", *policies).stdout
    assert f"old  {url}" in words
    assert "STOPS letting in" in words
    assert "BEGINS to let in" in words
    assert "answers all of these workloads as before" in words

    for command in (change, ("org", "update", "moving", "--token-format", "daypass")):
        done = stage.run(*command)
        assert done.returncode == 2
        assert "nothing was changed" in done.stderr
    assert stage.said("org", "show", "moving")["token_format"] == "gitpod"

    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    changed = stage.said(*change, "--either-until", until, "--yes")
    assert (changed["token_format"], changed["previous"]["token_format"]) == ("daypass", "gitpod")
    stage.aws.login(old_role, stage.token(job))
    stage.aws.login(old_role, stage.token(job, "--format", "previous"))
    stage.aws.login(new_role, stage.token(job, "--format", "current"))
    done = stage.run("idp", "login", "aws", "--role-arn", new_role, "--format", "current", DAYPASS_TOKEN_FILE=str(job))
    assert done.returncode == 0, done.stderr
    stage.said("org", "format", "moving", "--switch", "--yes")
    stage.aws.login(new_role, stage.token(job))
    stage.aws.login(old_role, stage.token(job, "--format", "previous"))


def test_a_previous_form_that_never_was_is_refused(stage: Stage) -> None:
    stage.said("org", "create", "steady")
    assert "there is no previous form" in stage.refused(stage.workload("steady"), "--format", "previous")


@pytest.mark.parametrize(
    "claim", ["context_url", "{0.__class__}", "ref"], ids=["unknown", "template", "chosen by people"]
)
def test_subject_claims_that_must_not_be_are_refused_by_command(stage: Stage, claim: str) -> None:
    stage.run("org", "create", "safe")
    claims = [part for name in ("organization", "project", claim) for part in ("--subject-claim", name)]
    done = stage.run("org", "format", "safe", *claims, "--dry-run")
    assert done.returncode == 2
    assert claim in done.stderr
    if claim == "ref":
        allowed = stage.said("org", "format", "safe", *claims, "--allow-subject-claim", "ref", "--dry-run")
        assert any("Nothing bounds the subject's length" in each for each in allowed["warnings"])
        assert any("127" in each for each in allowed["warnings"])
