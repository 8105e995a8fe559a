"""What is tried again, what is waited for, and what is an answer: by AWS's codes and texts."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest

from daypass.aws import fate
from daypass.calling.persist import Fate, fate_of
from daypass.errors import AuditUnavailable

KEY_NOT_FETCHED = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@pytest.mark.parametrize(
    ("code", "message", "status", "expected"),
    [
        ("IDPCommunicationError", "x", 400, Fate.TRANSIENT),
        ("InvalidIdentityToken", KEY_NOT_FETCHED, 400, Fate.TRANSIENT),
        ("Throttling", "Rate exceeded", 400, Fate.TRANSIENT),
        ("InternalFailure", "x", 500, Fate.TRANSIENT),
        ("ServiceUnavailable", "x", 503, Fate.TRANSIENT),
        ("Anything", "x", 502, Fate.TRANSIENT),
        ("Anything", "x", 429, Fate.TRANSIENT),
        ("InternalFailure", "Unknown error validating third-party token", 500, Fate.FINAL),
        ("AccessDenied", DENIED, 403, Fate.PROPAGATION),
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://x",
            400,
            Fate.PROPAGATION,
        ),
        ("InvalidIdentityToken", "Incorrect token audience", 400, Fate.FINAL),
        ("InvalidIdentityToken", f"x {KEY_NOT_FETCHED}", 400, Fate.FINAL),
        ("ExpiredTokenException", "Token expired", 400, Fate.FINAL),
        ("ValidationError", "x", 400, Fate.FINAL),
        ("IDPRejectedClaim", "x", 403, Fate.FINAL),
        ("RegionDisabledException", "x", 403, Fate.FINAL),
        ("Anything", "x", 400, Fate.FINAL),
    ],
)
def test_an_answer(code: str, message: str, status: int, expected: Fate) -> None:
    assert fate.of_answer(code, message, status) is expected


def test_what_botocore_tries_again_is_transient_here_too() -> None:
    retry = json.loads((Path(botocore.__file__).parent / "data" / "_retry.json").read_text())
    throttled = retry["definitions"]["throttling"]["applies_when"]["response"]["service_error_code"]
    assert fate.of_answer(throttled, "", 400) is Fate.TRANSIENT
    from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

    # What other services say when a quota of theirs is used up; STS has no such.
    others = {
        *("ProvisionedThroughputExceededException", "LimitExceededException", "BandwidthLimitExceeded"),
        *("EC2ThrottledException", "TransactionInProgressException"),
    }
    known = {*ThrottledRetryableChecker._THROTTLED_ERROR_CODES, *TransientRetryableChecker._TRANSIENT_ERROR_CODES}
    for code in known - others:
        assert fate.of_answer(code, "", 400) is Fate.TRANSIENT, code


def test_whatever_is_unavailable_for_now_is_tried_again() -> None:
    assert fate_of(AuditUnavailable("x", transient=True)) is Fate.TRANSIENT
    assert fate_of(AuditUnavailable("x")) is Fate.FINAL
