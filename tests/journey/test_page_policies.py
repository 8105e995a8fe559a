"""The two example trust policies of the Gitpod page, as printed there, given to the local AWS with the AWS CLI.

The first one lacks a comma. AWS says only that it is no JSON; the local AWS says the same, and in its log where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.errors import PolicyMalformed
from daypass.trust.document import Policy
from support.processes import bash

if TYPE_CHECKING:
    from pathlib import Path

    from journey.conftest import World

pytestmark = pytest.mark.journey

FIRST = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {
                "Federated": "arn:aws:iam::981341800645:oidc-provider/services.gitpod.io/idp"
            },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "services.gitpod.io/idp:aud": "sts.amazonaws.com"
                    "services.gitpod.io/idp:sub": "https://github.com/gitpod-io/my-application"
                }
            }
        }
    ]
}
"""

SECOND = """{
\t"Version": "2012-10-17",
\t"Statement": [
\t\t{
\t\t\t"Effect": "Allow",
\t\t\t"Principal": {
\t\t\t\t"Federated": "arn:aws:iam::981241700645:oidc-provider/services.gitpod.io/idp"
\t\t\t},
\t\t\t"Action": "sts:AssumeRoleWithWebIdentity",
\t\t\t"Condition": {
\t\t\t\t"StringEquals": {
\t\t\t\t\t"services.gitpod.io/idp:aud": "sts.amazonaws.com"
\t\t\t\t},
\t\t\t\t"StringLike": {
\t\t\t\t\t"services.gitpod.io/idp:sub": "https://github.com/gitpod-io/*"
\t\t\t\t}
\t\t\t}
\t\t}
\t]
}
"""


def create_role(workspace: dict[str, str], folder: Path, name: str, policy: str) -> tuple[int, str]:
    (folder / "trust.json").write_text(policy)
    done = bash(
        f"aws iam create-role --role-name {name} --assume-role-policy-document file://trust.json",
        environment=workspace | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        folder=folder,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_first_is_refused_with_its_place_and_the_mend() -> None:
    with pytest.raises(PolicyMalformed) as fault:
        Policy.parse(FIRST)
    assert fault.value.facts["line"] == 12
    assert (
        fault.value.facts["column"] == len('                    "services.gitpod.io/idp:aud": "sts.amazonaws.com"') + 1
    )
    assert fault.value.facts["aws_message"] == "This policy contains invalid Json"
    assert fault.value.advice is not None
    assert "comma" in fault.value.advice


def test_the_local_aws_says_what_aws_says_and_logs_the_rest(
    world: World, workspace: dict[str, str], tmp_path: Path
) -> None:
    status, said = create_role(workspace, tmp_path, "page-first", FIRST)
    assert status != 0
    assert "(MalformedPolicyDocument) when calling the CreateRole operation: This policy contains invalid Json" in said
    log = world.log.read_text()
    assert "line 12" in log
    assert "comma" in log


def test_the_first_with_its_comma_and_the_second_are_taken(workspace: dict[str, str], tmp_path: Path) -> None:
    mended = FIRST.replace('"sts.amazonaws.com"\n', '"sts.amazonaws.com",\n')
    for name, policy in (("page-first-mended", mended), ("page-second", SECOND)):
        status, said = create_role(workspace, tmp_path, name, policy)
        assert status == 0, said
