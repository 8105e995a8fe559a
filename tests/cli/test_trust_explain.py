"""`daypass trust explain` and `daypass trust check`, as processes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from daypass.tokens.mint import mint
from support.processes import DAYPASS, clean_environment
from support.tokens import private_key

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "gitlab.com"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{ISSUER}:aud": "sts.amazonaws.com",
                    f"{ISSUER}:sub": "project_path:acme/app:ref_type:branch:ref:main",
                }
            },
        }
    ],
}
MAIN = "project_path:acme/app:ref_type:branch:ref:main"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    path.write_text(json.dumps(POLICY, indent=2))
    return path


def trust(
    tmp_path: Path, *arguments: str | Path, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DAYPASS, "trust", *map(str, arguments)],
        env=clean_environment(tmp_path, environment),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def claims(subject: str = MAIN, **more: object) -> dict[str, object]:
    now = int(time.time())
    return {"iss": f"https://{ISSUER}", "sub": subject, "aud": "sts.amazonaws.com", "iat": now, "exp": now + 60, **more}


def token(subject: str = MAIN, **more: object) -> str:
    return mint(claims(subject, **more), private_key()).reveal()


def test_a_token_that_is_let_in(tmp_path: Path, policy: Path) -> None:
    done = trust(tmp_path, "explain", "--policy", policy, "--token", "-", given=token() + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("allowed: statement 1 allows sts:AssumeRoleWithWebIdentity\n")


def test_a_token_that_is_not(tmp_path: Path, policy: Path) -> None:
    subject = "project_path:acme/app:ref_type:tag:ref:v1"
    done = trust(tmp_path, "explain", "--policy", policy, "--token-env", "TOKEN", TOKEN=token(subject))
    assert (done.returncode, done.stderr) == (1, "")
    assert "this is the subject of a tag, and that of a branch is wanted" in done.stdout
    assert "if it should get in, the smallest safe edit:" in done.stdout


def test_an_expired_token_is_told_apart(tmp_path: Path, policy: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token(exp=1_600_000_000))
    done = trust(tmp_path, "explain", "--policy", policy, "--token", file)
    assert done.returncode == 1
    assert done.stdout.startswith("denied: the token expired")
    assert "policy    ok" in done.stdout


def test_claims_in_a_file_and_json_out(tmp_path: Path, policy: Path) -> None:
    file = tmp_path / "claims.json"
    file.write_text(json.dumps(claims("project_path:mallory/app:ref_type:branch:ref:main")))
    done = trust(tmp_path, "explain", "--policy", policy, "--claims", file, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["allowed"] is False
    assert told["edit"]["should_not_be_allowed"] is True
    assert [step["kind"] for step in told["steps"]] == ["token", "provider", "audience", "policy"]


def test_the_edited_document_lets_the_subject_in(tmp_path: Path, policy: Path) -> None:
    subject = "project_path:acme/app:ref_type:branch:ref:next"
    done = trust(tmp_path, "explain", "--policy", policy, "--subject", subject, "--json")
    edited = tmp_path / "edited.json"
    edited.write_text(json.loads(done.stdout)["edit"]["document"])
    assert trust(tmp_path, "explain", "--policy", edited, "--subject", subject).returncode == 0
    assert trust(tmp_path, "check", edited).returncode == 0
    assert len(edited.read_text().splitlines()) == len(policy.read_text().splitlines())


def test_what_a_token_says_cannot_move_the_cursor(tmp_path: Path, policy: Path) -> None:
    hostile = "project_path:acme/app\x1b[2J\x1b]0;owned\x07\u202e:ref_type:branch:ref:main"
    for format_ in ([], ["--json"]):
        done = trust(tmp_path, "explain", "--policy", policy, "--token", "-", *format_, given=token(hostile))
        assert done.returncode == 1
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout + done.stderr


def test_a_token_on_the_command_line_is_not_taken(tmp_path: Path, policy: Path) -> None:
    given = token()
    done = trust(tmp_path, "explain", "--policy", policy, "--token", given)
    assert done.returncode == 2
    assert given not in done.stdout + done.stderr
    assert "--token-env" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["explain", "--policy", "{policy}", "--token-env", "NOT_SET"], 2, "`NOT_SET` is not set"),
        (["explain", "--policy", "{policy}"], 2, "one of the arguments --token --token-env --claims --subject"),
        (["explain", "--policy", "{policy}", "--subject", "a", "--provider-arn", "x"], 2, "`x` is not the ARN"),
        (["explain", "--policy", "{policy}", "--claims", "{policy}.gone"], 3, "no such file"),
        (["explain", "--policy", "{policy}.gone", "--subject", "a"], 3, "no such file"),
        (["explain", "--policy", "/dev/null", "--subject", "a"], 2, "the policy is not JSON"),
        (["explain", "--policy", "{policy}", "--claims", "/dev/null"], 2, "not"),
        (["explain", "--policy", "{policy}", "--token", "{policy}"], 1, "not"),
        (["check", "{policy}.gone"], 3, "no such file"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, policy: Path, arguments: list[str], status: int, message: str) -> None:
    done = trust(tmp_path, *(argument.replace("{policy}", str(policy)) for argument in arguments))
    assert done.returncode == status, done.stderr
    assert message in done.stderr


def test_colours_are_for_terminals_alone(tmp_path: Path, policy: Path) -> None:
    for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = pty.openpty()
        subprocess.run(
            [*DAYPASS, "trust", "explain", "--policy", str(policy), "--subject", MAIN],
            env=clean_environment(tmp_path, extra),
            stdout=theirs,
            check=True,
        )
        os.close(theirs)
        shown = os.read(ours, 4096)
        os.close(ours)
        assert shown.startswith(b"\x1b[32mallowed:") is coloured


COMMA = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {
      "gitlab.com:aud": "sts.amazonaws.com"
      "gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"
    }}
  }]
}
"""


def test_a_missing_comma_is_shown_with_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_text(COMMA)
    done = trust(tmp_path, "check", file)
    assert done.returncode == 2
    assert done.stdout == (
        f'{file}: the policy is not JSON: a comma is missing after `"sts.amazonaws.com"`, line 8 column 44\n'
        '  Add a comma after `"sts.amazonaws.com"`.\n'
        '  8 |       "gitlab.com:aud": "sts.amazonaws.com"\n'
        "    |                                            ^\n"
        '  9 |       "gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"\n'
        "  IAM says: This policy contains invalid Json\n"
    )


def test_every_policy_is_checked(tmp_path: Path, policy: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(POLICY).replace("AssumeRoleWithWebIdentity", "GetCallerIdentity"))
    done = trust(tmp_path, "check", bad, policy, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 2
    assert [each["taken"] for each in told] == [False, True]
    assert told[0]["aws_message"] == "AssumeRole policy may only specify STS AssumeRole actions."


def test_a_policy_out_of_a_template(tmp_path: Path) -> None:
    template = {
        "Resources": {
            name: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": POLICY}}
            for name in ("Deploy", "Other")
        }
    }
    file = tmp_path / "template.json"
    file.write_text(json.dumps(template))
    done = trust(tmp_path, "explain", "--policy", file, "--subject", MAIN)
    assert done.returncode == 2
    assert "Deploy" in done.stderr
    assert trust(tmp_path, "explain", "--policy", file, "--role", "Deploy", "--subject", MAIN).returncode == 0


def test_a_policy_out_of_a_cdk_folder(tmp_path: Path) -> None:
    folder = tmp_path / "cdk.out"
    folder.mkdir()
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": POLICY}}
    (folder / "App.template.json").write_text(json.dumps({"Resources": {"Deploy": role}}))
    assert trust(tmp_path, "explain", "--policy", folder, "--subject", MAIN).returncode == 0
    (folder / "App.template.json").unlink()
    assert trust(tmp_path, "explain", "--policy", folder, "--subject", MAIN).returncode == 2


def test_a_subject_alone_takes_the_audience_from_the_policy(tmp_path: Path, policy: Path) -> None:
    text = policy.read_text().replace("sts.amazonaws.com", "https://gitlab.example.com")
    policy.write_text(text)
    assert '"https://gitlab.example.com"' in text
    done = trust(tmp_path, "explain", "--policy", policy, "--subject", MAIN)
    assert done.returncode == 0, done.stdout
