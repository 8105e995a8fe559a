"""AWS's answers: codes, statuses and texts, as data."""

from __future__ import annotations

from enum import Enum


class Answer(Enum):
    """A code on the wire and its HTTP status."""

    ACCESS_DENIED = ("AccessDenied", 403)
    EXPIRED_TOKEN = ("ExpiredTokenException", 400)
    IDP_COMMUNICATION_ERROR = ("IDPCommunicationError", 400)
    IDP_REJECTED_CLAIM = ("IDPRejectedClaim", 403)
    INTERNAL_FAILURE = ("InternalFailure", 500)
    INVALID_IDENTITY_TOKEN = ("InvalidIdentityToken", 400)
    MALFORMED_INPUT = ("MalformedInput", 400)
    MISSING_PARAMETER = ("MissingParameter", 400)
    PACKED_POLICY_TOO_LARGE = ("PackedPolicyTooLarge", 400)
    VALIDATION_ERROR = ("ValidationError", 400)

    def __init__(self, code: str, http_status: int) -> None:
        self.code = code
        self.http_status = http_status
