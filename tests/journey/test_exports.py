"""`daypass aws export` as a person types it: written, committed, deployed, changed by hand, and told."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from daypass.aws.exporting.formats import FORMATS
from daypass.cli.aws import export as command
from daypass.cli.main import main
from daypass.testing import LocalAws, gitlab_token, local_aws
from support.exports import FILE, run, synthesized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    Typed: TypeAlias = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.journey

ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    with local_aws(as_issuers=("gitlab.com",)) as aws:
        yield aws


@pytest.fixture
def aws(server: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """An account with the managed policies that the file names, and the credentials of its administrator."""
    server.reset()
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    for name in ("shop", "limits"):
        server.client("iam", ACCOUNT).create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daypass-aws.yaml").write_text(FILE, "utf-8")
    return server


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    def type_(*words: str) -> tuple[int, str, str]:
        status = main(["aws", *words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return type_


def test_formats_on_the_command_line_are_those_that_are_written() -> None:
    assert tuple(FORMATS) == command.FORMATS


def test_from_an_export_to_a_login_and_back(aws: LocalAws, typed: Typed, tmp_path: Path) -> None:
    status, out, said = typed("export", "--format", "boto3", "-o", "roles")
    assert (status, out) == (0, "")
    assert said == "roles/daypass_roles.py: written\n" + _open(said)
    run([sys.executable, "roles/daypass_roles.py"], folder=tmp_path, environment=os.environ)

    role = f"arn:aws:iam::{ACCOUNT}:role/ci/shop-deploy"
    token = gitlab_token(project="tidewater/shop", ref="main", project_id="42", aud="https://gitlab.com")
    assert aws.login(role, aws.mint(token)).client("sts").get_caller_identity()["Account"] == ACCOUNT

    check = ("export", "--check", "--format", "boto3", "-o", "roles")
    assert typed(*check) == (0, f"Account {ACCOUNT}  nothing differs\n", "")
    assert typed("export", "--check")[0] == 0

    iam = aws.client("iam", ACCOUNT)
    trust = iam.get_role(RoleName="shop-deploy")["Role"]["AssumeRolePolicyDocument"]
    loose = json.dumps(trust).replace('"gitlab.com:project_id": "42"', '"gitlab.com:project_id": ["42", "43"]')
    iam.update_assume_role_policy(RoleName="shop-deploy", PolicyDocument=loose)
    status, out, _ = typed(*check)
    assert status == 1
    assert f"Account {ACCOUNT}  the account differs: the file and the export agree" in out
    assert "account: shop-deploy: trust" in out
    assert "verdict: wider" in out
    assert "gets in by the account alone, for example: a token of gitlab.com" in out
    assert "gitlab.com:project_id = 43" in out
    iam.update_assume_role_policy(RoleName="shop-deploy", PolicyDocument=json.dumps(trust))

    file = tmp_path / "roles" / "daypass_roles.py"
    file.write_text(file.read_text("utf-8").replace("ref:stable", "ref:*"), "utf-8")
    status, out, _ = typed(*check)
    assert status == 1
    assert "the export differs: the file and the account agree" in out
    assert "export: daypass_roles.py: text" in out

    typed("export", "--format", "boto3", "-o", "roles")
    (tmp_path / "daypass-aws.yaml").write_text(FILE.replace("max_session: 2h", "max_session: 1h"), "utf-8")
    status, out, _ = typed(*check, "--json")
    assert status == 1
    (found,) = json.loads(out)["accounts"]
    assert found["drift"]["differs"] == "file"
    assert [(each["where"], each["aspect"]) for each in found["drift"]["deviations"]] == [
        ("account", "max_session_seconds"),
        ("export", "text"),
    ]


def _open(said: str) -> str:
    return "".join(f"{line}\n" for line in said.splitlines() if line.startswith("note: "))


@pytest.mark.usefixtures("aws")
def test_a_project_that_was_begun_is_its_owners(typed: Typed, tmp_path: Path) -> None:
    export = ("export", "daypass-aws.yaml", "--format", "cdk-typescript", "-o", "cdk")
    assert typed(*export)[0] == 0
    (tmp_path / "cdk" / "package.json").write_text("{}\n", "utf-8")
    (tmp_path / "cdk" / "daypass-stack.ts").write_text("// Written by `daypass aws export`, and edited\n", "utf-8")
    status, _, said = typed(*export)
    assert status == 0
    assert "cdk/package.json: left as it is" in said
    assert "cdk/daypass-stack.ts: written" in said
    assert (tmp_path / "cdk" / "package.json").read_text("utf-8") == "{}\n"
    (tmp_path / "cdk" / "daypass-stack.ts").write_text("export class Other {}\n", "utf-8")
    status, _, said = typed(*export)
    assert status == 2
    assert "`cdk/daypass-stack.ts` is there, and is not an export" in said
    assert (tmp_path / "cdk" / "daypass-stack.ts").read_text("utf-8") == "export class Other {}\n"


@pytest.mark.usefixtures("aws")
def test_nothing_is_written_through_a_link(typed: Typed, tmp_path: Path) -> None:
    """A repository that somebody else wrote names with a link which file of the person's is made or replaced."""
    (tmp_path / "roles").mkdir()
    for target in ("not-there", "old-export.py"):
        (tmp_path / "old-export.py").write_text("# Written by `daypass aws export`\n", "utf-8")
        (tmp_path / "roles" / "daypass_roles.py").symlink_to(tmp_path / target)
        status, _, said = typed("export", "--format", "boto3", "-o", "roles")
        assert status == 2
        assert "`roles/daypass_roles.py` is a symbolic link" in said
        assert not (tmp_path / "not-there").exists()
        assert (tmp_path / "old-export.py").read_text("utf-8") == "# Written by `daypass aws export`\n"
        (tmp_path / "roles" / "daypass_roles.py").unlink()


@pytest.mark.usefixtures("aws")
def test_a_page_that_speaks_of_exports_is_none(typed: Typed, tmp_path: Path) -> None:
    page = "# Our roles\n" + "Text of ours. " * 20 + "Written by `daypass aws export`, they are reviewed by two.\n"
    (tmp_path / "README.md").write_text(page, "utf-8")
    assert typed("export", "--format", "stackset", "-o", ".")[0] == 2
    assert (tmp_path / "README.md").read_text("utf-8") == page
    assert not [*tmp_path.glob("*.template.yaml")]


@pytest.mark.usefixtures("aws")
def test_a_template_of_an_issuer_that_is_gone_is_told(typed: Typed, tmp_path: Path) -> None:
    export = ("--format", "cloudformation", "-o", "roles")
    typed("export", *export)
    left = tmp_path / "roles" / "gitlab-old-example.template.yaml"
    left.write_bytes((tmp_path / "roles" / "gitlab-com.template.yaml").read_bytes())
    (tmp_path / "roles" / "own.template.yaml").write_text("Resources: {}\n", "utf-8")
    status, out, _ = typed("export", "--check", *export)
    assert status == 1
    assert "export: gitlab-old-example.template.yaml: existence" in out
    assert "own.template.yaml" not in out
    status, _, said = typed("export", *export)
    assert status == 0
    assert "gitlab-old-example.template.yaml: an export of what the file no longer names" in said


@pytest.mark.usefixtures("aws")
def test_the_typescript_app_has_the_types_of_the_cdk(typed: Typed, tmp_path: Path) -> None:
    assert typed("export", "--format", "cdk-typescript", "-o", "cdk")[0] == 0
    template = json.loads(synthesized({}, tmp_path / "cdk", types=True))
    assert {each["Type"] for each in template["Resources"].values()} == {"AWS::IAM::OIDCProvider", "AWS::IAM::Role"}


@pytest.mark.usefixtures("aws")
def test_printed_without_a_folder(typed: Typed) -> None:
    status, out, _ = typed("export", "--format", "cloudformation")
    assert status == 0
    assert out.startswith(
        "# Written by `daypass aws export --format cloudformation` from daypass-aws.yaml, stack shop.\n"
    )
    status, out, _ = typed("export", "--format", "pulumi-python")
    assert out.startswith("==> __main__.py <==\n")
    assert "\n==> Pulumi.yaml <==\n" in out


@pytest.mark.usefixtures("aws")
def test_flags_say_it_without_a_file(typed: Typed) -> None:
    words = ("--issuer", "https://gitlab.com", "--audience", "x", "--role", "r", "--gitlab", "project=a/b,branch=main")
    status, out, _ = typed("export", "--format", "aws-cli", *words)
    assert status == 0
    assert "from the command line, stack daypass." in out


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("export",), "`--format` is missing"),
        (("export", "--format", "hcl"), "`hcl` is not a --format"),
        (("export", "a.yaml", "--file", "b.yaml", "--format", "boto3"), "two files are named"),
        (("export", "--check", "--format", "boto3"), "`--check` needs both"),
        (("export", "--check", "-o", "x"), "`--check` needs both"),
    ],
)
def test_wrong_usage(typed: Typed, words: tuple[str, ...], told: str) -> None:
    status, _, said = typed(*words)
    assert status == 2
    assert told in said


@pytest.mark.usefixtures("aws")
def test_what_a_format_cannot_say_is_refused(typed: Typed, tmp_path: Path) -> None:
    text = FILE.replace("description: Deploys the shop", 'description: "{{resolve:ssm:/admin}}"')
    (tmp_path / "daypass-aws.yaml").write_text(text, "utf-8")
    status, out, said = typed("export", "--format", "cloudformation")
    assert (status, out) == (2, "")
    assert "`{{resolve:ssm:/admin}}` cannot be exported in this format" in said
    assert typed("export", "--format", "aws-cli")[0] == 0


@pytest.mark.usefixtures("aws")
def test_an_account_that_cannot_be_asked(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    status, _, said = typed("export", "--check")
    assert status == 3
    assert "credentials" in said
