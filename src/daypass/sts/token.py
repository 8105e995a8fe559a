"""The web identity token before its keys are asked for: shape, header, required claims and their types.

Nothing here believes the token. What AWS says of each fault, and that it looks for missing claims before anything
else, was observed in September 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import TokenRefused
from daypass.sts import answers
from daypass.sts.claim_faults import refused
from daypass.sts.refusal import Refusal, refuse
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.peek import UnverifiedToken, peek
from daypass.trust.token_claims import check_forms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.strict_json import JsonValue


def inspect_token(token: str) -> UnverifiedToken | Refusal:
    """Take a token apart and look at all that can be seen without a key, in AWS's order.

    Of a JSON member that comes twice the last one counts, as for AWS.
    """
    try:
        unverified = peek(token, duplicates="last")
    except TokenRefused as fault:
        return refuse(answers.NOT_A_JWT, fault.message)
    return _header(unverified.header) or refused(check_forms(unverified.claims)) or unverified


def _header(header: Mapping[str, JsonValue]) -> Refusal | None:
    if "crit" in header:
        return refuse(answers.NOT_A_JWT, "the header has `crit`, and AWS understands no extension")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return refuse(answers.NOT_VALIDATED, f"`alg` is not one of {', '.join(sorted(ALGORITHMS))}")
    return None
