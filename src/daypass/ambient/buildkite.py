"""Buildkite: `buildkite-agent oidc request-token`. Source: Buildkite docs, "buildkite-agent oidc"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.ambient.running import run
from daypass.ambient.wish import Given, one_audience

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish


def find(wish: Wish) -> Given:
    """A new token for the audience, good for 5 minutes. Raises what `running.run` raises."""
    audience = one_audience(wish, "Buildkite")
    token = run(
        ["buildkite-agent", "oidc", "request-token", "--audience", audience],
        environ=wish.environ,
        missing="In a container of the docker plugin add: mount-buildkite-agent: true",
        denied="The agent must be of version 3.51 or later, and the job still be running; BUILDKITE_AGENT_ACCESS_TOKEN"
        " and BUILDKITE_JOB_ID must be in the step's environment: in a container add propagate-environment: true",
    )
    return Given(token, "buildkite-agent oidc request-token")
