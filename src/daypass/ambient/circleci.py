"""CircleCI: a token for the organization in every job, and a program for tokens for others.

Source: CircleCI docs, "Using OpenID Connect tokens in jobs" and "OIDC tokens with custom claims".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from daypass.ambient.running import run
from daypass.ambient.wish import Given, incomplete, one_audience
from daypass.secret import Secret

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish

_VARIABLES: Final = ("CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN")
_FORKS: Final = (
    "Builds of forks get none unless the project has `Pass secrets to builds from forked pull requests` on; on older"
    " servers only jobs with a context do: add `context: NAME` to the job in the workflow."
)


def find(wish: Wish) -> Given:
    """The job's token, whose audience is the organization's id; for an audience by name, a token made for it.

    Raises:
        TokenSourceIncomplete, TokenSourceFailed: also as `running.run` does.
    """
    if not wish.insisted:
        for variable in _VARIABLES:
            if text := wish.environ.get(variable):
                return Given(Secret(text), f"the variable {variable}")
        raise incomplete("this CircleCI job has no ID token: CIRCLE_OIDC_TOKEN_V2 is not set", _FORKS)
    audience = one_audience(wish, "CircleCI")
    token = run(
        ["circleci", "run", "oidc", "get", "--claims", json.dumps({"aud": audience})],
        environ=wish.environ,
        missing="The job's own token is for the organization's id: leave --audience out and let the IAM provider have"
        " that id as its audience.",
        denied=_FORKS,
    )
    return Given(token, "circleci run oidc get")
