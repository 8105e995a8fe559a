"""A login whose session is kept as keys in a profile: what is wanted, and where the session goes."""

from __future__ import annotations

from daypass.aws.credentials_file import parse_profile, write_credentials, write_region
from daypass.light_typing import NamedTuple
from daypass.names import RoleArn, parse_duration_seconds, parse_session_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from daypass.aws.credentials import Session
    from daypass.aws.credentials_file import Locations


class LoginRequest(NamedTuple):
    """A checked wish to log in. `session_name` None: one is made from the token's subject and the time.

    `region` is written to the config file when it is not None.
    """

    role: RoleArn
    duration_seconds: int
    profile: str
    session_name: str | None
    region: str | None

    @classmethod
    def parse(
        cls, *, role: str, duration_seconds: str | int, profile: str, session_name: str | None, region: str | None
    ) -> Self:
        """Check everything that can be checked before anybody is asked.

        Raises:
            ArnInvalid, DurationInvalid, ProfileNameInvalid, SessionNameInvalid: which of them is wrong.
        """
        return cls(
            role=RoleArn.parse(role),
            duration_seconds=parse_duration_seconds(duration_seconds),
            profile=parse_profile(profile),
            session_name=None if session_name is None else parse_session_name(session_name),
            region=region,
        )


def keep(session: Session, *, profile: str, region: str | None, locations: Locations) -> None:
    """Write a session to a profile, and the region, if any.

    Raises:
        FileUnsafe, FileUnavailable: see `write_credentials`.
    """
    write_credentials(session.credentials, profile=profile, locations=locations)
    if region is not None:
        write_region(region, profile=profile, locations=locations)
