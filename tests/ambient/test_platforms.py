"""Which platform a job runs on, when several could be meant, and what the user may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.ambient import find, find_token, platforms
from daypass.ambient.platforms import PLATFORMS, Layer
from daypass.errors import NoTokenSource, SettingInvalid, TokenSourceIncomplete, UsageInvalid
from support.ambient import AWS, token

if TYPE_CHECKING:
    from pathlib import Path

MARKS = {
    "daypass": {"DAYPASS_URL": "https://idp.example.com"},
    "gitlab": {"GITLAB_CI": "true"},
    "github": {"GITHUB_ACTIONS": "true"},
    "circleci": {"CIRCLECI": "true"},
    "buildkite": {"BUILDKITE": "true"},
    "azure-devops": {"TF_BUILD": "True"},
    "bitbucket": {"BITBUCKET_BUILD_NUMBER": "7"},
    "hcp-terraform": {"TFC_RUN_ID": "run-1"},
    "ona": {"GITPOD_ENVIRONMENT_ID": "e"},
    "gitpod": {"GITPOD_WORKSPACE_ID": "w"},
    "kubernetes": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
    "google": {"K_SERVICE": "shop"},
}


def names(environ: dict[str, str], product_name: str = "/nowhere") -> list[str]:
    return [platform.name for platform in platforms.here(environ, product_name=product_name)]


def test_every_platform_has_a_mark_here() -> None:
    assert list(MARKS) == [platform.name for platform in PLATFORMS]


@pytest.mark.parametrize("name", MARKS)
def test_a_platform_is_known_by_its_own_variable(name: str) -> None:
    assert names(MARKS[name]) == [name]


@pytest.mark.parametrize(
    "environ", [{}, {"CI": "true"}, {"GITLAB_CI": ""}, {"GITHUB_ACTIONS": "false"}, {"BUILDKITE": "no"}]
)
def test_nothing_is_known_by_less(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(environ) == []
    monkeypatch.setattr(platforms, "PRODUCT_NAME", "/nowhere")
    assert find([AWS], environ) is None


def test_nothing_here_says_what_could_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "PRODUCT_NAME", "/nowhere")
    with pytest.raises(NoTokenSource) as none:
        find_token([AWS], {})
    assert "DAYPASS_URL" in (none.value.advice or "")
    assert "--token-source file:PATH" in (none.value.advice or "")


@pytest.mark.parametrize(
    ("text", "expected"), [("Google\n", ["google"]), ("Google Compute Engine", ["google"]), ("PC", [])]
)
def test_googles_machines_are_known_by_their_firmware(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "product_name").write_text(text)
    assert names({}, str(tmp_path / "product_name")) == expected


def test_what_runs_the_job_goes_before_what_it_runs_on() -> None:
    layers = [platform.layer for platform in PLATFORMS]
    assert layers == sorted(layers)
    assert names(MARKS["google"] | MARKS["kubernetes"] | MARKS["gitlab"] | MARKS["daypass"]) == [
        *("daypass", "gitlab", "kubernetes", "google")
    ]
    assert Layer.JOB < Layer.MACHINE


def test_two_platforms_at_once_are_told() -> None:
    environ = MARKS["gitlab"] | MARKS["kubernetes"] | {"X": token(project_path="a/b", pipeline_id="1")}
    found = find([AWS], environ)
    assert found is not None
    assert (found.source, found.place, found.also) == ("gitlab", "the variable X", ("kubernetes",))


def test_a_jobs_missing_token_is_never_replaced_by_the_machines(tmp_path: Path) -> None:
    """The runner's own role would be another identity than the job's, and a mightier one."""
    (tmp_path / "token").write_text(token())
    environ = MARKS["gitlab"] | {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token")}
    with pytest.raises(TokenSourceIncomplete) as broken:
        find([AWS], environ)
    assert "id_tokens:" in (broken.value.advice or "")
    assert "--token-source kubernetes" in (broken.value.advice or "")
    chosen = find([AWS], environ, source="kubernetes")
    assert chosen is not None
    assert (chosen.source, chosen.also) == ("kubernetes", ())


def test_our_own_provider_that_speaks_githubs_protocol_is_one_platform() -> None:
    ours = {
        "DAYPASS_URL": "https://idp.example.com",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://idp.example.com/v1/id-tokens/actions",
    }
    assert names(ours) == ["daypass"]
    assert names(ours | {"GITHUB_ACTIONS": "true"}) == ["daypass", "github"]
    assert names(ours | {"DAYPASS_URL": "https://idp.example.co"}) == ["daypass", "github"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gitlabs", "not a source"),
        ("", "not a source"),
        ("__init__", "not a source"),
        ("github:x", "nothing behind"),
        ("file", "nothing behind its colon"),
        ("file:", "nothing behind its colon"),
        ("gitlab:", "nothing behind its colon"),
        ("command:", "nothing behind its colon"),
        ("command:a 'b", "cannot be read"),
    ],
)
def test_a_source_that_there_is_not_is_wrong_usage(source: str, words: str) -> None:
    with pytest.raises(UsageInvalid, match=words):
        find([AWS], {"PATH": "/nowhere"}, source=source)


def test_claims_that_only_daypass_gives_are_not_asked_of_others() -> None:
    environ = MARKS["gitlab"] | {"X": token(project_path="a/b", pipeline_id="1")}
    with pytest.raises(UsageInvalid, match="GitLab CI gives it"):
        find([AWS], environ, more={"form": "previous"})
    assert find([AWS], environ, more={}) is not None


# What a person pastes, or does where no line helps. Google's is in test_services, Kubernetes' in test_files.
LINES = {
    "daypass": "export DAYPASS_TOKEN_FILE=/",
    "gitlab": "  id_tokens:\n    AWS_ID_TOKEN:\n      aud: sts.amazonaws.com",
    "github": "  permissions:\n    id-token: write",
    "circleci": "add `context: NAME` to the job",
    "buildkite": "mount-buildkite-agent: true",
    "azure-devops": "  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
    "bitbucket": "  oidc: true",
    "hcp-terraform": "TFC_WORKLOAD_IDENTITY_AUDIENCE=sts.amazonaws.com",
    "ona": "Run this in the environment itself, where the `ona` program is",
    "gitpod": "Run this in a terminal of the workspace, where /usr/bin/gp is",
}


@pytest.mark.parametrize("name", LINES)
def test_a_platform_that_is_here_and_broken_says_the_line_to_add(name: str, tmp_path: Path) -> None:
    assert LINES.keys() | {"google", "kubernetes"} == MARKS.keys()
    with pytest.raises((SettingInvalid, TokenSourceIncomplete)) as broken:
        find([AWS], {"PATH": str(tmp_path), **MARKS[name]}, insisted=False)
    assert LINES[name] in (broken.value.advice or "")
