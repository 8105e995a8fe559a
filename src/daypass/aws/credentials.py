"""AWS session credentials as a value."""

from __future__ import annotations

from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from daypass.secret import Secret


class Credentials(NamedTuple):
    """What STS gives for one session. `expires_at` is UTC."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expires_at: datetime


class Session(NamedTuple):
    """A role session: its credentials, and who one is with them (`arn`, an assumed-role ARN).

    `issued_at` is when STS answered, by its own clock (the answer's `Date`); None when it did not say.
    """

    credentials: Credentials
    arn: str
    account: str
    issued_at: datetime | None = None
