"""Untrusted contexts: jobs that run code of somebody whom the project did not let in, as the platforms' claims tell it.

Such a job may carry the subject of a trusted one. A connection lets it in only by the context's name. How sure it is
that a platform tells is in `RECOGNISERS`, as it is for token formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from daypass.subjects.formats import Certainty, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from daypass.tokens.strict_json import JsonValue

MERGE_REQUEST_FROM_FORK: Final = "merge_request_from_fork"
PULL_REQUEST: Final = "pull_request"
PULL_REQUEST_TARGET: Final = "pull_request_target"
PULL_REQUEST_FROM_FORK: Final = "pull_request_from_fork"
SSH_RERUN: Final = "ssh_rerun"
WORKFLOW_RUN: Final = "workflow_run"


@dataclass(frozen=True, slots=True)
class Recogniser:
    """How the untrusted contexts of one platform are told.

    Attributes:
        presets: the presets of that platform.
        contexts: those that its tokens tell of.
        recognise: which of them a token's claims tell of.
        standing: where the facts stand.
    """

    presets: frozenset[str]
    contexts: frozenset[str]
    recognise: Callable[[Mapping[str, JsonValue]], frozenset[str]]
    standing: Standing


def untrusted_contexts(preset: str | None, claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """The untrusted contexts that a token of that platform is from; all platforms' when none is named."""
    return frozenset().union(*(each.recognise(claims) for each in _recognisers(preset)))


@cache
def _recognisers(preset: str | None) -> Sequence[Recogniser]:
    return [each for each in RECOGNISERS if preset is None or preset in each.presets]


def _gitlab(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """In a fork's merge request `project_id` is the fork and `job_project_id` where the job runs.

    GitLab before 18.4 does not say where the job runs: there, any merge request may be a fork's.
    """
    source, project, runs_in = (claims.get(name) for name in ("pipeline_source", "project_id", "job_project_id"))
    foreign = source == "merge_request_event" if runs_in is None else runs_in != project
    return _when(foreign, MERGE_REQUEST_FROM_FORK)


def _github(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """A pull request may be a fork's; the two others run with the base's rights on what a stranger may have made."""
    return _GITHUB_EVENTS & {_text(claims, "event_name")}


def _azure_devops(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """A build of a pull request builds `refs/pull/<number>/merge`, of forks too when the pipeline lets them."""
    return _when(_text(claims, "rpo_ref").startswith("refs/pull/"), PULL_REQUEST)


def _circleci(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """A fork's pull request is built as the branch `pull/<number>`; in a rerun with SSH a person types what runs."""
    reference = _text(claims, "oidc.circleci.com/vcs-ref")
    foreign = reference.startswith(("refs/heads/pull/", "refs/pull/"))
    rerun = claims.get("oidc.circleci.com/ssh-rerun") is True
    return _when(foreign, PULL_REQUEST_FROM_FORK) | _when(rerun, SSH_RERUN)


def _buildkite(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """With the pipeline's setting, a fork's branch is `<owner>:<branch>`, as no branch of one's own: git refuses it."""
    return _when(":" in _text(claims, "build_branch"), PULL_REQUEST_FROM_FORK)


def _when(holds: bool, context: str) -> frozenset[str]:  # noqa: FBT001
    return frozenset({context}) if holds else frozenset()


def _text(claims: Mapping[str, JsonValue], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


_GITHUB_EVENTS: Final = frozenset({PULL_REQUEST, PULL_REQUEST_TARGET, WORKFLOW_RUN})
RECOGNISERS: Final = (
    Recogniser(
        frozenset({"gitlab", "gitlab-jwt-v1", "gitlab-jwt-v2"}),
        frozenset({MERGE_REQUEST_FROM_FORK}),
        _gitlab,
        Standing("GitLab, ID token authentication, payload: `job_project_id` since 18.4", Certainty.DOCUMENTED),
    ),
    Recogniser(
        frozenset({"github"}),
        _GITHUB_EVENTS,
        _github,
        Standing("GitHub, OpenID Connect reference: `event_name`; events that trigger workflows", Certainty.DOCUMENTED),
    ),
    Recogniser(
        frozenset({"azure-devops"}),
        frozenset({PULL_REQUEST}),
        _azure_devops,
        Standing(
            "Azure Pipelines, predefined variables: Build.SourceBranch is `refs/pull/1/merge`",
            Certainty.PARTLY,
            ("That `rpo_ref` holds what Build.SourceBranch does is inferred.",),
        ),
    ),
    Recogniser(
        frozenset({"circleci"}),
        frozenset({PULL_REQUEST_FROM_FORK, SSH_RERUN}),
        _circleci,
        Standing(
            "CircleCI, OpenID Connect tokens: `ssh-rerun`, and no tokens for forks unless secrets are passed to them",
            Certainty.PARTLY,
            ("That `vcs-ref` holds `pull/<number>` for a fork is inferred from the name its branches have.",),
        ),
    ),
    Recogniser(
        frozenset({"buildkite"}),
        frozenset({PULL_REQUEST_FROM_FORK}),
        _buildkite,
        Standing(
            "Buildkite, pipeline settings: prefix the branch names of third-party forks",
            Certainty.PARTLY,
            ("Only with that setting does a fork's branch have a colon; without it the token does not tell.",),
        ),
    ),
)
CONTEXTS: Final = tuple(sorted(frozenset().union(*(each.contexts for each in RECOGNISERS))))
"""All names. Bitbucket, HCP Terraform, Jenkins, Kubernetes and SPIFFE put nothing into a token that tells."""
