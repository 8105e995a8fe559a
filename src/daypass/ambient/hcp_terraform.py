"""HCP Terraform and Terraform Enterprise: tokens in the run's environment, one for each audience variable.

Source: HashiCorp docs, "Workload identity" and "Manually generate workload identity tokens".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.ambient.wish import Given, incomplete
from daypass.secret import Secret

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish

VARIABLE: Final = "TFC_WORKLOAD_IDENTITY_TOKEN"
AUDIENCE: Final = "TFC_WORKLOAD_IDENTITY_AUDIENCE"


def find(wish: Wish) -> Given:
    """The run's token: of the tag behind the colon, else of the tag AWS, else the one without a tag.

    Raises:
        TokenSourceIncomplete: when the workspace has no such variable.
    """
    tags = ("_AWS", "") if wish.argument is None else (f"_{wish.argument}",)
    for tag in tags:
        if text := wish.environ.get(VARIABLE + tag):
            return Given(Secret(text), f"the variable {VARIABLE}{tag}")
    raise incomplete(
        f"this run of HCP Terraform has no {VARIABLE}{tags[-1]}",
        f"Add to the workspace an environment variable: {AUDIENCE}{tags[-1]}={wish.audience[0]}",
    )
