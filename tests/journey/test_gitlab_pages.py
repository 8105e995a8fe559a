"""The job scripts that the GitLab page and a 2022 post tell people to write, line by line in a real bash.

The token has GitLab's shape and a GitLab issuer's name; the name is answered by a local server through
`--connect-to`, so the trust policies are those of the pages, with their own condition keys.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from support.foreign_issuer import ForeignIssuer, foreign_issuer
from support.processes import DAYPASS, bash, clean_environment, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey

ACCOUNT = "111122223333"
GITLAB = "https://gitlab.example.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/gitlab"

# The trust policy of the page, with an account in the place of AWS_ACCOUNT.
TRUST_POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::AWS_ACCOUNT:oidc-provider/gitlab.example.com"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "gitlab.example.com:sub": "project_path:mygroup/myproject:ref_type:branch:ref:main"
        }
      }
    }
  ]
}
""".replace("AWS_ACCOUNT", ACCOUNT)

# A runner joins a folded block (`>`) to one line and runs the lines of `script` in one shell.
PAGE_SCRIPT = r"""
aws_sts_output=$(aws sts assume-role-with-web-identity \
--role-arn ${ROLE_ARN} \
--role-session-name "GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}" \
--web-identity-token ${GITLAB_OIDC_TOKEN} \
--duration-seconds 3600 \
--query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' \
--output text)
export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" $aws_sts_output)
aws sts get-caller-identity
"""

POST_SCRIPT = r"""
STS=($(aws sts assume-role-with-web-identity \
--role-arn ${ROLE_ARN} \
--role-session-name "gitlab-${CI_PROJECT_ID}-${CI_PIPELINE_ID}" \
--web-identity-token ${CI_JOB_JWT_V2} \
--query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' \
--output text))
export AWS_ACCESS_KEY_ID="${STS[0]}"
export AWS_SECRET_ACCESS_KEY="${STS[1]}"
export AWS_SESSION_TOKEN="${STS[2]}"
aws sts get-caller-identity
"""


def gitlab_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a GitLab ID token: text booleans, ids as text, one number."""
    now = int(time.time())
    project, ref = changes.pop("project_path", "mygroup/myproject"), changes.pop("ref", "main")
    claims = {
        "namespace_id": "72",
        "namespace_path": project.rpartition("/")[0],
        "project_id": "20",
        "project_path": project,
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": ref,
        "ref_type": "branch",
        "ref_path": f"refs/heads/{ref}",
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "public",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now - 5,
        "exp": now + 3600,
        "iss": GITLAB,
        "sub": f"project_path:{project}:ref_type:branch:ref:{ref}",
        "aud": GITLAB,
    }
    return {k: v for k, v in (claims | changes).items() if v is not None}


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignIssuer]:
    with foreign_issuer(GITLAB, tmp_path_factory.mktemp("gitlab")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def runner(gitlab: ForeignIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A runner's environment: the local AWS with the page's provider and role in it."""
    base = tmp_path_factory.mktemp("runner")
    ready = base / "endpoint"
    command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready), "--trust-ca", str(gitlab.ca_file)]
    command += ["--connect-to", f"{gitlab.host}:443=127.0.0.1:{gitlab.port}"]
    with running(command, environment=clean_environment(base), ready=ready, log=base / "aws.log"):
        environment = clean_environment(
            base,
            {
                "AWS_ENDPOINT_URL": ready.read_text().strip(),
                "AWS_DEFAULT_REGION": "us-east-1",
                "ROLE_ARN": ROLE,
                "CI_PROJECT_ID": "20",
                "CI_PIPELINE_ID": "574",
            },
        )
        administrator = environment | {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"}
        (base / "trust.json").write_text(TRUST_POLICY)
        # The AWS CLI reads a client id that starts with https:// as a page to fetch; the JSON form does not.
        (base / "provider.json").write_text(json.dumps({"Url": GITLAB, "ClientIDList": [GITLAB]}))
        done = bash(
            "aws iam create-open-id-connect-provider --cli-input-json file://provider.json\n"
            "aws iam create-role --role-name gitlab --assume-role-policy-document file://trust.json",
            environment=administrator,
            folder=base,
        )
        assert done.returncode == 0, done.stderr
        yield environment


@pytest.mark.parametrize(
    ("script", "variable", "session"),
    [(PAGE_SCRIPT, "GITLAB_OIDC_TOKEN", "GitLabRunner-20-574"), (POST_SCRIPT, "CI_JOB_JWT_V2", "gitlab-20-574")],
    ids=["page", "post"],
)
def test_the_job_script_ends_as_the_role(
    gitlab: ForeignIssuer, runner: dict[str, str], tmp_path: Path, script: str, variable: str, session: str
) -> None:
    done = bash(script, environment=runner | {variable: gitlab.sign(gitlab_claims())}, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    identity = json.loads(done.stdout)
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/gitlab/{session}"
    assert identity["Account"] == ACCOUNT
    assert identity["UserId"].startswith("AROA")


@pytest.mark.parametrize(
    ("claims", "code", "text"),
    [
        ({"ref": "feature"}, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ({"aud": None}, "InvalidIdentityToken", "Missing a required claim: aud"),
        (
            {"iss": "https://other.example.com"},
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://other.example.com",
        ),
    ],
    ids=["another-branch", "no-audience", "no-provider"],
)
def test_the_job_script_fails_with_the_words_of_the_pages(
    gitlab: ForeignIssuer, runner: dict[str, str], tmp_path: Path, claims: dict[str, Any], code: str, text: str
) -> None:
    token = gitlab.sign(gitlab_claims(**claims))
    done = bash(PAGE_SCRIPT, environment=runner | {"GITLAB_OIDC_TOKEN": token}, folder=tmp_path)
    assert done.returncode != 0
    operation = "when calling the AssumeRoleWithWebIdentity operation"
    assert f"An error occurred ({code}) {operation}: {text}" in done.stderr
