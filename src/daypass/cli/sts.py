"""STS, as the commands ask it: where the environment says, with the clocks of this machine."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daypass.aws.endpoint import ca_bundle
from daypass.aws.persist import Waiting
from daypass.aws.sts_client import StsClient

if TYPE_CHECKING:
    from collections.abc import Mapping


def client(endpoint: str, environ: Mapping[str, str]) -> StsClient:
    """STS at an endpoint.

    Raises:
        SettingInvalid: when it is none that may be called.
    """
    bundle, setting = ca_bundle(environ)
    return StsClient(endpoint, environ=environ, waiting=waiting(), clock=utc_now, ca_bundle=bundle, ca_setting=setting)


def waiting() -> Waiting:
    """How a retry waits here."""
    return Waiting(time.monotonic, time.sleep, fraction)


def utc_now() -> datetime:
    """The time, by this machine's clock."""
    return datetime.now(UTC)


def fraction() -> float:
    """A random number from 0 to 1. The module `random` takes a millisecond to load, and seeds itself from the same."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)
