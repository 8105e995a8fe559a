"""Bitbucket Pipelines: one token in each step that asks for it.

Source: Atlassian support, "Integrate Pipelines with resource servers using OIDC".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.ambient.wish import Given, incomplete
from daypass.secret import Secret

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish

VARIABLE: Final = "BITBUCKET_STEP_OIDC_TOKEN"


def find(wish: Wish) -> Given:
    """The step's token. Its audiences are those of the workspace, or of the step's own list.

    Raises:
        TokenSourceIncomplete: when the step did not ask for one.
    """
    text = wish.environ.get(VARIABLE)
    if not text:
        raise incomplete(
            "this step of Bitbucket Pipelines has no ID token",
            "Add to the step in bitbucket-pipelines.yml:\n  oidc: true",
        )
    return Given(Secret(text), f"the variable {VARIABLE}")
