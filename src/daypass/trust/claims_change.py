"""What a trust policy makes of two tokens of one workload: as they are, and as they would be.

Decided by the same engine as everything else; nothing here compares a subject itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.trust.attempt import Attempt, likely_provider
from daypass.trust.steps import explain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.decision import StatementResult
    from daypass.trust.document import Policy


@dataclass(frozen=True, slots=True)
class ClaimsChange:
    """How the policy's answer changes.

    Attributes:
        allowed_before: whether the old token may assume the role.
        allowed_after: whether the new one may.
        stops: the statements that apply to the old token and not to the new one.
        begins: those that apply to the new one and not to the old one.
    """

    allowed_before: bool
    allowed_after: bool
    stops: tuple[StatementResult, ...]
    begins: tuple[StatementResult, ...]


def claims_change(
    policy: Policy,
    before: Mapping[str, JsonValue] | None,
    after: Mapping[str, JsonValue] | None,
    *,
    now: datetime,
) -> ClaimsChange:
    """Compare.

    Args:
        policy: of a role.
        before: the claims of the old token; None when there would be none.
        after: those of the new one, likewise.
        now: for conditions on the time.
    """
    old_allowed, old = _applying(policy, before, now)
    new_allowed, new = _applying(policy, after, now)
    return ClaimsChange(
        old_allowed,
        new_allowed,
        tuple(result for index, result in old.items() if index not in new),
        tuple(result for index, result in new.items() if index not in old),
    )


def _applying(
    policy: Policy, claims: Mapping[str, JsonValue] | None, now: datetime
) -> tuple[bool, dict[int, StatementResult]]:
    issuer = None if claims is None else claims.get("iss")
    if claims is None or not isinstance(issuer, str):
        return False, {}
    provider = likely_provider(policy, issuer)
    if provider.issuer_url != issuer:
        return False, {}  # the policy trusts other issuers alone
    explanation = explain(policy, Attempt.imagine(claims, provider=provider, now=now))
    results = (result for decision in explanation.decisions for result in decision.statements)
    return explanation.allowed, {result.index: result for result in results if result.applies}
