"""How long each part of a signing key's life takes, and the least that is safe.

A key is published, and signs only when every cache of the key set can have it; after its last signature it stays until
no token of it can be alive. All times below are seconds, or `timedelta`s where they meet a `datetime`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

KEY_SET_MAX_AGE_SECONDS: Final = 300
"""How long a cache may keep the key set, unless the settings say otherwise: the `max-age` it is served with."""
MAX_TOKEN_LIFETIME_SECONDS: Final = 3600
"""The longest that any token lives, whatever the settings say."""
REFRESH_SECONDS: Final = 20
"""How often every process that serves the issuer reads the keys again."""
STALE_SECONDS: Final = 60
"""A process that has not read the keys for this long does not sign: others may have taken its key out of use."""
LOOK_SECONDS: Final = 300
"""How long a look outside counts. The key ring looks every minute while a key waits."""
CLOCKS_SECONDS: Final = 60
"""How far the clocks of two processes, or of us and a relying party, may be apart."""
DECISION_SECONDS: Final = 30
"""A change of keys that is not being committed this long after it was decided is not made."""
_PROPAGATION_SECONDS: Final = STALE_SECONDS + CLOCKS_SECONDS
_RELYING_PARTIES: Final = timedelta(hours=6)
"""For relying parties that keep key sets longer than they are told (how long AWS STS does is not documented)."""


def least_publish_seconds(key_set_max_age_seconds: int) -> int:
    """How long a key must be published before it signs: until no cache and no process has the key set of before."""
    return key_set_max_age_seconds + _PROPAGATION_SECONDS


def least_keep_seconds(key_set_max_age_seconds: int) -> int:
    """How long a key must stay published after its last signature: its longest token, clocks, caches, processes."""
    return MAX_TOKEN_LIFETIME_SECONDS + CLOCKS_SECONDS + key_set_max_age_seconds + _PROPAGATION_SECONDS


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """The times of one installation.

    Attributes:
        rotation: how long a key signs before the next one does; None for no rotation by schedule.
        publish_before: how long a key that takes its turn by schedule is published before.
        keep_after: how long a key stays published after its last signature.
        key_set_max_age_seconds: how long caches may keep the key set.

    Raises:
        ValueError: for times that would break a live token or a cached key set. `daypass.config` tells it better.
    """

    rotation: timedelta | None = timedelta(days=30)
    publish_before: timedelta = timedelta(days=1)
    keep_after: timedelta = timedelta(seconds=least_keep_seconds(KEY_SET_MAX_AGE_SECONDS)) + _RELYING_PARTIES
    key_set_max_age_seconds: int = KEY_SET_MAX_AGE_SECONDS

    def __post_init__(self) -> None:
        if self.publish_before < self.least_publish:
            raise ValueError(f"publish_before is at least {self.least_publish.total_seconds():.0f} seconds")
        if self.keep_after < self.least_keep:
            raise ValueError(f"keep_after is at least {self.least_keep.total_seconds():.0f} seconds")
        if self.rotation is not None and self.rotation < self.publish_before:
            raise ValueError("rotation is at least publish_before")

    @property
    def least_publish(self) -> timedelta:
        """See `least_publish_seconds`."""
        return timedelta(seconds=least_publish_seconds(self.key_set_max_age_seconds))

    @property
    def least_keep(self) -> timedelta:
        """See `least_keep_seconds`."""
        return timedelta(seconds=least_keep_seconds(self.key_set_max_age_seconds))
