"""Sessions for tests of holding them."""

from __future__ import annotations

from daypass.aws.holding import age
from daypass.aws.holding.cache import Held
from daypass.secret import Secret

ROLE = "arn:aws:iam::111122223333:role/ci/deploy"


class Clocks:
    """Clocks that a test moves: time goes by for all of them, and the wall clock alone can be set."""

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.wall = wall
        self.boot = 5000.0
        self.boot_id = "boot-1"

    def __call__(self) -> age.Reading:
        return age.Reading(self.wall, self.boot, self.boot_id)

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.wall += seconds
        self.boot += seconds

    def set(self, seconds: float) -> None:
        """Set the wall clock by so much."""
        self.wall += seconds


def held(
    clocks: Clocks,
    *,
    lifetime_seconds: float = 3600,
    number: int = 1,
    expires_at: float | None = None,
    random: float = 0,
) -> Held:
    """A session that begins now."""
    end = clocks.wall + lifetime_seconds if expires_at is None else expires_at
    return Held(
        access_key_id=f"ASIAEXAMPLEEXAMPL{number:03}",
        secret_access_key=Secret(f"secret-access-key-{number}"),
        session_token=Secret(f"session-token-{number}"),
        expires_at=int(end),
        role_arn=ROLE,
        session_arn="arn:aws:sts::111122223333:assumed-role/deploy/job",
        account="111122223333",
        life=age.span(clocks(), lifetime_seconds, random),
    )
