"""Each format, given to the tool that it is for, and deployed: the account then has what the file says."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from daypass.aws.exporting.blueprint import Blueprint, blueprint
from daypass.aws.exporting.drift import Differs, drift
from daypass.aws.exporting.formats import FORMATS, export
from daypass.aws.provisioning.account import read_account
from daypass.aws.provisioning.desired_file import read_desired
from support import node
from support.exports import (
    ACCOUNT,
    FILE,
    HOSTILE,
    arn_of,
    document,
    exports_python,
    hostile,
    of_iam,
    of_template,
    run,
    synthesized,
    template_of,
    trust_of,
    wanted,
    write_all,
)
from support.processes import BIN
from support.stacks import in_iam

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.testing.local_aws import LocalAws


class _Account:
    """What `in_iam` asks for, of one account of a `LocalAws`."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self.clients: list[Any] = []

    def client(self, service: str) -> Any:
        return self._aws.client(service, ACCOUNT)


def account(aws: LocalAws) -> dict[str, Any]:
    there: Any = _Account(aws)
    return of_iam(in_iam(there))


def deploy(aws: LocalAws, template: str, **parameters: str) -> None:
    stacks = aws.client("cloudformation", ACCOUNT)
    stacks.create_stack(
        StackName="shop",
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def agrees(aws: LocalAws) -> bool:
    """Whether the file and the account say the same, as `--check` finds it."""
    desired = read_desired(FILE)
    return drift(desired, read_account(aws.client("iam", ACCOUNT), desired, ACCOUNT), "x").differs is Differs.NOTHING


@pytest.mark.parametrize("format_name", ["cloudformation", "stackset"])
def test_a_template_is_deployed(aws: LocalAws, of: Blueprint, format_name: str) -> None:
    template = export(of, format_name)["gitlab-com.template.yaml"]
    assert of_template(template) == wanted(of)
    deploy(aws, template)
    assert account(aws) == wanted(of)
    assert agrees(aws)


def test_a_template_uses_a_provider_that_is_there(aws: LocalAws, of: Blueprint) -> None:
    arn = aws.provider("gitlab.com", client_ids=of.providers[0].client_ids, account=ACCOUNT, Tags=[])
    deploy(aws, export(of, "cloudformation")["gitlab-com.template.yaml"], ProviderArn=arn)
    found = account(aws)
    assert found["roles"] == wanted(of)["roles"]
    stacks = aws.client("cloudformation", ACCOUNT)
    kinds = {each["ResourceType"] for each in stacks.list_stack_resources(StackName="shop")["StackResourceSummaries"]}
    assert kinds == {"AWS::IAM::Role"}


def test_a_provider_stays_when_its_stack_goes(aws: LocalAws, of: Blueprint) -> None:
    deploy(aws, export(of, "cloudformation")["gitlab-com.template.yaml"])
    aws.client("cloudformation", ACCOUNT).delete_stack(StackName="shop")
    found = account(aws)
    assert [*found["providers"]] == ["https://gitlab.com"]
    assert found["roles"] == {}


def test_each_issuer_has_a_template(aws: LocalAws, two_issuers: Blueprint) -> None:
    files = export(two_issuers, "cloudformation")
    assert [*files] == ["gitlab-com.template.yaml", "gitlab-example-com-git.template.yaml"]
    first, second = (of_template(text) for text in files.values())
    both = {key: {**first[key], **second[key]} for key in first}
    assert both == wanted(two_issuers)


def test_cfn_lint_finds_nothing(of: Blueprint, two_issuers: Blueprint, tmp_path: Path) -> None:
    names = []
    for index, each in enumerate((of, two_issuers)):
        for format_name in ("cloudformation", "stackset"):
            folder = write_all(export(each, format_name), tmp_path / f"{index}-{format_name}")
            names += [str(name) for name in sorted(folder.glob("*.template.yaml"))]
    assert len(names) == 6
    command = [str(BIN / "cfn-lint"), "--regions", "us-east-1", "--", *names]
    assert run(command, folder=tmp_path, environment={"PATH": "/usr/bin", "HOME": str(tmp_path)}) == ""


def test_a_stack_set_has_one_region(of: Blueprint) -> None:
    files = export(of, "stackset")
    made, instances = (json.loads(files[f"gitlab-com.{name}.json"]) for name in ("stack-set", "stack-instances"))
    assert len(instances["Regions"]) == 1
    assert made["StackSetName"] == instances["StackSetName"]
    assert made["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    _demand_valid("CreateStackSet", {**made, "TemplateBody": files["gitlab-com.template.yaml"]})
    _demand_valid("CreateStackInstances", instances)


def _demand_valid(operation: str, parameters: dict[str, Any]) -> None:
    """By the model that AWS publishes of its API."""
    import botocore.session
    from botocore.validate import ParamValidator

    shape = botocore.session.get_session().get_service_model("cloudformation").operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()


def test_the_aws_cli_script_is_run_twice_and_brings_back_what_was_changed(
    aws: LocalAws, environment: dict[str, str], tmp_path: Path
) -> None:
    one = blueprint(read_desired(FILE.partition("  shop-test:")[0]), "daypass-aws.yaml")
    folder = write_all(export(one, "aws-cli"), tmp_path / "out")
    said = run(["bash", "daypass-roles.sh"], folder=folder, environment=environment)
    assert said.splitlines() == [f"created {arn_of('https://gitlab.com')}", "created shop-deploy"]
    assert account(aws) == wanted(one)
    assert run(["bash", "daypass-roles.sh"], folder=folder, environment=environment) == ""
    assert account(aws) == wanted(one)
    change_by_hand(aws)
    said = run(["bash", "daypass-roles.sh"], folder=folder, environment=environment)
    assert said.splitlines() == [
        f"changed {arn_of('https://gitlab.com')}: added an audience",
        "changed shop-deploy: set who may enter",
    ]
    assert account(aws) == wanted(one)


def change_by_hand(aws: LocalAws) -> None:
    iam = aws.client("iam", ACCOUNT)
    iam.remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=arn_of("https://gitlab.com"), ClientID="https://gitlab.com"
    )
    trust = iam.get_role(RoleName="shop-deploy")["Role"]["AssumeRolePolicyDocument"]
    loose = json.dumps(trust).replace("ref:main", "ref:release")
    iam.update_assume_role_policy(RoleName="shop-deploy", PolicyDocument=loose)
    iam.update_role(RoleName="shop-deploy", MaxSessionDuration=43200, Description="x")
    iam.detach_role_policy(RoleName="shop-deploy", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/shop")
    iam.delete_role_permissions_boundary(RoleName="shop-deploy")


def test_the_boto3_script_is_run_twice(
    aws: LocalAws, of: Blueprint, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = write_all(export(of, "boto3"), tmp_path / "out")
    command = [sys.executable, "daypass_roles.py"]
    said = run(command, folder=folder, environment=environment)
    assert "created shop-deploy" in said.splitlines()
    assert account(aws) == wanted(of)
    assert agrees(aws)
    assert run(command, folder=folder, environment=environment) == ""
    change_by_hand(aws)
    assert len(run(command, folder=folder, environment=environment).splitlines()) == 5
    assert account(aws) == wanted(of)


@pytest.mark.parametrize("format_name", ["aws-cli", "boto3"])
def test_scripts_keep_a_description_that_the_file_does_not_say(
    aws: LocalAws, environment: dict[str, str], tmp_path: Path, format_name: str
) -> None:
    text = FILE.partition("  shop-test:")[0].replace("    description: Deploys the shop\n", "")
    text = re.sub(r"    (managed_policies|boundary): .*\n|    tags: .*\n", "", text)
    one = blueprint(read_desired(text), "daypass-aws.yaml")
    aws.provider("gitlab.com", client_ids=one.providers[0].client_ids, account=ACCOUNT, Tags=[])
    trust = json.dumps(trust_of(one.roles[0]))
    said = 'its owner"s, é'
    aws.client("iam", ACCOUNT).create_role(
        RoleName="shop-deploy", Path="/ci/", Description=said, AssumeRolePolicyDocument=trust
    )
    script = write_all(export(one, format_name), tmp_path / "out")
    command = ["bash", "daypass-roles.sh"] if format_name == "aws-cli" else [sys.executable, "daypass_roles.py"]
    run(command, folder=script, environment={**environment, "LC_ALL": "C.UTF-8"})
    role = aws.client("iam", ACCOUNT).get_role(RoleName="shop-deploy")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == (said, 7200)


def test_scripts_refuse_a_role_of_another_path(
    aws: LocalAws, of: Blueprint, environment: dict[str, str], tmp_path: Path
) -> None:
    iam = aws.client("iam", ACCOUNT)
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="shop-deploy", Path="/other/", AssumeRolePolicyDocument=trust)
    for format_name, command in (
        ("aws-cli", ["bash", "daypass-roles.sh"]),
        ("boto3", [sys.executable, "daypass_roles.py"]),
    ):
        folder = write_all(export(of, format_name), tmp_path / format_name)
        with pytest.raises(AssertionError, match="AWS changes no role's path"):
            run(command, folder=folder, environment=environment)
    assert iam.get_role(RoleName="shop-deploy")["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)


# ------------------------------------------------------------------------------------------------------------- CDK


def test_the_typescript_app_is_synthesized_and_deployed(aws: LocalAws, of: Blueprint, tmp_path: Path) -> None:
    template = synthesized(export(of, "cdk-typescript"), tmp_path / "out", types=False)
    assert of_template(template) == wanted(of)
    provider = next(each for each in json.loads(template)["Resources"].values() if each["Type"].endswith("Provider"))
    assert provider["DeletionPolicy"] == "Retain"
    deploy(aws, template)
    assert account(aws) == wanted(of)
    assert agrees(aws)
    arn = arn_of("https://gitlab.com")
    other = json.loads(
        synthesized(export(of, "cdk-typescript"), tmp_path / "out", types=False, providerGitlabComArn=arn)
    )
    assert {each["Type"] for each in other["Resources"].values()} == {"AWS::IAM::Role"}
    assert json.dumps(other).count(arn) == 2 + 1  # each statement's principal


@pytest.mark.parametrize("kind", ["ordinary", "hostile"])
def test_the_python_app_is_synthesized(of: Blueprint, tmp_path: Path, kind: str) -> None:
    of = of if kind == "ordinary" else hostile(*HOSTILE[1::3], plain_names=True)
    folder = write_all(export(of, "cdk-python"), tmp_path / "out")
    node.demand_node()
    environment = {
        "PATH": _path(),
        "HOME": str(tmp_path),
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    }
    run([exports_python(), "app.py"], folder=folder, environment=environment)
    assert of_template(template_of(folder)) == wanted(of)


def _path() -> str:
    import os

    return os.environ["PATH"]


# ---------------------------------------------------------------------------------------------------------- Pulumi

_MOCKED: Final = """
import json, sys, asyncio
import pulumi

made = []

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        made.append({"type": args.typ, "inputs": dict(args.inputs)})
        outputs = dict(args.inputs)
        if args.typ.endswith("OpenIdConnectProvider"):
            outputs["arn"] = "arn:aws:iam::ACCOUNT:oidc-provider/" + args.inputs["url"].removeprefix("https://")
        return [args.name + "_id", outputs]

    def call(self, args):
        return {"accountId": "ACCOUNT", "partition": "aws", "id": "x", "arn": "x", "userId": "x", "dnsSuffix": "x"}

pulumi.runtime.set_mocks(Mocks(), project="daypass", stack="test")

@pulumi.runtime.test
def main():
    exec(compile(open("__main__.py", encoding="ascii").read(), "__main__.py", "exec"), {"__name__": "__main__"})

main()
print(json.dumps(made))
"""


def of_pulumi(made: list[dict[str, Any]]) -> dict[str, Any]:
    """What a Pulumi program registers, in the common form."""
    found: dict[str, Any] = {"providers": {}, "roles": {}}
    for each in sorted(made, key=lambda each: each["type"] != "aws:iam/role:Role"):
        given = each["inputs"]
        match each["type"].rpartition(":")[2]:
            case "OpenIdConnectProvider":
                found["providers"][given["url"]] = {
                    "clients": sorted(given["clientIdLists"]),
                    "tags": given.get("tags", {}),
                }
            case "Role":
                found["roles"][given["name"]] = {
                    "path": given["path"],
                    "description": given.get("description", ""),
                    "seconds": given["maxSessionDuration"],
                    "trust": document(given["assumeRolePolicy"]),
                    "managed": [],
                    "inline": {},
                    "boundary": given.get("permissionsBoundary"),
                    "tags": given.get("tags", {}),
                }
            case "RolePolicyAttachment":
                found["roles"][given["role"]]["managed"] = sorted(
                    [*found["roles"][given["role"]]["managed"], given["policyArn"]]
                )
            case "RolePolicy":
                found["roles"][given["role"]]["inline"][given["name"]] = document(given["policy"])
    return found


@pytest.mark.parametrize("kind", ["ordinary", "hostile"])
def test_the_pulumi_program_registers_what_the_file_says(of: Blueprint, tmp_path: Path, kind: str) -> None:
    of = of if kind == "ordinary" else hostile(*HOSTILE)
    folder = write_all(export(of, "pulumi-python"), tmp_path / "out")
    (folder / "mocked.py").write_text(_MOCKED.replace("ACCOUNT", ACCOUNT), "utf-8")
    environment = {"PATH": _path(), "HOME": str(tmp_path)}
    said = run([exports_python(), "mocked.py"], folder=folder, environment=environment)
    assert of_pulumi(json.loads(said.splitlines()[-1])) == wanted(of)


# -------------------------------------------------------------------------------------------------------- of all


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_bytes_are_the_same_each_time(format_name: str) -> None:
    one, other = (export(blueprint(read_desired(FILE), "daypass-aws.yaml"), format_name) for _ in range(2))
    assert one == other
    for text in one.values():
        assert text.isascii()
        assert text.endswith("\n")
        assert not any(line != line.rstrip() for line in text.splitlines())
