"""`daypass.testing.local_aws`: a whole AWS in a test, and its clock, refusals and stand-in issuers."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from daypass.errors import FileUnavailable, IssuerUrlInvalid, RequestInvalid
from daypass.testing import LocalAws, github_token, gitlab_token, local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "111122223333"
SUBJECT = "project_path:mygroup/app:ref_type:branch:ref:main"


def trust_policy(issuer: str = "gitlab.com", subject: str = SUBJECT, account: str = ACCOUNT) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject},
                },
            }
        ],
    }


READ_SECRETS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    with local_aws() as aws:
        yield aws


@pytest.fixture
def aws(server: LocalAws) -> LocalAws:
    server.reset()
    return server


def prepare(aws: LocalAws) -> str:
    aws.provider("gitlab.com", account=ACCOUNT)
    return aws.role(
        "deploy",
        trust_policy=trust_policy(),
        policies={"read": READ_SECRETS},
        account=ACCOUNT,
        MaxSessionDuration=43200,
    )


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_token_with_the_real_issuer_buys_a_session(aws: LocalAws) -> None:
    role = prepare(aws)
    job = aws.login(role, aws.mint(gitlab_token(project="mygroup/app")))
    identity = job.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/test"


def test_a_token_of_another_branch_is_refused_and_the_reason_is_told(aws: LocalAws) -> None:
    role = prepare(aws)
    token = aws.mint(gitlab_token(project="mygroup/app", ref="feature"))
    with pytest.raises(ClientError) as refused:
        aws.login(role, token)
    assert code(refused) == "AccessDenied"
    told = aws.why()
    assert told["code"] == "AccessDenied"
    assert told["asked"] == "sts:AssumeRoleWithWebIdentity"
    assert "ref:feature" in told["words"]
    assert told["id"] == refused.value.response["ResponseMetadata"]["RequestId"]
    assert aws.why(told["id"]) == told


def test_a_token_that_another_instance_made_is_refused(aws: LocalAws) -> None:
    role = prepare(aws)
    with local_aws() as other:
        foreign = other.mint(issuer="gitlab.com", sub=SUBJECT)
    with pytest.raises(ClientError) as refused:
        aws.login(role, foreign)
    assert code(refused) == "InvalidIdentityToken"


def test_twelve_hours_pass_in_a_moment(aws: LocalAws) -> None:
    role = prepare(aws)
    job = aws.login(role, aws.mint(issuer="gitlab.com", sub=SUBJECT), DurationSeconds=43200)
    sts = job.client("sts")
    aws.advance(hours=11, minutes=59)
    assert sts.get_caller_identity()
    aws.advance(minutes=1, seconds=1)
    with pytest.raises(ClientError) as refused:
        sts.get_caller_identity()
    assert code(refused) == "ExpiredToken"


def test_a_token_expires_by_the_moved_clock(aws: LocalAws) -> None:
    role = prepare(aws)
    token = aws.mint(issuer="gitlab.com", sub=SUBJECT, lifetime_seconds=300)
    aws.advance(hours=1)
    with pytest.raises(ClientError) as refused:
        aws.login(role, token)
    assert code(refused) == "ExpiredTokenException"


def test_signatures_are_judged_by_the_real_time(aws: LocalAws) -> None:
    for moment in (datetime(2001, 1, 1, tzinfo=UTC), datetime(2077, 1, 1, tzinfo=UTC)):
        aws.set_clock(moment)
        assert aws.client("sts").get_caller_identity()["Account"] == "000000000000"
        assert aws.provider("gitlab.com", account=str(moment.year) + "00000000")
        made = aws.client("iam", str(moment.year) + "00000000").get_open_id_connect_provider(
            OpenIDConnectProviderArn=f"arn:aws:iam::{moment.year}00000000:oidc-provider/gitlab.com"
        )
        assert made["CreateDate"].year == moment.year


def test_nothing_of_before_a_reset_is_known(aws: LocalAws) -> None:
    role = prepare(aws)
    job = aws.login(role, aws.mint(issuer="gitlab.com", sub=SUBJECT))
    aws.client("secretsmanager", ACCOUNT).create_secret(Name="db", SecretString="x")
    aws.client("s3", ACCOUNT).create_bucket(Bucket="artifacts")
    assert job.client("secretsmanager").get_secret_value(SecretId="db")["SecretString"] == "x"
    aws.advance(hours=1)
    aws.reset()
    with pytest.raises(ClientError) as refused:
        job.client("sts").get_caller_identity()
    assert code(refused) == "SignatureDoesNotMatch"  # its secret key went with the keys of before
    assert aws.client("iam", ACCOUNT).list_roles()["Roles"] == []
    assert aws.client("secretsmanager", ACCOUNT).list_secrets()["SecretList"] == []
    assert aws.client("s3", ACCOUNT).list_buckets()["Buckets"] == []
    assert abs((aws.now - datetime.now(UTC)).total_seconds()) < 5


def test_a_second_server_has_its_own_iam_and_says_that_the_services_are_taken(aws: LocalAws) -> None:
    prepare(aws)
    aws.client("secretsmanager", ACCOUNT).create_secret(Name="db", SecretString="x")
    with local_aws() as other:
        assert other.client("iam", ACCOUNT).list_roles()["Roles"] == []
        with pytest.raises(ClientError, match="another local AWS in this process"):
            other.client("secretsmanager", ACCOUNT).list_secrets()
    assert [one["Name"] for one in aws.client("secretsmanager", ACCOUNT).list_secrets()["SecretList"]] == ["db"]


def test_the_next_server_finds_the_services_empty(server: LocalAws) -> None:
    assert subprocess.run([sys.executable, "-c", _ONE_AFTER_THE_OTHER], check=True, capture_output=True).returncode == 0


_ONE_AFTER_THE_OTHER = """
from daypass.testing import local_aws
with local_aws() as one:
    one.client("secretsmanager").create_secret(Name="db", SecretString="x")
with local_aws() as two:
    assert two.client("secretsmanager").list_secrets()["SecretList"] == []
"""


def test_it_starts_in_half_a_second(server: LocalAws) -> None:
    started = []
    for _ in range(3):
        begun = time.perf_counter()
        with local_aws():
            started.append(time.perf_counter() - begun)
    assert min(started) < 0.5


def test_state_is_there_after_a_restart(tmp_path: Path) -> None:
    with local_aws(data=tmp_path / "data") as aws:
        role = prepare(aws)
        job = aws.login(role, aws.mint(issuer="gitlab.com", sub=SUBJECT))
        kept = job._session.get_credentials().get_frozen_credentials()
        token = aws.mint(issuer="gitlab.com", sub=SUBJECT)
        with pytest.raises(FileUnavailable, match="another local AWS runs"), local_aws(data=tmp_path / "data"):
            pass
    with local_aws(data=tmp_path / "data") as aws:
        credentials = {
            "AccessKeyId": kept.access_key,
            "SecretAccessKey": kept.secret_key,
            "SessionToken": kept.token,
        }
        again = aws.session(credentials=credentials).client("sts").get_caller_identity()
        assert again["Arn"].endswith("assumed-role/deploy/test")
        assert aws.login(role, token)


def test_the_clock_begins_where_it_is_told() -> None:
    moment = datetime(2030, 5, 4, 3, 2, 1, tzinfo=UTC)
    with local_aws(clock=moment) as aws:
        assert (aws.now - moment).total_seconds() < 10
        aws.advance(hours=5)
        aws.reset()
        assert (aws.now - moment).total_seconds() < 10
        aws.freeze()
        assert aws.now == aws.now


def test_issuers_that_it_does_not_play_have_no_tokens(aws: LocalAws) -> None:
    with pytest.raises(RequestInvalid, match=r"https://gitlab\.example\.com` is not played") as refused:
        aws.mint(issuer="gitlab.example.com")
    assert "https://gitlab.com" in str(refused.value.advice)
    with pytest.raises(RequestInvalid, match="needs an issuer"):
        aws.mint(sub="x")
    with pytest.raises(IssuerUrlInvalid), local_aws(as_issuers=["http://gitlab.com"]):
        pass


def test_a_production_policy_of_github_is_tested_unchanged(aws: LocalAws) -> None:
    issuer = "token.actions.githubusercontent.com"
    aws.provider(issuer, account=ACCOUNT)
    role = aws.role("ci", trust_policy=trust_policy(issuer, "repo:acme/shop:environment:prod"), account=ACCOUNT)
    assert aws.login(role, aws.mint(github_token(repository="acme/shop", environment="prod")))
    with pytest.raises(ClientError):
        aws.login(role, aws.mint(github_token(repository="acme/shop", branch="main")))


class TestFixture:
    def test_makes_something(self, daypass_local_aws: LocalAws, server: LocalAws) -> None:
        daypass_local_aws.provider("gitlab.com")
        assert daypass_local_aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]

    def test_finds_nothing_of_the_test_before(self, daypass_local_aws: LocalAws) -> None:
        assert not daypass_local_aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]


def test_the_plugin_loads_nothing_until_it_is_used() -> None:
    code = "import sys, daypass.testing.plugin; sys.exit('daypass.localaws' in sys.modules or 'uvicorn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_works_where_pytest_socket_allows_this_machine_only(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(daypass_local_aws):\n"
        "    assert daypass_local_aws.client('sts').get_caller_identity()['Account'] == '000000000000'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--allow-hosts=127.0.0.1", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
