"""The Python API and the pytest plugin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daypass.errors import FileUnavailable, PolicyMalformed, RequestInvalid
from daypass.testing import (
    RoleTrust,
    Token,
    daypass_token,
    github_token,
    gitlab_token,
    gitpod_token,
    ona_token,
)
from daypass.trust.edit import Edit, Refusal
from support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"
ORGANIZATION = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a11"
PROJECT = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a12"


def policy(issuer: str, subject: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("token", "subject"),
    [
        (gitlab_token(project="acme/app"), "project_path:acme/app:ref_type:branch:ref:main"),
        (gitlab_token(project="acme/app", ref="v1", ref_type="tag"), "project_path:acme/app:ref_type:tag:ref:v1"),
        (github_token(repository="acme/app"), "repo:acme/app:ref:refs/heads/main"),
        (github_token(repository="acme/app", tag="v1"), "repo:acme/app:ref:refs/tags/v1"),
        (github_token(repository="acme/app", pull_request=True), "repo:acme/app:pull_request"),
        (github_token(repository="acme/app", environment="a:b"), "repo:acme/app:environment:a%3Ab"),
        (
            github_token(repository="acme/app", owner_id=1, repository_id=2),
            "repo:acme@1/app@2:ref:refs/heads/main",
        ),
        (gitpod_token(repository="https://github.com/acme/app"), "https://github.com/acme/app"),
        (
            ona_token(organization_id=ORGANIZATION, project_id=PROJECT),
            f"organization_id:{ORGANIZATION}:project_id:{PROJECT}",
        ),
        (
            daypass_token(issuer="https://idp.example.com", organization="org_a", project="prj_b", workload="job_c"),
            "organization:org_a:project:prj_b:job:job_c",
        ),
    ],
)
def test_a_builder_makes_the_issuers_subject(token: Token, subject: str) -> None:
    assert token["sub"] == subject
    issuer = str(token["iss"]).removeprefix("https://")
    assert RoleTrust.load(policy(issuer, subject)).allows(token)
    assert not RoleTrust.load(policy(issuer, subject + "x")).allows(token)


@pytest.mark.parametrize(
    "build",
    [
        lambda: gitlab_token(project="acme:app"),
        lambda: gitlab_token(project="acme/app", ref_type="merge_request"),
        lambda: github_token(repository="acme"),
        lambda: github_token(repository="acme/app", owner_id=1),
        lambda: gitpod_token(repository="acme/app"),
        lambda: ona_token(organization_id="Acme", project_id=PROJECT),
    ],
)
def test_a_builder_refuses_what_the_issuer_would_never_write(build: Callable[[], Token]) -> None:
    with pytest.raises(RequestInvalid):
        build()


def test_a_token_can_be_changed() -> None:
    token = gitlab_token(project="acme/app", project_id="22")
    assert token["project_id"] == "22"
    assert "ref" not in token.but(ref=None)
    assert token.but(sub="x")["sub"] == "x"
    assert token["sub"] != "x"


def test_a_verdict_tells_why() -> None:
    trust = RoleTrust.load(policy("gitlab.com", "project_path:acme/app:ref_type:branch:ref:main"))
    denied = trust.allows(gitlab_token(project="Acme/app"))
    assert repr(denied) == (
        "<denied: no statement allows sts:AssumeRoleWithWebIdentity; only the letter case differs, and it counts here>"
    )
    assert "if it should get in, the smallest safe edit:" in str(denied)
    assert isinstance(denied.edit, Edit)
    assert isinstance(trust.allows(gitlab_token(project="mallory/app")).edit, Refusal)
    assert denied.to_json()["allowed"] is False


def test_client_ids_role_time_and_address_count() -> None:
    text = policy("gitlab.com", "project_path:acme/app:ref_type:branch:ref:main").replace(
        '"StringEquals"', '"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "StringEquals"', 1
    )
    token = gitlab_token(project="acme/app")
    now = datetime(2026, 9, 12, tzinfo=UTC)
    assert RoleTrust.load(text).allows(token, source_ip="192.0.2.7", now=now)
    assert not RoleTrust.load(text).allows(token, source_ip="198.51.100.7", now=now)
    assert not RoleTrust.load(text, client_ids=["other"]).allows(token, source_ip="192.0.2.7")
    other = RoleTrust.load(text, role_arn="arn:aws:iam::444455556666:role/deploy")
    assert not other.allows(token, source_ip="192.0.2.7")


def test_loading(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable, match="no such file"):
        RoleTrust.load(tmp_path / "gone.json")
    with pytest.raises(PolicyMalformed, match="line 1"):
        RoleTrust.load("{}")
    file = tmp_path / "trust.json"
    file.write_text(policy("gitlab.com", "x"))
    assert RoleTrust.load(str(file)) == RoleTrust.load(file)


def run_pytest(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_trust.py").write_text(test)
    (folder / "deploy-role-trust.json").write_text(
        policy("gitlab.com", "project_path:mygroup/app:ref_type:branch:ref:main")
    )
    # Named, because an environment that was made before the entry point does not know it; and loaded by nobody else,
    # because one that does would have it twice.
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "daypass.testing.plugin", "-p", "no:cacheprovider", str(folder)],
        env=clean_environment(folder, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


FAILING = """
def test_deploy(load_role_trust):
    from daypass.testing import gitlab_token

    role_trust = load_role_trust("deploy-role-trust.json")
    assert role_trust.allows(gitlab_token(project="mygroup/app", ref="main"))
    assert not role_trust.allows(gitlab_token(project="mallory/app", ref="main"))
    assert role_trust.allows(gitlab_token(project="mygroup/app", ref="next"))
"""


def test_a_failed_assertion_tells_the_explanation(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, FAILING)
    assert done.returncode == 1
    assert "E       denied: no statement allows sts:AssumeRoleWithWebIdentity" in done.stdout
    assert "E             found   project_path:mygroup/app:ref_type:branch:ref:next" in done.stdout
    assert "mallory" not in "".join(line for line in done.stdout.splitlines() if line.startswith("E "))


def test_other_failures_are_left_alone(tmp_path: Path) -> None:
    test = FAILING.replace('ref="next"))', 'ref="main"))\n    assert 1 == 2')
    done = run_pytest(tmp_path, test)
    assert done.returncode == 1
    assert "policy    " not in done.stdout
    assert "assert 1 == 2" in done.stdout


def test_the_page_is_right(tmp_path: Path) -> None:
    page = (DOCS / "testing.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        done = run_pytest(tmp_path, example)
        assert done.returncode == 0, done.stdout


def test_the_plugin_is_announced_to_pytest() -> None:
    assert (
        '[project.entry-points.pytest11]\ndaypass = "daypass.testing.plugin"'
        in (DOCS.parent / "pyproject.toml").read_text()
    )
