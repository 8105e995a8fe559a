"""AWS's answer to each fault in a token's claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.sts import answers
from daypass.sts.observed import AS_OBSERVED, AudienceText, ExpiredText, Observed
from daypass.sts.refusal import Refusal, refuse
from daypass.trust.token_claims import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.sts.answers import Text

_TEXTS: Final[Mapping[Problem, Text]] = {
    Problem.CLAIM_MISSING: answers.CLAIM_MISSING,
    Problem.ISSUER_FORM: answers.NOT_VALIDATED,
    Problem.SUBJECT_NULL: answers.SUBJECT_NULL,
    Problem.SUBJECT_FORM: answers.NOT_VALIDATED,
    Problem.AUDIENCE_EMPTY: answers.CLAIM_EMPTY,
    Problem.AUDIENCE_FORM: answers.NOT_VALIDATED,
    Problem.AUDIENCE_SEVERAL: answers.SEVERAL_AUDIENCES,
    Problem.TIME_FORM: answers.TIMESTAMP_INVALID,
    Problem.AUDIENCE_NOT_REGISTERED: answers.NOT_VALIDATED,
    Problem.ISSUED_IN_FUTURE: answers.ISSUED_IN_FUTURE,
    Problem.NOT_YET_VALID: answers.NOT_YET_VALID,
    Problem.EXPIRED: answers.EXPIRED,
    Problem.TAGS_FORM: answers.TAGS_MALFORMED,
    Problem.SOURCE_IDENTITY_FORM: answers.NOT_VALIDATED,
    Problem.ROLES_FORM: answers.ROLES_MALFORMED,
    Problem.ROLES_NONE_VALID: answers.ROLES_NONE_VALID,
    Problem.ROLE_NOT_LISTED: answers.ROLE_NOT_LISTED,
}


def refused(fault: Fault | None, observed: Observed = AS_OBSERVED) -> Refusal | None:
    """The refusal for a fault; None for none. `observed` chooses where two texts are known."""
    if fault is None:
        return None
    text = _TEXTS[fault.problem]
    if fault.problem is Problem.AUDIENCE_NOT_REGISTERED and observed.audience_text is AudienceText.INCORRECT:
        text = answers.AUDIENCE_INCORRECT
    if fault.problem is Problem.EXPIRED and observed.expired_text is ExpiredText.UNSPACED:
        text = answers.EXPIRED_UNSPACED
    return refuse(text, fault.detail, decision=None, **fault.fields)
