"""Untrusted contexts: jobs that run code of somebody whom the project did not let in, as the platforms' claims tell it.

Such a job may carry the subject of a trusted one. A connection lets it in only by the context's name.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from daypass.tokens.strict_json import JsonValue

    Recogniser = Callable[[Mapping[str, JsonValue]], frozenset[str]]

MERGE_REQUEST_FROM_FORK: Final = "merge_request_from_fork"
PULL_REQUEST: Final = "pull_request"
PULL_REQUEST_TARGET: Final = "pull_request_target"
PULL_REQUEST_FROM_FORK: Final = "pull_request_from_fork"
SSH_RERUN: Final = "ssh_rerun"


def untrusted_contexts(preset: str | None, claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """The untrusted contexts that a token of that platform is from; all platforms' when none is named."""
    return frozenset().union(*(recognise(claims) for recognise in _recognisers(preset)))


@cache
def _recognisers(preset: str | None) -> Sequence[Recogniser]:
    return [recognise for names, recognise in _RECOGNISERS if preset is None or preset in names]


def _gitlab(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """In a fork's merge request `project_id` is the fork and `job_project_id` where the job runs.

    GitLab before 18.4 does not say where the job runs: there, any merge request may be a fork's.
    """
    source, project, runs_in = (claims.get(name) for name in ("pipeline_source", "project_id", "job_project_id"))
    foreign = source == "merge_request_event" if runs_in is None else runs_in != project
    return _when(foreign, MERGE_REQUEST_FROM_FORK)


def _github(claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """`pull_request_target` runs with the base's rights on a stranger's input; a pull request may be a fork's."""
    event = claims.get("event_name")
    return frozenset({PULL_REQUEST, PULL_REQUEST_TARGET} & {event if isinstance(event, str) else ""})


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
    """A fork's branch is called `<owner>:<branch>`, which no branch of one's own can be: git refuses the colon."""
    return _when(":" in _text(claims, "build_branch"), PULL_REQUEST_FROM_FORK)


def _when(holds: bool, context: str) -> frozenset[str]:  # noqa: FBT001
    return frozenset({context}) if holds else frozenset()


def _text(claims: Mapping[str, JsonValue], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


_RECOGNISERS: Final[tuple[tuple[frozenset[str], Recogniser], ...]] = (
    (frozenset({"gitlab", "gitlab-jwt-v1", "gitlab-jwt-v2"}), _gitlab),
    (frozenset({"github"}), _github),
    (frozenset({"azure-devops"}), _azure_devops),
    (frozenset({"circleci"}), _circleci),
    (frozenset({"buildkite"}), _buildkite),
)
CONTEXTS: Final = (MERGE_REQUEST_FROM_FORK, PULL_REQUEST, PULL_REQUEST_FROM_FORK, PULL_REQUEST_TARGET, SSH_RERUN)
"""All names. Bitbucket, HCP Terraform, Jenkins, Kubernetes and SPIFFE put nothing into a token that tells."""
