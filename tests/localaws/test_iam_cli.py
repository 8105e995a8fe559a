"""The journeys that people take with the AWS CLI, by the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.iam_account import PERMISSIONS, TRUST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.local_aws import LocalAws


@pytest.fixture
def cli(aws: LocalAws, tmp_path: Path) -> Callable[..., Any]:
    """`aws iam …`: its answer, or its error text."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "awscli", "iam", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            return done.stderr.strip()
        return json.loads(done.stdout) if done.stdout else None

    return run


def test_a_provider_by_the_cli(cli: Callable[..., Any], aws: LocalAws) -> None:
    made = cli("create-open-id-connect-provider", "--url", aws.issuer.url, "--client-id-list", "sts.amazonaws.com")
    arn = made["OpenIDConnectProviderArn"]
    assert arn == aws.provider_arn
    found = cli("get-open-id-connect-provider", "--open-id-connect-provider-arn", arn)
    assert (found["ClientIDList"], len(found["ThumbprintList"])) == (["sts.amazonaws.com"], 1)
    told = cli("create-open-id-connect-provider", "--url", "https://nobody.invalid")
    assert told.endswith(
        "An error occurred (OpenIdIdpCommunicationError) when calling the CreateOpenIDConnectProvider operation: "
        "Could not connect to openid configuration of provider: https://nobody.invalid"
    )


def test_a_role_and_its_policy_by_the_cli(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text(TRUST)
    (tmp_path / "permissions.json").write_text(PERMISSIONS)
    trust, permissions = f"file://{tmp_path}/trust.json", f"file://{tmp_path}/permissions.json"
    role = cli("create-role", "--role-name", "ci", "--assume-role-policy-document", trust, "--tags", "Key=a,Value=b")
    assert role["Role"]["AssumeRolePolicyDocument"] == json.loads(TRUST)
    arn = cli("create-policy", "--policy-name", "app", "--policy-document", permissions)["Policy"]["Arn"]
    cli("attach-role-policy", "--role-name", "ci", "--policy-arn", arn)
    made = cli("create-policy-version", "--policy-arn", arn, "--policy-document", permissions, "--set-as-default")
    assert made["PolicyVersion"]["VersionId"] == "v2"
    assert [one["VersionId"] for one in cli("list-policy-versions", "--policy-arn", arn)["Versions"]] == ["v2", "v1"]
    roles = cli("list-entities-for-policy", "--policy-arn", arn)["PolicyRoles"]
    assert [one["RoleName"] for one in roles] == ["ci"]
    details = cli("get-account-authorization-details", "--filter", "Role")
    assert details["RoleDetailList"][0]["AttachedManagedPolicies"] == [{"PolicyName": "app", "PolicyArn": arn}]
    told = cli("delete-role", "--role-name", "ci")
    assert told.endswith(
        "An error occurred (DeleteConflict) when calling the DeleteRole operation: "
        "Cannot delete entity, must detach all policies first."
    )
    told = cli("create-role", "--role-name", "x", "--assume-role-policy-document", "trust.json")
    assert told.endswith(
        "(MalformedPolicyDocument) when calling the CreateRole operation: This policy contains invalid Json"
    )
