"""Untrusted contexts: jobs that run code of somebody whom the project did not let in, as the platforms' claims tell it.

Such a job may carry the subject of a trusted one. A connection lets it in only by the context's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.tokens.strict_json import JsonValue

    Recogniser = Callable[[Mapping[str, JsonValue]], str | None]

MERGE_REQUEST_FROM_FORK: Final = "merge_request_from_fork"
PULL_REQUEST: Final = "pull_request"
PULL_REQUEST_TARGET: Final = "pull_request_target"


def untrusted_contexts(preset: str | None, claims: Mapping[str, JsonValue]) -> frozenset[str]:
    """The untrusted contexts that a token of that platform is from; all platforms' when none is named."""
    chosen = [recognise for name, recognise in _RECOGNISERS if preset is None or name == preset]
    return frozenset(found for recognise in chosen if (found := recognise(claims)) is not None)


def _gitlab(claims: Mapping[str, JsonValue]) -> str | None:
    """In a fork's merge request `project_id` is the fork and `job_project_id` where the job runs.

    GitLab before 18.4 does not say where the job runs: there, any merge request may be a fork's.
    """
    source, project, runs_in = (claims.get(name) for name in ("pipeline_source", "project_id", "job_project_id"))
    if runs_in is None:
        return MERGE_REQUEST_FROM_FORK if source == "merge_request_event" else None
    return MERGE_REQUEST_FROM_FORK if runs_in != project else None


def _github(claims: Mapping[str, JsonValue]) -> str | None:
    """`pull_request_target` runs with the base's rights on a stranger's input; a pull request may be a fork's."""
    event = claims.get("event_name")
    return event if event in {PULL_REQUEST, PULL_REQUEST_TARGET} else None


_RECOGNISERS: Final[tuple[tuple[str, Recogniser], ...]] = (
    ("gitlab", _gitlab),
    ("gitlab-jwt-v1", _gitlab),
    ("gitlab-jwt-v2", _gitlab),
    ("github", _github),
)
