"""What a failed request to STS is good for: to be made again, to be waited for, or to be taken for an answer.

As data, by AWS's codes and texts. Sources: AWS STS API reference, AssumeRoleWithWebIdentity and Common Errors;
botocore's model, which marks what may be retried; texts as observed on AWS, September 2026.
"""

from __future__ import annotations

from daypass.calling.persist import Fate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from daypass.errors import AwsRefused


_BY_CODE: Final[Mapping[str, Fate]] = {
    "IDPCommunicationError": Fate.TRANSIENT,
    "Throttling": Fate.TRANSIENT,
    "ThrottlingException": Fate.TRANSIENT,
    "ThrottledException": Fate.TRANSIENT,
    "RequestThrottled": Fate.TRANSIENT,
    "RequestThrottledException": Fate.TRANSIENT,
    "TooManyRequestsException": Fate.TRANSIENT,
    "RequestLimitExceeded": Fate.TRANSIENT,
    "SlowDown": Fate.TRANSIENT,
    "PriorRequestNotComplete": Fate.TRANSIENT,
    "RequestTimeout": Fate.TRANSIENT,
    "RequestTimeoutException": Fate.TRANSIENT,
    "InternalFailure": Fate.TRANSIENT,
    "ServiceUnavailable": Fate.TRANSIENT,
    "AccessDenied": Fate.PROPAGATION,
}
# By code and the beginning of the message; these come before the code alone.
_BY_TEXT: Final = (
    # Two spaces after the comma, as AWS writes it.
    (
        "InvalidIdentityToken",
        "Couldn't retrieve verification key from your identity provider,  please reference",
        Fate.TRANSIENT,
    ),
    ("InvalidIdentityToken", "No OpenIDConnect provider found in your account for ", Fate.PROPAGATION),
    # `sub: null` gives this each time, with status 500.
    ("InternalFailure", "Unknown error validating third-party token", Fate.FINAL),
)
_DURATION_TEXT: Final = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role"


def of_answer(code: str, message: str, http_status: int) -> Fate:
    """The fate of a refusal with AWS's code and message."""
    for known, text, fate in _BY_TEXT:
        if code == known and message.startswith(text):
            return fate
    if http_status >= 500 or http_status == 429:
        return Fate.TRANSIENT
    return _BY_CODE.get(code, Fate.FINAL)


def is_too_long(refused: AwsRefused) -> bool:
    """Whether the role's maximum session duration is shorter than what was asked for."""
    return refused.facts.get("aws_code") == "ValidationError" and _DURATION_TEXT in refused.message
