"""What is said when the answer is no, in the protocol of the service that was asked.

A fault has one meaning and, per protocol, AWS's code, status and text for it. STS and IAM: "Common Errors" of their API
references; Secrets Manager: "Common Errors" of its API reference, whose JSON codes end in `Exception`; S3: "Error
Responses" of its API reference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from typing import TYPE_CHECKING, Final

from daypass.localaws.wire import Reply
from daypass.localaws.xml import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.permissions.decision import Authorization
    from daypass.sts.refusal import Refusal

XML: Final = "text/xml"


_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
_MISMATCH_S3: Final = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)


class Protocol(StrEnum):
    """How a service is spoken to."""

    QUERY = "query"
    JSON = "json"
    S3 = "rest-xml of S3"
    JSON_1_0 = "json 1.0"
    JSON_WITH_QUERY_CODES = "json that once was query"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"
    EC2 = "ec2"
    CBOR = "smithy-rpc-v2-cbor"


@dataclass(frozen=True, slots=True)
class AwsError:
    """A code on the wire, its HTTP status and its text.

    `detail`, `refusal` (of a login) and `authorization` (of a session's request) are what AWS would not say: for the
    local log and the explanation, never for the answer.
    """

    code: str
    http_status: int
    message: str
    detail: str = ""
    refusal: Refusal | None = None
    authorization: Authorization | None = None


@unique
class Fault(Enum):
    """Faults that are the same for every service; each value is query, JSON, S3, as (code, status, text)."""

    NOT_SIGNED = (
        ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
        ("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        ("AccessDenied", 403, "Access Denied"),
    )
    SIGNATURE_INCOMPLETE = (
        ("IncompleteSignature", 400, "{detail}"),
        ("IncompleteSignatureException", 400, "{detail}"),
        ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    )
    MECHANISM_UNSUPPORTED = (
        ("IncompleteSignature", 400, "{detail}"),
        ("IncompleteSignatureException", 400, "{detail}"),
        (
            "InvalidRequest",
            400,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ),
    )
    SIGNATURE_WRONG = (
        ("SignatureDoesNotMatch", 403, _MISMATCH),
        ("InvalidSignatureException", 400, _MISMATCH),
        ("SignatureDoesNotMatch", 403, _MISMATCH_S3),
    )
    SCOPE_WRONG = (
        ("SignatureDoesNotMatch", 403, "{detail}"),
        ("InvalidSignatureException", 400, "{detail}"),
        ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    )
    HEADERS_NOT_SIGNED = (
        ("SignatureDoesNotMatch", 403, "{detail}"),
        ("InvalidSignatureException", 400, "{detail}"),
        ("AccessDenied", 403, "There were headers present in the request which were not signed"),
    )
    TIME_WRONG = (
        ("SignatureDoesNotMatch", 403, "{detail}"),
        ("InvalidSignatureException", 400, "{detail}"),
        ("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."),
    )
    PRESIGNED_EXPIRED = (
        ("SignatureDoesNotMatch", 403, "{detail}"),
        ("InvalidSignatureException", 400, "{detail}"),
        ("AccessDenied", 403, "Request has expired"),
    )
    PRESIGNED_TOO_LONG = (
        ("IncompleteSignature", 400, "{detail}"),
        ("IncompleteSignatureException", 400, "{detail}"),
        ("AuthorizationQueryParametersError", 400, "{detail}"),
    )
    KEY_UNKNOWN = (
        ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
        ("UnrecognizedClientException", 400, "The security token included in the request is invalid."),
        ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    )
    TOKEN_WRONG = (
        ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
        ("UnrecognizedClientException", 400, "The security token included in the request is invalid."),
        ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    )
    SESSION_EXPIRED = (
        ("ExpiredToken", 403, "The security token included in the request is expired"),
        ("ExpiredTokenException", 400, "The security token included in the request is expired"),
        ("ExpiredToken", 400, "The provided token has expired."),
    )
    CONTENT_HASH_WRONG = (
        ("SignatureDoesNotMatch", 403, "{detail}"),
        ("InvalidSignatureException", 400, "{detail}"),
        (
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    )
    TOO_LARGE = (
        ("RequestEntityTooLarge", 413, "{detail}"),
        ("RequestEntityTooLargeException", 413, "{detail}"),
        ("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"),
    )
    NOT_IMPLEMENTED = (
        ("NotImplemented", 501, "{detail}"),
        ("NotImplementedException", 501, "{detail}"),
        ("NotImplemented", 501, "{detail}"),
    )
    FORBIDDEN_CALLER = (
        ("AccessDenied", 403, "{detail}"),
        ("AccessDeniedException", 403, "{detail}"),
        ("AccessDenied", 403, "{detail}"),
    )
    ACCESS_DENIED = (
        ("AccessDenied", 403, "{detail}"),
        ("AccessDeniedException", 400, "{detail}"),
        ("AccessDenied", 403, "{detail}"),
    )
    THROTTLED = (
        ("Throttling", 400, "Rate exceeded"),
        ("ThrottlingException", 400, "Rate exceeded"),
        ("SlowDown", 503, "Please reduce your request rate."),
    )
    UNAVAILABLE = (
        ("ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server."),
        ("ServiceUnavailableException", 503, "The request has failed due to a temporary failure of the server."),
        ("ServiceUnavailable", 503, "Service is unable to handle request."),
    )
    PARAMETER_MISSING = (
        ("MissingParameter", 400, "A required parameter for the specified action is not supplied."),
        ("MissingParameter", 400, "A required parameter for the specified action is not supplied."),
        ("InvalidRequest", 400, "A required parameter for the specified action is not supplied."),
    )
    INTERNAL = (
        ("InternalFailure", 500, "The request processing has failed because of an unknown error."),
        ("InternalFailure", 500, "The request processing has failed because of an unknown error."),
        ("InternalError", 500, "We encountered an internal error. Please try again."),
    )

    def error(
        self, protocol: Protocol, detail: str = "", *, why: str = "", authorization: Authorization | None = None
    ) -> AwsError:
        """The fault as `protocol` says it.

        Args:
            protocol: of the service that was asked.
            detail: fills the texts that have a place for one.
            why: what AWS would not say.
            authorization: the decision behind it.
        """
        code, status, text = _told(self, protocol)
        return AwsError(code, status, text.replace("{detail}", detail), detail=why, authorization=authorization)


# Which of a fault's three texts a protocol has.
_LIKE: Final = {
    Protocol.QUERY: 0,
    Protocol.JSON: 1,
    Protocol.S3: 2,
    Protocol.JSON_1_0: 1,
    Protocol.JSON_WITH_QUERY_CODES: 0,
    Protocol.REST_JSON: 1,
    Protocol.REST_XML: 0,
    Protocol.EC2: 0,
    Protocol.CBOR: 1,
}
_NOT_VALIDATED: Final = ("AuthFailure", 401, "AWS was not able to validate the provided access credentials")
_EXPIRED: Final = ("RequestExpired", 400, "Request has expired.")
# EC2 has codes of its own ("Error codes for the Amazon EC2 API"). AWS adds a message that only AWS can decode.
_OF_EC2: Final = {
    Fault.NOT_SIGNED: _NOT_VALIDATED,
    Fault.SIGNATURE_WRONG: _NOT_VALIDATED,
    Fault.SCOPE_WRONG: _NOT_VALIDATED,
    Fault.HEADERS_NOT_SIGNED: _NOT_VALIDATED,
    Fault.KEY_UNKNOWN: _NOT_VALIDATED,
    Fault.TOKEN_WRONG: _NOT_VALIDATED,
    Fault.CONTENT_HASH_WRONG: _NOT_VALIDATED,
    Fault.TIME_WRONG: _EXPIRED,
    Fault.PRESIGNED_EXPIRED: _EXPIRED,
    Fault.SESSION_EXPIRED: _EXPIRED,
    Fault.ACCESS_DENIED: (
        *("UnauthorizedOperation", 403),
        "You are not authorized to perform this operation. {detail}",
    ),
}


def _told(fault: Fault, protocol: Protocol) -> tuple[str, int, str]:
    if protocol is Protocol.EC2 and fault in _OF_EC2:
        code, status, text = _OF_EC2[fault]
        return str(code), int(status), str(text)
    code, status, text = fault.value[_LIKE[protocol]]
    if protocol is Protocol.REST_JSON and fault is not Fault.SIGNATURE_INCOMPLETE and status == 400:
        status = 403
    return code, status, text


def reply(error: AwsError, protocol: Protocol, request_id: str, *, namespace: str = "") -> Reply:
    """The error as it goes over the wire."""
    headers: dict[str, str] = {}
    if protocol is Protocol.CBOR:
        return Reply(
            status=error.http_status,
            body=_cbor({"__type": error.code, "message": error.message}),
            media_type="application/cbor",
            headers={"smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": request_id},
        )
    if protocol in _JSON_TYPES:
        media_type = _JSON_TYPES[protocol]
        code = error.code
        if protocol is Protocol.JSON_WITH_QUERY_CODES:
            kind = "Sender" if error.http_status < 500 else "Receiver"
            headers["x-amzn-query-error"] = f"{code};{kind}"
            code = f"com.amazon.coral.service#{code.removesuffix('Exception')}Exception"
        elif protocol is Protocol.REST_JSON:
            headers["x-amzn-errortype"] = code
        text = json.dumps({"__type": code, "Message": error.message, "message": error.message})
    elif protocol is Protocol.EC2:
        media_type = "text/xml;charset=UTF-8"
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error><Code>{escaped(error.code)}</Code><Message>{escaped(error.message)}</Message>"
            f"</Error></Errors><RequestID>{escaped(request_id)}</RequestID></Response>"
        )
    elif protocol is Protocol.S3:
        media_type = "application/xml"
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escaped(error.code)}</Code><Message>{escaped(error.message)}</Message>"
            f"<RequestId>{escaped(request_id)}</RequestId></Error>"
        )
    else:
        media_type = XML
        kind = "Sender" if error.http_status < 500 else "Receiver"
        xmlns = f' xmlns="{escaped(namespace)}"' if namespace else ""
        text = (
            f"<ErrorResponse{xmlns}><Error><Type>{kind}</Type><Code>{escaped(error.code)}</Code>"
            f"<Message>{escaped(error.message)}</Message></Error>"
            f"<RequestId>{escaped(request_id)}</RequestId></ErrorResponse>"
        )
    header = "x-amz-request-id" if protocol is Protocol.S3 else "x-amzn-requestid"
    return Reply(error.http_status, text.encode(), media_type, {**headers, header: request_id})


_JSON_TYPES: Final = {
    Protocol.JSON: "application/x-amz-json-1.1",
    Protocol.JSON_1_0: "application/x-amz-json-1.0",
    Protocol.JSON_WITH_QUERY_CODES: "application/x-amz-json-1.0",
    Protocol.REST_JSON: "application/json",
}


def _cbor(texts: Mapping[str, str]) -> bytes:
    """A map of texts (RFC 8949 section 3.1, major types 3 and 5)."""
    return _cbor_head(5, len(texts)) + b"".join(
        _cbor_head(3, len(text.encode())) + text.encode() for pair in texts.items() for text in pair
    )


def _cbor_head(major: int, count: int) -> bytes:
    if count < 24:
        return bytes([major << 5 | count])
    return bytes([major << 5 | 25]) + count.to_bytes(2, "big")
