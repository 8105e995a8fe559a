"""What must not be read by anybody: taken out of logs and of answers that repeat what a caller sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import MutableMapping

REDACTED: Final = "[redacted]"

# A JWT (whole, or cut short anywhere), our own secrets, and whatever follows an authorization scheme.
_SECRET: Final = re.compile(
    r"eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,2}"
    r"|dp[wa]_[A-Za-z0-9_-]+"
    r"|(?<=bearer )\s*[^\s\"',]+|(?<=basic )\s*[^\s\"',]+",
    re.IGNORECASE,
)
_SECRET_NAMES: Final = frozenset({"authorization", "secret", "token", "passphrase", "password", "cookie"})


def redact(text: str) -> str:
    """The text without tokens, secrets and credentials."""
    return _SECRET.sub(REDACTED, text)


def redact_value(value: object) -> object:
    """A copy of a value of a log event or of an error's facts, redacted at any depth."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("latin-1"))
    if isinstance(value, dict):
        return {
            redact(str(name)): REDACTED if str(name).lower() in _SECRET_NAMES else redact_value(item)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact_value(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else redact(str(value))


def redact_event(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """A structlog processor: the event, redacted. What structlog itself keeps under `_…` is not touched."""
    for name, value in event.items():
        if name.lower() in _SECRET_NAMES:
            event[name] = REDACTED
        elif not name.startswith("_") and name != "exc_info":
            event[name] = redact_value(value)
    return event
