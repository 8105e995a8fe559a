"""What is kept, what a kill loses (nothing), and folders that must not be believed."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from daypass.errors import FileUnavailable, FileUnsafe, StoreUnavailable
from daypass.localaws.behind_state import BehindState
from daypass.localaws.cloudformation.state import CloudFormationState, Stack
from daypass.localaws.data_folder import DataFolder
from daypass.localaws.iam.state import (
    Account,
    IamRole,
    IamState,
    LastUsed,
    ManagedPolicy,
    OidcProvider,
    PolicyVersion,
)
from daypass.localaws.pickled import opened as opened_pickle
from daypass.localaws.pickled import pickled
from daypass.localaws.saved import Unreadable, opened, opened_stacks, saved, saved_stacks
from daypass.names import IssuerUrl, ProviderArn, RoleArn
from daypass.permissions.document import PermissionsPolicy
from daypass.testing import LocalAws, local_aws
from daypass.trust.document import Policy
from support.stacks import provider, role, trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = "111122223333"
MADE = datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)
TRUST = Policy.parse(
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Federated":'
    ' "arn:aws:iam::111122223333:oidc-provider/gitlab.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}}'
)
READ = PermissionsPolicy.parse('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')


def account() -> Account:
    provider = OidcProvider(
        arn=ProviderArn("aws", NUMBER, "gitlab.com"),
        issuer=IssuerUrl.parse("https://gitlab.com"),
        client_ids=("sts.amazonaws.com", "b"),
        thumbprints=("a" * 40,),
        tags=(("team", "shöp"),),
        created_at=MADE,
    )
    role = IamRole(
        arn=RoleArn.parse(f"arn:aws:iam::{NUMBER}:role/ci/Deploy"),
        role_id="AROAEXAMPLE",
        trust_policy=TRUST,
        created_at=MADE,
        description="ships",
        max_session_seconds=43200,
        tags=(("a", "b"), ("c", "")),
        inline_policies=(("read", READ),),
        attached=("arn:aws:iam::aws:policy/AdministratorAccess",),
        boundary=f"arn:aws:iam::{NUMBER}:policy/edge",
    )
    policy = ManagedPolicy(
        arn=f"arn:aws:iam::{NUMBER}:policy/edge",
        policy_id="ANPAEXAMPLE",
        versions=(PolicyVersion(2, READ, MADE), PolicyVersion(3, READ, MADE)),
        default=3,
        last_number=4,
        created_at=MADE,
        updated_at=MADE,
        description="ends",
        tags=(("x", "y"),),
    )
    return Account(
        NUMBER,
        {str(provider.arn): provider},
        {"deploy": role},
        {policy.arn: policy},
        last_used={role.role_id: LastUsed(MADE, "eu-central-1")},
        outbound_id="5f1d7c",
        outbound_enabled=True,
    )


def test_an_account_comes_back_as_it_was() -> None:
    first = account()
    again = opened(saved(first))
    assert again == first
    assert again.roles["deploy"].trust_policy.text == TRUST.text
    assert saved(again) == saved(first)


def test_the_account_above_uses_every_field() -> None:
    """So that a field that is added to a dataclass is in the test before, with more than its default."""
    kept = account()
    things: list[Any] = [*kept.providers.values(), *kept.roles.values(), *kept.policies.values()]
    for thing in things:
        left = [
            each.name
            for each in fields(thing)
            if each.default is not MISSING and getattr(thing, each.name) == each.default and each.name != "path"
        ]
        assert not left


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.update(future_field=1),
        lambda kept: kept.pop("number"),
        lambda kept: kept.update(roles=[]),
        lambda kept: kept["roles"]["deploy"].update(max_session_seconds="3600"),
        lambda kept: kept["roles"]["deploy"].update(trust_policy="{"),
        lambda kept: kept["roles"]["deploy"].update(created_at=1),
        lambda kept: kept["roles"]["deploy"].update(arn="arn"),
    ],
)
def test_an_account_that_is_not_whole_is_not_read(change: Any) -> None:
    kept = json.loads(saved(account()))
    change(kept)
    with pytest.raises(Unreadable):
        opened(json.dumps(kept).encode())


def keep(folder: Path) -> None:
    with DataFolder.held(folder) as held:
        state = IamState()
        state.restore([account()])
        held.save_accounts(state, [NUMBER])


def test_a_folder_gives_back_what_it_got(tmp_path: Path) -> None:
    with DataFolder.held(tmp_path / "a") as held:
        secret = held.secret("one", lambda: b"s" * 32)
    keep(tmp_path / "a")
    with DataFolder.held(tmp_path / "a") as held:
        assert held.open_accounts() == [account()]
        assert held.secret("one", lambda: b"") == secret
    modes = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "a").rglob("*")}
    assert set(modes.values()) == {0}


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        DataFolder.held(tmp_path / "a"),
        pytest.raises(FileUnavailable, match="another local AWS runs on"),
        DataFolder.held(tmp_path / "a"),
    ):
        pass


def test_a_folder_of_something_else_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    tmp_path.chmod(0o755)
    with pytest.raises(FileUnsafe, match=r"thesis\.tex"), DataFolder.held(tmp_path):
        pass
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("format.json", '{"format": 99}', "has the format 99"),
        ("format.json", "", "not a JSON object"),
        ("secrets.json", "[]", "not a JSON object"),
        ("secrets.json", '{"sessions": "!"}', "not base64"),
        (f"accounts/{NUMBER}.json", "", "cannot be read"),
        (f"accounts/{NUMBER}.json", '{"number": "111122223333", "later": 1}', "`/later` is not known"),
    ],
)
def test_a_broken_or_newer_folder_is_never_an_empty_one(tmp_path: Path, name: str, content: str, reason: str) -> None:
    keep(tmp_path / "a")
    (tmp_path / "a" / name).write_text(content)
    with pytest.raises(FileUnavailable, match=reason), DataFolder.held(tmp_path / "a") as held:
        held.open_accounts()


@pytest.mark.parametrize("name", ["format.json", "secrets.json"])
def test_a_folder_with_a_part_missing_is_never_an_empty_one(tmp_path: Path, name: str) -> None:
    keep(tmp_path / "a")
    (tmp_path / "a" / name).unlink()
    with pytest.raises(FileUnavailable), DataFolder.held(tmp_path / "a"):
        pass


class Evil:
    """A pickle that runs a command when it is opened."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle of somebody else was opened",))


def test_a_pickle_that_was_not_written_here_is_not_opened(tmp_path: Path) -> None:
    with DataFolder.held(tmp_path / "a") as held:
        file = held.services() / f"secretsmanager.{NUMBER}.us-east-1.pickle"
        file.write_bytes(b"\0" * 32 + b"moto 5.2.5\n" + pickle.dumps(Evil()))
        file.chmod(0o600)
        with pytest.raises(FileUnavailable, match="not as it was written here"):
            BehindState(held).open("secretsmanager")


def test_a_pickle_of_another_version_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = b"k" * 32
    data = pickled({"a": 1}, key)
    assert opened_pickle(data, key, "x") == {"a": 1}
    monkeypatch.setattr("daypass.localaws.pickled.version", lambda _: "9.9.9")
    with pytest.raises(FileUnavailable, match=r"written by moto 5\..*, and this is moto 9\.9\.9"):
        opened_pickle(data, key, "x")


def test_what_moto_has_and_pickle_refuses_is_kept_too() -> None:
    key = b"k" * 32
    rsa = generate_private_key(65537, 2048)
    kept = {"lock": threading.RLock(), "plain": threading.Lock(), "key": rsa}
    again = opened_pickle(pickled(kept, key), key, "x")
    assert again["key"].private_numbers() == rsa.private_numbers()
    with again["lock"], again["plain"]:
        pass


def test_what_cannot_be_kept_is_told() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be kept"):
        pickled((number for number in range(3)), b"k" * 32)


@pytest.mark.parametrize("service", ["ssm", "dynamodb", "kms", "sqs", "s3", "secretsmanager"])
def test_every_service_behind_can_be_kept(service: str) -> None:
    get_backend: Any = pytest.importorskip("moto.backends").get_backend
    backend = get_backend(service)[NUMBER]["aws" if service == "s3" else "us-east-1"]
    if service == "ssm":
        backend.put_parameter("/a", "", "v", "SecureString", "", None, True, [], "text", None, None)
    try:
        again = opened_pickle(pickled(backend, b"k" * 32), b"k" * 32, "x")
        assert type(again) is type(backend)
        assert vars(again).keys() == vars(backend).keys()
        if service == "ssm":
            assert again.get_parameter("/a").decrypt(again.get_parameter("/a").value) == "v"
            assert again._parameters["/absent"] == []
    finally:
        backend.reset()


class Process:
    """`daypass local-aws --data`, to be killed."""

    def __init__(self, folder: Path) -> None:
        self.ready = folder.parent / "ready"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daypass", "local-aws", "--port", "0", "--data", folder, "--ready-file", self.ready],
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while not (self.ready.exists() and self.ready.read_text()):
            assert self.process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        self.url = self.ready.read_text().strip()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=NUMBER,
            aws_secret_access_key="test",
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.ready.unlink()


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path, killed: list[Process]) -> None:
    killed.append(first := Process(tmp_path / "data"))
    iam, secrets, s3 = (first.client(name) for name in ("iam", "secretsmanager", "s3"))
    arn = secrets.create_secret(Name="db", SecretString="one")["ARN"]
    s3.create_bucket(Bucket="artifacts")
    made: list[str] = []

    def make() -> None:
        try:
            for number in range(100_000):
                iam.create_open_id_connect_provider(
                    Url=f"https://{number}.example.com", ClientIDList=["a"], ThumbprintList=["a" * 40]
                )
                made.append(f"{number}.example.com")
        except (BotoCoreError, ClientError):
            return  # the server was killed

    maker = threading.Thread(target=make)
    maker.start()
    while len(made) < 10:
        time.sleep(0.01)
    s3.put_object(Bucket="artifacts", Key="a b/ü", Body=b"x" * 100_000)
    first.kill()
    for client in (iam, secrets, s3):
        client.close()
    maker.join()
    killed.append(second := Process(tmp_path / "data"))
    iam, secrets, s3 = (second.client(name) for name in ("iam", "secretsmanager", "s3"))
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    there = {one["Arn"].rpartition("/")[2] for one in listed}
    assert set(made) <= there
    assert secrets.get_secret_value(SecretId="db")["ARN"] == arn
    assert s3.get_object(Bucket="artifacts", Key="a b/ü")["Body"].read() == b"x" * 100_000
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["artifacts"]
    for client in (iam, secrets, s3):
        client.close()
    second.kill()


STACK = json.dumps(
    {
        "Resources": {
            "Idp": provider(),
            "Role": {**role(RoleName="deploy"), "Metadata": {"nothing": None, "list": [1.5, True]}},
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}, "Export": {"Name": "deploy-arn"}}},
    }
)
CHANGED = STACK.replace("workspace:one", "workspace:two")


def test_stacks_and_the_services_are_there_after_a_kill(tmp_path: Path, killed: list[Process]) -> None:
    """Over the wire: what CloudFormation, SSM, DynamoDB, KMS and SQS answered is true after a restart, and goes on."""
    killed.append(first := Process(tmp_path / "data"))
    names = ("cloudformation", "ssm", "dynamodb", "kms", "sqs", "iam")
    stacks, ssm, tables, keys, queues, iam = clients = [first.client(name) for name in names]
    named = {"StackName": "identity", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    stacks.create_stack(**named, TemplateBody=STACK)
    stacks.detect_stack_drift(StackName="identity")
    stacks.create_change_set(**named, ChangeSetName="next", TemplateBody=CHANGED)
    before = (
        stacks.describe_stacks()["Stacks"],
        stacks.describe_stack_events(StackName="identity")["StackEvents"],
        stacks.describe_stack_resource_drifts(StackName="identity")["StackResourceDrifts"],
        stacks.list_exports()["Exports"],
    )
    ssm.put_parameter(Name="/app/mode", Value="fast", Type="SecureString")
    tables.create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    tables.put_item(TableName="jobs", Item={"id": {"S": "1"}, "n": {"N": "7"}})
    key = keys.create_key()["KeyMetadata"]["KeyId"]
    sealed = keys.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
    url = queues.create_queue(QueueName="work")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="do it")
    for client in clients:
        client.close()
    first.kill()

    killed.append(second := Process(tmp_path / "data"))
    stacks, ssm, tables, keys, queues, iam = clients = [second.client(name) for name in names]
    assert before == (
        stacks.describe_stacks()["Stacks"],
        stacks.describe_stack_events(StackName="identity")["StackEvents"],
        stacks.describe_stack_resource_drifts(StackName="identity")["StackResourceDrifts"],
        stacks.list_exports()["Exports"],
    )
    stacks.execute_change_set(StackName="identity", ChangeSetName="next")
    assert "workspace:two" in json.dumps(iam.get_role(RoleName="deploy")["Role"]["AssumeRolePolicyDocument"])
    stacks.delete_stack(StackName="identity")
    assert iam.list_roles()["Roles"] == []
    assert ssm.get_parameter(Name="/app/mode", WithDecryption=True)["Parameter"]["Value"] == "fast"
    assert tables.get_item(TableName="jobs", Key={"id": {"S": "1"}})["Item"]["n"] == {"N": "7"}
    assert keys.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"words"
    url = queues.get_queue_url(QueueName="work")["QueueUrl"]
    assert [one["Body"] for one in queues.receive_message(QueueUrl=url)["Messages"]] == ["do it"]
    for client in clients:
        client.close()
    second.kill()


def test_a_stack_that_was_being_changed_has_failed() -> None:
    made = {"stack_id": f"arn:aws:cloudformation:eu-west-1:{NUMBER}:stack/s/1", "name": "s", "created_at": MADE}
    became = {
        "CREATE_IN_PROGRESS": "CREATE_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
        "DELETE_IN_PROGRESS": "DELETE_FAILED",
        "REVIEW_IN_PROGRESS": "REVIEW_IN_PROGRESS",
        "CREATE_COMPLETE": "CREATE_COMPLETE",
    }
    for was, now in became.items():
        kept, state = CloudFormationState(), CloudFormationState()
        kept.stacks["s"] = Stack(**made, status=was)  # type: ignore[arg-type]  # each is of its field's type
        state.restore(opened_stacks(saved_stacks(kept)))
        assert state.stacks["s"].status == now


def test_when_a_role_was_last_used_is_there_after_a_restart(tmp_path: Path) -> None:
    def used(aws: LocalAws) -> Any:
        return aws.client("iam").get_role(RoleName="deploy")["Role"]["RoleLastUsed"]

    with local_aws(as_issuers=["gitlab.com"], data=tmp_path / "data") as aws:
        aws.provider("gitlab.com")
        document = trust(
            "project_path:*", provider="arn:aws:iam::000000000000:oidc-provider/gitlab.com", host="gitlab.com"
        )
        document["Statement"][0]["Condition"] = {"StringLike": {"gitlab.com:sub": "project_path:*"}}
        arn = aws.role("deploy", trust_policy=document)
        aws.login(arn, aws.mint(issuer="gitlab.com")).client("sts").get_caller_identity()
        before = used(aws)
        assert before["Region"] == "us-east-1"
    with local_aws(as_issuers=["gitlab.com"], data=tmp_path / "data") as aws:
        assert used(aws) == before


def test_what_cannot_be_saved_is_not_said_to_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the answer is a fault, for IAM as for a service behind."""
    with local_aws(data=tmp_path / "data") as aws:
        secrets = aws.client("secretsmanager")
        secrets.create_secret(Name="before", SecretString="x")

        def full(path: Path, data: bytes) -> None:
            raise FileUnavailable(f"`{path}` cannot be written: no space left on device")

        monkeypatch.setattr("daypass.files.write_atomic", full)
        with pytest.raises(ClientError) as refused:
            aws.provider("gitlab.com")
        assert refused.value.response["Error"]["Code"] == "InternalFailure"
        assert "no space left" in aws.why()["detail"]
        with pytest.raises(ClientError) as refused:
            secrets.create_secret(Name="after", SecretString="x")
        assert refused.value.response["Error"]["Code"] == "InternalFailure"
        assert "no space left" in aws.why()["detail"]
        monkeypatch.undo()
