"""Dates: ISO 8601 with or without time and zone, or seconds since 1970; read to the millisecond.

No zone is UTC, digits behind the third of a fraction do not count (observed on AWS, September 2026).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,15}")
_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?"
    r"(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?"
    r"(?:Z|([+-])([0-9]{2}):?([0-9]{2})?)?)?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(text: str) -> int | None:
    """Milliseconds since 1970 (UTC) that a text stands for, None when it is no date."""
    if _SECONDS.fullmatch(text):
        return int(text) * 1000
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups()
    try:
        local = datetime(
            int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    offset = int(zone_hours or 0) * 60 + int(zone_minutes or 0)
    milliseconds = (local - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "0")[:3].ljust(3, "0"))
    return milliseconds - (-offset if sign == "-" else offset) * 60_000
