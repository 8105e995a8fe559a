"""What AWS says of an AssumeRole that it refuses. Fields as in `daypass.sts.answers`."""

from __future__ import annotations

from typing import Final

from daypass.sts.answers import Answer, Text

_REPORTED: Final = "reported in public"
_OURS: Final = "ours: AWS's text is not known"

NOT_AUTHORIZED: Final = Text(
    Answer.ACCESS_DENIED, "User: {user} is not authorized to perform: {action} on resource: {role}", observed="2026-07"
)
ROOT: Final = Text(Answer.ACCESS_DENIED, "Roles may not be assumed by root accounts.", _REPORTED, None)
# Two blanks before "Please" are AWS's.
NO_MFA_DEVICE: Final = Text(
    Answer.ACCESS_DENIED,
    "MultiFactorAuthentication failed, unable to validate MFA code."
    "  Please verify your MFA serial number is valid and associated with this user.",
    _REPORTED,
    None,
)
MFA_INCOMPLETE: Final = Text(
    Answer.ACCESS_DENIED,
    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
    _REPORTED,
    None,
)
DURATION_OF_CHAIN: Final = Text(
    Answer.VALIDATION_ERROR,
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    observed="2026-07",
)
TRANSITIVE_KEY_UNKNOWN: Final = Text(
    Answer.INVALID_PARAMETER_VALUE,
    "The specified transitive tag key must be included in the requested tags.",
    observed="2025-04",
)
TAG_KEYS_TWICE: Final = Text(
    Answer.INVALID_PARAMETER_VALUE,
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    observed="2025-04",
)
TAG_OF_CALLER: Final = Text(
    Answer.INVALID_PARAMETER_VALUE,
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the"
    " calling session.",
    observed="2025-04",
)
TAG_RESERVED: Final = Text(
    Answer.INVALID_PARAMETER_VALUE, "The tag key {key} starts with aws:, which is reserved.", _OURS, None
)
SOURCE_IDENTITY_SET: Final = Text(
    Answer.VALIDATION_ERROR,
    "The source identity is already set for this assume role session",
    observed="2026-07",
)
