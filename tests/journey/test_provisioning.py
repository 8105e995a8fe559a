"""`daypass aws` against the local AWS over sockets, with unmodified botocore, as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from daypass.cli.aws import carrying_out
from daypass.cli.main import main
from daypass.testing import LocalAws, gitlab_token, local_aws
from support.foreign_issuer import foreign_issuer
from support.processes import DAYPASS, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    Typed: TypeAlias = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.journey

ACCOUNT, OTHER = "111122223333", "444455556666"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-deploy"
FILE = """
stack: shop
providers:
  - issuer: https://gitlab.com
    audiences: [https://gitlab.com]
roles:
  shop-deploy:
    who:
      - gitlab: {project: tidewater/shop, branch: main}
    inline_policies:
      who: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "iam:GetRole", Resource: "*"}]}
"""
AUDIENCE = "https://gitlab.com"
MADE = ("provider gitlab.com", "role shop-deploy", "role shop-deploy")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    with local_aws(as_issuers=("gitlab.com",)) as aws:
        yield aws


@pytest.fixture
def aws(server: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """Empty accounts, profiles `one` and `two` that lead into them, and `one` as what is found here."""
    server.reset()
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text("[profile one]\nregion = us-east-1\n[profile two]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text(
        "".join(
            f"[{name}]\naws_access_key_id = {account}\naws_secret_access_key = test\n"
            for name, account in (("default", ACCOUNT), ("one", ACCOUNT), ("two", OTHER))
        )
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint_url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daypass-aws.yaml").write_text(FILE)
    return server


@pytest.fixture
def typed(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        status = main(["aws", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def enters(aws: LocalAws, role: str = ROLE, **more: Any) -> bool:
    token = aws.mint(gitlab_token(project="tidewater/shop", **more), aud=AUDIENCE)
    try:
        aws.login(role, token)
    except ClientError:
        return False
    return True


def write(folder: Path, before: str, after: str) -> None:
    assert before in FILE
    (folder / "daypass-aws.yaml").write_text(FILE.replace(before, after))


def test_apply_twice_and_log_in(aws: LocalAws, typed: Typed) -> None:
    status, planned, _ = typed("plan", "--detailed-exitcode")
    assert status == 4
    assert "+ role shop-deploy" in planned
    assert "Plan: 2 to create" in planned
    status, done, told = typed("apply")
    assert (status, done.splitlines()[-1]) == (0, "Done: 3 changes made.")
    made = [line.split(":")[0] for line in told.splitlines()]
    assert made == [f"{ACCOUNT}  ✓ {number}/3  {what}" for number, what in enumerate(MADE, 1)]
    status, again, _ = typed("apply")
    assert (status, again.splitlines()[-1]) == (0, "Nothing to do.")
    assert typed("plan", "--detailed-exitcode")[0] == 0
    assert enters(aws, ref="main")
    assert not enters(aws, ref="other")


def test_an_existing_provider_is_used_and_stays_when_the_stack_goes(aws: LocalAws, typed: Typed) -> None:
    aws.provider("gitlab.com", client_ids=["theirs"], account=ACCOUNT)
    status, planned, _ = typed("plan")
    assert status == 0
    assert "use the provider that is there for the same issuer" in planned
    assert typed("apply")[0] == 0
    assert enters(aws, ref="main")
    assert typed("destroy")[0] == 0
    there = aws.client("iam", ACCOUNT).get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    assert there["ClientIDList"] == ["theirs"]
    assert there["Tags"] == []


def test_widening_is_refused_and_then_allowed_and_tightening_needs_no_leave(
    aws: LocalAws, typed: Typed, tmp_path: Path
) -> None:
    typed("apply")
    write(tmp_path, "branch: main", "branch: [main, dev]")
    status, planned, said = typed("apply")
    assert status == 1
    assert "verdict: wider" in planned
    assert "gitlab.com:sub = project_path:tidewater/shop:ref_type:branch:ref:dev" in planned
    assert said.splitlines()[-1] == "Nothing was changed."
    assert typed("plan")[0] == 1
    error = json.loads(typed("apply", "--json")[1])["accounts"][0]["error"]
    assert (error["code"], error["reasons"]) == ("provisioning_refused", ["it would let more in"])
    assert not enters(aws, ref="dev")
    assert typed("apply", "--allow-wider")[0] == 0
    assert enters(aws, ref="dev")
    write(tmp_path, "branch: main", "branch: dev")
    status, planned, _ = typed("apply")
    assert status == 0
    assert "verdict: narrower" in planned
    assert not enters(aws, ref="main")


def test_destroy_tells_what_depends_and_removes_nothing_of_others(aws: LocalAws, typed: Typed) -> None:
    typed("apply")
    iam = aws.client("iam", ACCOUNT)
    trust = iam.get_role(RoleName="shop-deploy")["Role"]["AssumeRolePolicyDocument"]
    aws.role("foreign", trust_policy=trust, account=ACCOUNT)
    status, planned, said = typed("destroy")
    assert status == 1
    assert "these roles trust it: foreign (not made by Daypass)" in planned
    assert "Nothing was changed." in said
    assert enters(aws, ref="main")
    iam.delete_role(RoleName="foreign")
    status, planned, _ = typed("destroy", "--plan")
    assert (status, "Plan: 2 to remove" in planned) == (0, True)
    assert typed("destroy")[0] == 0
    assert iam.list_roles()["Roles"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert typed("destroy")[0] == 0


def test_destroy_also_removes_what_the_file_no_longer_names(aws: LocalAws, typed: Typed, tmp_path: Path) -> None:
    typed("apply")
    write(tmp_path, "shop-deploy:", "shop-other:")
    assert typed("apply")[0] == 0  # a role that was renamed stays until it is destroyed
    assert typed("destroy")[0] == 0
    assert aws.client("iam", ACCOUNT).list_roles()["Roles"] == []


def test_two_accounts_at_once(aws: LocalAws, typed: Typed) -> None:
    status, told, said = typed("apply", "--profile", "one", "--profile", "two")
    assert status == 0, said
    lines = [" ".join(line.split()) for line in told.splitlines()[-2:]]
    assert lines == [f"{ACCOUNT} profile one done: 3 changes made", f"{OTHER} profile two done: 3 changes made"]
    for account in (ACCOUNT, OTHER):
        assert enters(aws, ROLE.replace(ACCOUNT, account), ref="main")
    status, told, _ = typed("plan", "--profile", "one", "--profile", "two", "--json")
    assert status == 0
    found = json.loads(told)["accounts"]
    assert [(each["account"], each["plan"]["empty"]) for each in found] == [(ACCOUNT, True), (OTHER, True)]


def test_a_refusal_in_one_of_two_accounts_is_summed_up(aws: LocalAws, typed: Typed, tmp_path: Path) -> None:
    typed("apply", "--profile", "one")
    write(tmp_path, "branch: main", "branch: [main, dev]")
    both = ("--profile", "one", "--profile", "two")
    status, told, said = typed("apply", *both)
    assert (status, said.splitlines()[-1]) == (1, "Nothing was changed.")
    lines = [" ".join(line.split()) for line in told.splitlines()[-3:]]
    assert lines == [
        "Account By Result",
        f"{ACCOUNT} profile one refused: 1 to change, 1 of them wider",
        f"{OTHER} profile two 2 to create",
    ]
    status, told, _ = typed("destroy", "--plan", *both, "--profile", "nobody")
    lines = [" ".join(line.split()) for line in told.splitlines()[-3:]]
    assert (status, lines) == (
        3,
        [f"{ACCOUNT} profile one 2 to remove", f"{OTHER} profile two nothing to do", "? profile nobody failed"],
    )
    assert not json.loads(typed("destroy", "--plan", "--json", *both)[1])["applied"]
    assert len(aws.client("iam", ACCOUNT).list_roles()["Roles"]) == 1


def test_by_a_role_that_is_assumed_and_nothing_anywhere_when_one_account_cannot_be_entered(
    aws: LocalAws, typed: Typed, tmp_path: Path
) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}
    admin = aws.role("admin", trust_policy=trust, policies={"all": everything}, account=OTHER)
    accounts = f"""
accounts:
  - profile: one
  - assume_role: {admin}
    account: "%s"
"""
    (tmp_path / "daypass-aws.yaml").write_text(FILE + accounts % "777788889999")
    status, _, said = typed("apply")
    assert status == 1
    assert f"leads to the account {OTHER}, and not to 777788889999" in said
    assert aws.client("iam", ACCOUNT).list_roles()["Roles"] == []
    (tmp_path / "daypass-aws.yaml").write_text(FILE + accounts % OTHER)
    assert typed("apply")[0] == 0
    assert enters(aws, ROLE.replace(ACCOUNT, OTHER), ref="main")


def test_two_ways_into_one_account_are_refused(aws: LocalAws, typed: Typed) -> None:
    status, _, said = typed("apply", "--profile", "one", "--profile", "default")
    assert status == 2
    assert f"two ways lead to the account {ACCOUNT}" in said


def test_throttling_is_waited_out(aws: LocalAws, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0.0)
    aws.fault("iam:CreateRole", "Throttling", times=2)
    assert typed("apply")[0] == 0
    assert enters(aws, ref="main")


def test_half_a_failure_is_told_and_taken_up_again(
    aws: LocalAws, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0.0)
    aws.fault("iam:PutRolePolicy", "InternalFailure", times=6)
    status, told, said = typed("apply", "--json")
    assert status == 3
    (account,) = json.loads(told)["accounts"]
    assert account["error"]["code"] == "provisioning_incomplete"
    assert account["error"]["done"] == [f"create_provider {PROVIDER}", f"create_role {ROLE}"]
    assert account["error"]["failed"] == f"put_inline_policy {ROLE}"
    assert "Traceback" not in said
    status, told, _ = typed("apply")
    assert (status, told.splitlines()[-1]) == (0, "Done: 1 change made.")
    assert typed("plan", "--detailed-exitcode")[0] == 0


def test_a_missing_permission_is_named(aws: LocalAws, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    typed("apply")
    token = aws.mint(gitlab_token(project="tidewater/shop", ref="main"), aud=AUDIENCE)
    job = aws.login(ROLE, token).get_credentials().get_frozen_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", job.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", job.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", job.token)
    status, _, said = typed("plan")
    assert status == 1
    assert "AWS denied iam:GetOpenIDConnectProvider" in said
    assert "Allow iam:GetOpenIDConnectProvider" in said


def test_without_credentials_or_without_aws_nothing_is_known(
    aws: LocalAws, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    status, _, said = typed("plan")
    assert (status, "Log in first" in said) == (3, True)
    status, _, said = typed("plan", "--profile", "nobody")
    assert (status, "nobody" in said) == (3, True)


def test_flags_say_the_same_as_a_file(aws: LocalAws, typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}]}'
    )
    words: tuple[str, ...] = (
        "--issuer",
        "https://gitlab.com",
        "--audience",
        "https://gitlab.com",
        "--role",
        "shop-deploy",
    )
    words += ("--gitlab", "project=tidewater/shop,branch=main", "--inline-policy", "who=p.json", "--stack", "shop")
    assert typed("apply", *words)[0] == 0
    assert typed("plan", "--detailed-exitcode")[0] == 0
    status, _, said = typed("plan", *words, "--file", "daypass-aws.yaml")
    assert (status, "`--file` says all" in said) == (2, True)
    status, _, said = typed("plan", "--role", "x")
    assert (status, "`--issuer` is missing" in said) == (2, True)


def test_a_mistake_in_the_file_is_told_with_its_place(aws: LocalAws, typed: Typed, tmp_path: Path) -> None:
    write(tmp_path, "branch: main", "brunch: main")
    status, _, said = typed("plan")
    assert status == 2
    assert "`daypass-aws.yaml` line 9, column 43, `roles.shop-deploy.who.0.gitlab.brunch`" in said
    assert "Did you mean `branch`?" in said


def test_a_hostile_name_cannot_speak_to_the_terminal(aws: LocalAws, typed: Typed) -> None:
    typed("apply")
    iam = aws.client("iam", ACCOUNT)
    trust = json.dumps(iam.get_role(RoleName="shop-deploy")["Role"]["AssumeRolePolicyDocument"])
    evil = trust.replace("ref:main", "ref:\\u202emain")
    iam.update_assume_role_policy(RoleName="shop-deploy", PolicyDocument=evil)
    _, planned, _ = typed("plan")
    assert "\u202e" not in planned
    assert "\\u202emain" in planned


def test_the_thumbprint_of_a_private_issuer(
    aws: LocalAws, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://gitlab.corp.example"
    with foreign_issuer(url, tmp_path) as issuer:
        connect = ("--connect-to", f"gitlab.corp.example:443=127.0.0.1:{issuer.port}")
        status, _, said = typed("thumbprint", url, *connect)
        assert (status, "--trust-ca" in said) == (3, True)
        trusted = (*connect, "--trust-ca", str(issuer.ca_file))
        status, found, said = typed("thumbprint", url, *trusted)
        assert status == 0
        assert "the provider needs this thumbprint" in said
        (tmp_path / "daypass-aws.yaml").write_text(
            FILE.replace("https://gitlab.com\n", f"{url}\n    thumbprints: auto\n", 1)
        )
        assert typed("apply", *trusted)[0] == 0
        assert typed("plan", "--detailed-exitcode", *trusted)[0] == 0
    arn = PROVIDER.replace("gitlab.com", "gitlab.corp.example")
    there = aws.client("iam", ACCOUNT).get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert there["ThumbprintList"] == [found.strip()]


def test_ctrl_c_tells_what_was_done(aws: LocalAws, tmp_path: Path) -> None:
    """Stopped while AWS throttles it, after the provider was made."""
    aws.fault("iam:CreateRole", "Throttling", times=3)
    kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    process = subprocess.Popen(
        [*DAYPASS, "aws", "apply"],
        env=clean_environment(tmp_path, kept),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        iam = boto3.client(
            "iam",
            endpoint_url=aws.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
        )
        while not iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        iam.close()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode == 130
    assert f"made: create_provider {PROVIDER}" in said
    assert "it was stopped" in said
    assert "Traceback" not in said
    assert main(["aws", "apply"]) == 0
    assert enters(aws, ref="main")


def test_a_workspace_of_daypass_gets_a_role_and_enters_it(
    workspace: dict[str, str], stranger: dict[str, str], tmp_path: Path
) -> None:
    """From one file to a session: our own provider's token, the local AWS, and a stranger who stays outside."""
    token = _typed(workspace, tmp_path, "idp", "token", "--audience", "sts.amazonaws.com", "--decode")
    claims = json.loads(token.stdout)["Payload"]
    organization, project = claims["sub"].split(":")[1:4:2]
    (tmp_path / "daypass-aws.yaml").write_text(f"""
stack: journey
providers:
  - issuer: {claims["iss"]}
    audiences: [sts.amazonaws.com]
roles:
  journey:
    who:
      - daypass: {{organization: {organization}, project: {project}, kind: workspace}}
""")
    administrator = {**workspace, "AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "test"}
    done = _typed(administrator, tmp_path, "aws", "apply", "--json")
    assert done.returncode == 0, done.stderr
    role = json.loads(done.stdout)["accounts"][0]["made"][-1]["resource"]
    entered = _typed(workspace, tmp_path, "idp", "login", "aws", "--role-arn", role)
    assert entered.returncode == 0, entered.stderr
    refused = _typed(stranger, tmp_path, "idp", "login", "aws", "--role-arn", role)
    assert refused.returncode == 1, refused.stderr


def _typed(environment: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DAYPASS, *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_profile_that_leads_elsewhere_after_the_plan_changes_nothing(
    aws: LocalAws, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    shown = carrying_out._show

    def elsewhere(*given: Any) -> None:
        shown(*given)
        credentials.write_text(credentials.read_text().replace(ACCOUNT, OTHER))

    monkeypatch.setattr(carrying_out, "_show", elsewhere)
    status, _, told = typed("apply", "--profile", "one")
    assert status == 1
    assert f"leads to the account {OTHER}, and not to {ACCOUNT}" in told
    for account in (ACCOUNT, OTHER):
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
        iam = boto3.client("iam", region_name="us-east-1", endpoint_url=aws.endpoint_url, **keys)
        assert iam.list_roles()["Roles"] == []
