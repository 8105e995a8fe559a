"""A login that AWS refused, told to a person: AWS's sentence, the claims that matter, and why or what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli import output

if TYPE_CHECKING:
    from daypass.aws.login import Assumed
    from daypass.errors import AwsRefused
    from daypass.names import RoleArn


def refused(refused: AwsRefused, *, role: RoleArn, policy: str | None, as_json: bool) -> int:
    """Print it; the exit status."""
    output.error(refused)
    return 1


def allowed(assumed: Assumed, *, role: RoleArn, policy: str | None) -> None:
    """Print why a login succeeded."""
