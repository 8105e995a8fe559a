"""A file to export, and an account to deploy it into."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from daypass.aws.exporting.blueprint import Blueprint, blueprint
from daypass.aws.provisioning.desired_file import read_desired
from daypass.testing.local_aws import LocalAws, local_aws
from support.exports import ACCOUNT, FILE, SECOND_ISSUER
from support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


@pytest.fixture
def of() -> Blueprint:
    """A file with one issuer and two roles."""
    return blueprint(read_desired(FILE), "daypass-aws.yaml")


@pytest.fixture
def two_issuers() -> Blueprint:
    """A file with two issuers and a role for each."""
    text = FILE.replace("roles:\n", SECOND_ISSUER.lstrip("\n") + "roles:\n").replace(
        "  shop-deploy:\n", "  shop-deploy:\n    provider: https://gitlab.com\n"
    )
    text = text.replace("  shop-test:\n", "  shop-test:\n    provider: https://gitlab.example.com/git\n")
    text = text.replace(", project_id: 7", "").replace(", project_id: 8", "")
    return blueprint(read_desired(text), "daypass-aws.yaml")


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalAws]:
    with local_aws(as_issuers=("gitlab.com", "gitlab.example.com/git")) as aws:
        yield aws


@pytest.fixture
def aws(_server: LocalAws) -> LocalAws:
    """An account that has the managed policies that the file names, and nothing else."""
    _server.reset()
    for name in ("shop", "limits"):
        _server.client("iam", ACCOUNT).create_policy(PolicyName=name, PolicyDocument=_POLICY)
    return _server


@pytest.fixture
def environment(aws: LocalAws, tmp_path: Path) -> dict[str, str]:
    """What a person's shell has who administers the account."""
    home = tmp_path / "home"
    home.mkdir()
    settings: dict[str, Any] = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return clean_environment(home, settings)
