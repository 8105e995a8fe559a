"""AssumeRoleWithWebIdentity's parameters, read and held to their limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.names import RoleArn
    from daypass.secret import Secret
    from daypass.sts.refusal import Refusal


@dataclass(frozen=True, slots=True)
class WebIdentityRequest:
    """Parameters in good form. `duration_seconds` is 3600 when none was given."""

    role_arn: RoleArn
    session_name: str
    token: Secret
    duration_seconds: int
    provider_id: str | None = None


def read_request(parameters: Mapping[str, str]) -> WebIdentityRequest | Refusal:
    """Read the parameters of the query protocol (`RoleArn`, `RoleSessionName`, …)."""
    raise NotImplementedError
