"""The CDK app for GitLab: synthesized by the pinned CDK, deployed by the AWS CLI, and used by a pipeline's token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from daypass.bootstrap.server import free_port
from support import node
from support.local_aws import ACCOUNT
from support.processes import BIN, clean_environment
from support.stacks import in_iam

if TYPE_CHECKING:
    from support.local_aws import LocalAws

EXAMPLE = Path(__file__).parents[2] / "examples" / "cdk-gitlab" / "app.mjs"
MAIN = "project_path:mygroup/myproject:ref_type:branch:ref:main"
RELEASE = "project_path:mygroup/myproject:ref_type:branch:ref:release"


def synthesized(folder: Path, **context: str) -> Path:
    """The template that the example makes of a context."""
    shutil.copy(EXAMPLE, folder / "app.mjs")
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(node.FOLDER / "node_modules", target_is_directory=True)
    output = folder / "-".join(["out", *context.values()]).replace("/", "_").replace(":", "_")
    done = node.run_module(
        "await import('./app.mjs')",
        folder=folder,
        environment={"CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context), "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return output / "MyGitLabIntegration.template.json"


def deploy(aws: LocalAws, template: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`aws cloudformation deploy`."""
    environment = clean_environment(
        template.parent,
        {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
        },
    )
    command = ["aws", "cloudformation", "deploy", "--stack-name", "gitlab", "--template-file", str(template), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def pipeline(aws: LocalAws, role: str, subject: str) -> Any:
    """What a job of GitLab does: its token has the issuer's own URL as audience."""
    token = aws.token(sub=subject, aud=aws.issuer.url, project_path="mygroup/myproject", ref_type="branch")
    return aws.assume(RoleArn=role, WebIdentityToken=token, RoleSessionName="gitlab-1-2")


def test_the_cdk_app_lets_the_pipeline_in_and_follows_its_trust_policy(aws: LocalAws, tmp_path: Path) -> None:
    node.demand_node()
    first = synthesized(tmp_path, issuer=aws.issuer.url)
    assert "BootstrapVersion" in json.loads(first.read_text())["Parameters"]  # the default synthesizer's
    refused = deploy(aws, first)
    assert refused.returncode != 0
    assert "Requires capabilities : [CAPABILITY_IAM]" in refused.stderr
    done = deploy(aws, first, "--capabilities", "CAPABILITY_IAM", "--tags", "team=ci")
    assert done.returncode == 0, done.stderr
    assert "Successfully created/updated stack - gitlab" in done.stdout
    stacks = aws.client("cloudformation", region_name="eu-west-1")
    role = stacks.describe_stacks(StackName="gitlab")["Stacks"][0]["Outputs"][0]["OutputValue"]

    session = pipeline(aws, role, MAIN)
    caller = aws.client("sts", session["Credentials"]).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/gitlab-1-2"
    with pytest.raises(ClientError, match="AccessDenied"):
        pipeline(aws, role, RELEASE)

    nothing = deploy(
        aws, first, "--capabilities", "CAPABILITY_IAM", "--tags", "team=ci", "--no-fail-on-empty-changeset"
    )
    assert nothing.returncode == 0, nothing.stderr
    assert "No changes to deploy. Stack gitlab is up to date" in nothing.stdout + nothing.stderr

    second = synthesized(tmp_path, issuer=aws.issuer.url, branch="release")
    done = deploy(aws, second, "--capabilities", "CAPABILITY_IAM")
    assert done.returncode == 0, done.stderr
    with pytest.raises(ClientError, match="AccessDenied"):
        pipeline(aws, role, MAIN)
    assert pipeline(aws, role, RELEASE)

    name = role.rpartition("/")[2]
    document = aws.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    loose = json.dumps(document).replace("ref:release", "ref:main")
    aws.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=loose)
    detection = stacks.detect_stack_drift(StackName="gitlab")["StackDriftDetectionId"]
    status = stacks.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("DRIFTED", 1)

    stacks.delete_stack(StackName="gitlab")
    assert in_iam(aws) == {"roles": {}, "providers": {}, "policies": {}}


def test_the_readme_of_the_example_word_for_word(tmp_path: Path) -> None:
    """Its commands, in one shell; only the port is another, and the modules are installed already.

    The last block makes a template of another context, which the test before does as well.
    """
    node.demand_node()
    shutil.copytree(EXAMPLE.parent, tmp_path / "example")
    (tmp_path / "example" / "node_modules").symlink_to(node.FOLDER / "node_modules", target_is_directory=True)
    readme = (EXAMPLE.parent / "README.md").read_text()
    blocks = [block for block in readme.split("\n\n") if block.startswith("    ")]
    commands = "\n\n".join(textwrap.dedent(block) for block in blocks[:-1])
    assert "npm install\n" in commands
    assert commands.count("4566") == 2
    script = commands.replace("npm install\n", "").replace("4566", str(free_port()))
    environment = clean_environment(tmp_path, {"PATH": f"{BIN}:{os.environ['PATH']}"})
    script = f"set -eu\n{script}\nkill %1\nwait %1"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path / "example",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Successfully created/updated stack - gitlab" in done.stdout
    assert ":role/gitlab-" in done.stdout
    assert "/job-1" in done.stdout
