"""Seed files: what is made of them, and what is said of wrong ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import RequestInvalid
from daypass.localaws.seed.document import faults, read_seed, schema
from daypass.testing import local_aws

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "111122223333"
SEED = """
accounts:
  111122223333:
    providers:
      - url: https://gitlab.com
        client_ids: [sts.amazonaws.com]
        tags: {team: platform}
    policies:
      - name: read-secrets
        document:
          Version: 2012-10-17
          Statement: [{Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: "*"}]
    roles:
      - name: deploy
        max_session_seconds: 43200
        trust_policy: {file: trust.json}
        policies:
          see: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]}
        attached: [read-secrets]
        boundary: arn:aws:iam::aws:policy/AdministratorAccess
        tags: {team: shop}
    secrets:
      - {name: db, value: not-a-real-password}
    buckets:
      - {name: artifacts-eu, region: eu-west-1}
      - {name: artifacts-us}
  "444455556666": {}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"gitlab.com:sub": "project_path:mygroup/app:ref_type:branch:ref:main"}},
        }
    ],
}


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    (tmp_path / "trust.json").write_text(json.dumps(TRUST))
    file = tmp_path / "providers-roles.yaml"
    file.write_text(SEED)
    return file


def test_everything_in_a_seed_is_there_and_again_after_a_reset(seed: Path) -> None:
    with local_aws(init=[seed]) as aws:
        for _ in range(2):
            token = aws.mint(issuer="gitlab.com", sub="project_path:mygroup/app:ref_type:branch:ref:main")
            job = aws.login(f"arn:aws:iam::{ACCOUNT}:role/deploy", token, DurationSeconds=43200)
            assert job.client("secretsmanager").get_secret_value(SecretId="db")["SecretString"] == "not-a-real-password"
            assert {one["Name"] for one in job.client("s3").list_buckets()["Buckets"]} == {
                "artifacts-eu",
                "artifacts-us",
            }
            role = aws.client("iam", ACCOUNT).get_role(RoleName="deploy")["Role"]
            assert role["Tags"] == [{"Key": "team", "Value": "shop"}]
            assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("AdministratorAccess")
            aws.client("iam", ACCOUNT).create_role(RoleName="late", AssumeRolePolicyDocument=json.dumps(TRUST))
            aws.reset()
        assert [one["RoleName"] for one in aws.client("iam", ACCOUNT).list_roles()["Roles"]] == ["deploy"]


def test_a_seed_meets_what_is_kept(seed: Path, tmp_path: Path) -> None:
    """The same seed again changes nothing; another one changes what it names."""
    with local_aws(init=[seed], data=tmp_path / "data") as aws:
        before = aws.client("iam", ACCOUNT).get_role(RoleName="deploy")["Role"]
        arn = aws.client("secretsmanager", ACCOUNT).describe_secret(SecretId="db")["ARN"]
    with local_aws(init=[seed], data=tmp_path / "data") as aws:
        assert aws.client("iam", ACCOUNT).get_role(RoleName="deploy")["Role"] == before
        assert aws.client("secretsmanager", ACCOUNT).describe_secret(SecretId="db")["ARN"] == arn
    changed = SEED.replace("43200", "7200").replace("[sts.amazonaws.com]", "[vault, other]").replace("real", "good")
    seed.write_text(changed)
    with local_aws(init=[seed], data=tmp_path / "data") as aws:
        iam = aws.client("iam", ACCOUNT)
        role = iam.get_role(RoleName="deploy")["Role"]
        assert (role["RoleId"], role["MaxSessionDuration"]) == (before["RoleId"], 7200)
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
        got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)
        assert set(got["ClientIDList"]) == {"vault", "other"}
        secret = aws.client("secretsmanager", ACCOUNT).get_secret_value(SecretId="db")
        assert (secret["ARN"], secret["SecretString"]) == (arn, "not-a-good-password")
    seed.write_text(changed.replace("secretsmanager:GetSecretValue", "s3:GetObject"))
    with (
        pytest.raises(RequestInvalid, match="`/accounts/111122223333/policies/0`: a managed policy of this name"),
        local_aws(init=[seed], data=tmp_path / "data"),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1, `/`: is not an object"),
        ("accounts: {}\nroles: []\n", "line 2, `/roles`: is not known; there are accounts"),
        ("accounts:\n  shop: {}\n", "line 2, `/accounts/shop`: is not the twelve digits"),
        (
            "accounts:\n  111122223333:\n    roles:\n      - name: a\n",
            "line 4, `/accounts/111122223333/roles/0`: `trust_policy`",
        ),
        (
            "accounts:\n  111122223333:\n    providers:\n      - url: https://a.example\n        client_ids: a\n",
            "line 5, `/accounts/111122223333/providers/0/client_ids`: is not a list",
        ),
        (
            "accounts:\n  111122223333:\n    roles: [{name: a, trust_policy: {files: x}}]\n",
            "line 3, `/accounts/111122223333/roles/0/trust_policy`: `Statement` is missing",
        ),
        ("accounts: {111122223333: {}, 111122223333: {}}\n", "line 1: `111122223333` is there twice"),
        ("accounts: [\n", "line 2"),
        ("a: &a [*a]\n", "cannot be read|recursive|is not known"),
        (
            "accounts:\n  111122223333:\n    providers:\n      - url: http://gitlab.com\n",
            r"line 4, `/accounts/111122223333/providers/0`: refused: \w+: ",
        ),
        (
            'accounts:\n  111122223333:\n    roles:\n      - {name: a, trust_policy: "{"}\n',
            r"line 4, `/accounts/111122223333/roles/0`: refused: MalformedPolicyDocument: ",
        ),
        (
            'accounts:\n  111122223333:\n    roles:\n      - {name: "", trust_policy: "{"}\n',
            "roles/0`: Parameter validation",
        ),
    ],
)
def test_what_is_said_of_a_wrong_seed(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "seed.yaml"
    file.write_text(text)
    with pytest.raises(RequestInvalid, match=reason), local_aws(init=[file]):
        pass


def test_a_seed_may_be_json(tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"accounts": {ACCOUNT: {"providers": [{"url": "https://gitlab.com"}]}}}, indent="\t"))
    assert read_seed(file).accounts[ACCOUNT]["providers"] == [{"url": "https://gitlab.com"}]


NAMES = (
    *("accounts", ACCOUNT, "providers", "url", "client_ids", "tags", "roles", "name", "trust_policy", "file"),
    *("Statement", "policies", "document", "attached", "max_session_seconds", "secrets", "value", "buckets"),
)
KINDS = ("providers", "policies", "roles", "secrets", "buckets", "something")
values = st.recursive(
    st.sampled_from([None, True, 1, "x", "https://a.example"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=12,
)
accounts = st.dictionaries(st.sampled_from(KINDS), st.lists(values, max_size=2))
things = st.fixed_dictionaries({"accounts": st.dictionaries(st.sampled_from([ACCOUNT, "x"]), accounts, max_size=1)})


@given(value=values | things)
def test_our_reading_of_the_schema_is_that_of_a_whole_implementation(value: Any) -> None:
    ours = not list(faults(value, schema()))
    assert ours == jsonschema.Draft202012Validator(schema()).is_valid(value)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
