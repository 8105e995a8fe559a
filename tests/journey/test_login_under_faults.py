"""Logins while AWS has troubles of its own: the local AWS's fault switch, by its command line, and the real login.

What passes by itself is waited out without a word and with a fresh token; what is final is told at once.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from daypass.testing import gitlab_token, local_aws
from support.processes import DAYPASS, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.testing.local_aws import LocalAws

pytestmark = pytest.mark.journey

JOB = gitlab_token(project="mygroup/app", ref="main")
ACCOUNT = "000000000000"
TRANSIENT = ["Throttling", "InternalFailure", "ServiceUnavailable", "IDPCommunicationError", "InvalidIdentityToken"]
FINAL = ["ExpiredTokenException", "IDPRejectedClaim", "RegionDisabledException"]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"gitlab.com:aud": "sts.amazonaws.com", "gitlab.com:sub": JOB["sub"]}},
        }
    ],
}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(as_issuers=("gitlab.com",)) as running:
        running.provider("gitlab.com")
        running.role("deploy", trust_policy=TRUST)
        yield running


class Job:
    """A job of GitLab whose tokens are made by a program, one for each time it is asked; it keeps count."""

    def __init__(self, folder: Path, aws: LocalAws) -> None:
        self._folder = folder
        self._count = folder / "asked"
        self._count.touch()
        program = folder / "token"
        token = aws.mint(JOB)
        program.write_text(f"#!/bin/sh\necho >> {self._count}\nprintf %s {token}\n")
        program.chmod(0o700)
        self._source = f"command:{program}"
        self._environ = clean_environment(
            folder,
            {"AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_ENDPOINT_URL_STS": aws.endpoint_url, "AWS_REGION": "us-east-1"},
        )

    @property
    def tokens(self) -> int:
        """How many it was given."""
        return len(self._count.read_text().splitlines())

    def daypass(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DAYPASS, *words], env=self._environ, capture_output=True, text=True, timeout=90, check=False
        )

    def login(self, *more: str, role: str = "deploy") -> subprocess.CompletedProcess[str]:
        return self.daypass(*self.login_words(*more, role=role))

    def login_words(self, *more: str, role: str = "deploy") -> list[str]:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        return ["idp", "login", "aws", "--role-arn", arn, "--token-source", self._source, *more]

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*DAYPASS, *words], env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def arrange(self, code: str, times: int) -> None:
        words = ["--operation", "sts:AssumeRoleWithWebIdentity", "--code", code, "--times", str(times)]
        done = self.daypass("local-aws", "fault", *words)
        assert done.returncode == 0, done.stderr

    def waiting(self) -> list[dict[str, Any]]:
        done = self.daypass("local-aws", "fault", "--json")
        found: list[dict[str, Any]] = json.loads(done.stdout)["faults"]
        return found


@pytest.fixture
def job(tmp_path: Path, aws: LocalAws) -> Iterator[Job]:
    made = Job(tmp_path, aws)
    yield made
    assert made.daypass("local-aws", "fault", "--clear").returncode == 0


@pytest.mark.parametrize(("code", "more"), [*((code, []) for code in TRANSIENT), ("Throttling", ["--refreshing"])])
def test_what_passes_is_waited_out_without_a_word(job: Job, code: str, more: list[str]) -> None:
    job.arrange(code, 1)
    done = job.login(*more)
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    assert job.tokens == 2, "each try has a fresh token"
    assert job.waiting() == []


def test_several_in_a_row_and_of_several_kinds_are_waited_out(job: Job) -> None:
    for code in ("Throttling", "IDPCommunicationError", "ServiceUnavailable"):
        job.arrange(code, 1)
    done = job.login()
    assert done.returncode == 0, done.stderr
    assert job.tokens == 4


def test_what_does_not_pass_is_told_after_four_tries(job: Job) -> None:
    job.arrange("IDPCommunicationError", 100)
    done = job.login()
    assert done.returncode == 1
    assert job.tokens == 4
    assert "AWS refused (IDPCommunicationError)" in done.stderr
    assert "next: AWS could not reach the identity provider; check that its discovery document" in done.stderr
    assert job.waiting()[0]["times"] == 96


@pytest.mark.parametrize("code", FINAL)
def test_what_is_final_is_told_at_once(job: Job, code: str) -> None:
    job.arrange(code, 100)
    done = job.login("--wait")
    assert done.returncode == 1
    assert job.tokens == 1
    assert f"AWS refused ({code})" in done.stderr
    assert "next: " in done.stderr
    assert job.waiting()[0]["times"] == 99


@pytest.mark.parametrize("missing", ["role", "provider"])
def test_what_is_made_during_the_login_is_waited_for(job: Job, aws: LocalAws, missing: str) -> None:
    """A pipeline that makes a role and uses it in the next step."""
    if missing == "provider":
        aws.client("iam").delete_open_id_connect_provider(
            OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
        )
    name = "new" if missing == "role" else "deploy"
    at_once = job.login(role=name)
    assert at_once.returncode == 1, "without --wait it is told"
    assert job.tokens == 1
    with job.begin(*job.login_words("--wait", "30", role=name)) as process:
        end = time.monotonic() + 20
        while job.tokens < 2:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        job.arrange("Throttling", 1)  # while it waits, and it goes on waiting
        if missing == "role":
            aws.role("new", trust_policy=TRUST)
        else:
            aws.provider("gitlab.com")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert job.tokens >= 4
    assert job.waiting() == []


def test_what_is_never_made_is_told_when_the_time_is_over(job: Job) -> None:
    began = time.monotonic()
    done = job.login("--wait", "2", role="never")
    assert done.returncode == 1
    assert 2 <= job.tokens <= 6
    assert time.monotonic() - began < 20
    assert "why: there is no role" in done.stderr
