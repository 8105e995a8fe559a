"""The clocks and the randomness that the commands hand to what takes them as arguments."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from daypass.calling.persist import Waiting


def waiting() -> Waiting:
    """How a retry waits here."""
    return Waiting(time.monotonic, time.sleep, fraction)


def utc_now() -> datetime:
    """The time, by this machine's clock."""
    return datetime.now(UTC)


def fraction() -> float:
    """A random number from 0 to 1. The module `random` takes a millisecond to load, and seeds itself from the same."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)
