"""AWS's answers: codes, statuses and texts, as data.

Texts are AWS's own, byte for byte, two spaces and all. `observed` is the month in which AWS was seen to say so, None
where the text is only reported or is ours; `source` tells which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

_OBSERVED: Final = "2026-09"
_SEEN: Final = "observed on AWS"
_REPORTED: Final = "reported in public"
_OURS: Final = "ours: AWS's text is not known"


class Answer(Enum):
    """A code on the wire and its HTTP status (AWS STS API reference, AssumeRoleWithWebIdentity, Errors)."""

    ACCESS_DENIED = ("AccessDenied", 403)
    EXPIRED_TOKEN = ("ExpiredTokenException", 400)
    IDP_COMMUNICATION_ERROR = ("IDPCommunicationError", 400)
    IDP_REJECTED_CLAIM = ("IDPRejectedClaim", 403)
    INTERNAL_FAILURE = ("InternalFailure", 500)
    INVALID_IDENTITY_TOKEN = ("InvalidIdentityToken", 400)
    INVALID_PARAMETER_VALUE = ("InvalidParameterValue", 400)
    JWT_PAYLOAD_TOO_LARGE = ("JWTPayloadSizeExceededException", 400)
    MALFORMED_INPUT = ("MalformedInput", 400)
    MALFORMED_POLICY_DOCUMENT = ("MalformedPolicyDocument", 400)
    OUTBOUND_DISABLED = ("OutboundWebIdentityFederationDisabledException", 403)
    PACKED_POLICY_TOO_LARGE = ("PackedPolicyTooLarge", 400)
    REGION_DISABLED = ("RegionDisabledException", 403)
    SESSION_DURATION_ESCALATION = ("SessionDurationEscalationException", 403)
    VALIDATION_ERROR = ("ValidationError", 400)

    def __init__(self, code: str, http_status: int) -> None:
        self.code = code
        self.http_status = http_status


@dataclass(frozen=True, slots=True)
class Text:
    """What AWS says with an answer. `template` has `{named}` fields."""

    answer: Answer
    template: str
    source: str = _SEEN
    observed: str | None = _OBSERVED


NOT_AUTHORIZED: Final = Text(Answer.ACCESS_DENIED, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
PROVIDER_ID_UNKNOWN: Final = Text(
    Answer.ACCESS_DENIED,
    "Unrecognized OAuth provider. Do not include a provider parameter when submitting OpenIDConnect ID tokens",
)

NOT_A_JWT: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
)
CLAIM_MISSING: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "Missing a required claim: {claim}")
CLAIM_EMPTY: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "Claim is not allowed to be empty: {claim}")
SEVERAL_AUDIENCES: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "Token audience contains more than one audience while authorized party is not present",
)
TIMESTAMP_INVALID: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "Invalid timestamp in token claims.")
ISSUED_IN_FUTURE: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "Token issued in the future: {iat}")
NOT_YET_VALID: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "Token not yet valid: current date/time {now} must be after or equal to the not-before date/time {nbf}",
)
EXPIRED: Final = Text(
    Answer.EXPIRED_TOKEN,
    "Token expired: current date/time {now} must be before the expiration date/time {exp}",
)
EXPIRED_UNSPACED: Final = Text(
    Answer.EXPIRED_TOKEN,
    "Token expired: current date/time{now} must be before the expiration date/time{exp}",
    _REPORTED,
    None,
)
TOO_OLD: Final = Text(Answer.EXPIRED_TOKEN, "Token too old: {seconds}", _REPORTED, None)
NO_PROVIDER: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN, "No OpenIDConnect provider found in your account for {issuer}", _REPORTED, None
)
NO_VERIFICATION_KEY: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "Couldn't retrieve verification key from your identity provider,"
    "  please reference AssumeRoleWithWebIdentity documentation for requirements",
)
THUMBPRINT_DIFFERS: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
    _REPORTED,
    None,
)
NOT_VALIDATED: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "The web identity token provided could not be validated."
    " See the AssumeRoleWithWebIdentity documentation for requirements.",
)
AUDIENCE_INCORRECT: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "Incorrect token audience", _REPORTED, None)
SUBJECT_NULL: Final = Text(Answer.INTERNAL_FAILURE, "Unknown error validating third-party token")
TAGS_MALFORMED: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "principal_tags passed in claim is not in correct format.")
ROLE_NOT_LISTED: Final = Text(
    Answer.INVALID_IDENTITY_TOKEN,
    "The target role ARN is not present in the roles claim of the identity token",
)
ROLES_NONE_VALID: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "The roles claim contains no valid role ARNs")
ROLES_MALFORMED: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "The roles claim is not in a supported format")
NOT_AN_AMAZON_TOKEN: Final = Text(Answer.INVALID_IDENTITY_TOKEN, "Provided Token is not a Login With Amazon token")

# AWS relays the words of the provider here; that it refuses with this code was observed.
FACEBOOK_REFUSES: Final = Text(Answer.IDP_REJECTED_CLAIM, "Invalid OAuth access token.", _OURS, None)
OAUTH_NOT_ASKED: Final = Text(
    Answer.IDP_COMMUNICATION_ERROR, "This local AWS does not ask {provider} about access tokens.", _OURS, None
)

_DESCRIBED: Final = "AWS STS API Reference, AssumeRoleWithWebIdentity, Errors"
IDP_OUT_OF_REACH: Final = Text(
    Answer.IDP_COMMUNICATION_ERROR,
    "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the incoming"
    " identity token could not be reached.",
    _DESCRIBED,
    None,
)
REGION_DISABLED: Final = Text(
    Answer.REGION_DISABLED,
    "STS is not activated in this region for account:{account}. Your account administrator can activate STS in this"
    " region using the IAM Console.",
    _REPORTED,
    None,
)

PARAMETERS_INVALID: Final = Text(Answer.VALIDATION_ERROR, "{errors}", _REPORTED, None)
ROLE_ARN_INVALID: Final = Text(Answer.VALIDATION_ERROR, "{arn} is invalid", _REPORTED, None)
NUMBER_INVALID: Final = Text(Answer.MALFORMED_INPUT, "{name} is not an integer", _OURS, None)
DURATION_OVER_MAXIMUM: Final = Text(
    Answer.VALIDATION_ERROR,
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    _REPORTED,
    None,
)
POLICY_MALFORMED: Final = Text(Answer.MALFORMED_POLICY_DOCUMENT, "{message}", _REPORTED, None)
POLICY_ARN_UNKNOWN: Final = Text(
    Answer.MALFORMED_POLICY_DOCUMENT, "Policy {arn} does not exist or is not attachable.", _OURS, None
)
POLICIES_TOO_LONG: Final = Text(
    Answer.VALIDATION_ERROR,
    "The session policy and the ARNs of managed session policies have {characters} characters together, more than"
    " {most}.",
    _OURS,
    None,
)
PACKED_SIZE: Final = Text(
    Answer.PACKED_POLICY_TOO_LARGE,
    "Packed size of session tags consumes {percent}% of allotted space.",
    _REPORTED,
    None,
)
PACKED_POLICY: Final = Text(
    Answer.PACKED_POLICY_TOO_LARGE,
    "Packed policy consumes {percent}% of allotted space, please use smaller policy.",
    _REPORTED,
    None,
)
