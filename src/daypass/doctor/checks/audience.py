"""Whether the token is for whom the user expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import sources
from daypass.doctor.finding import Check, Seen, Severity
from daypass.trust.token_claims import check_audience, check_forms, effective_audience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import Facts


def _wanted(facts: Facts) -> Iterator[Seen]:
    token = facts.token
    if facts.audience is None or token is None or token.fault is not None or check_forms(token.claims) is not None:
        return
    if check_audience(token.claims, (facts.audience,)) is not None:
        yield Seen(f"the token is for `{effective_audience(token.claims)}`, not for `{facts.audience}`", "token")


CHECKS: Final = (
    Check(
        "token_audience_wanted",
        Severity.ERROR,
        "the token is for another audience than expected",
        "AWS holds `azp`, or else `aud`, to the client ids of the provider.",
        "Ask the platform for a token with this audience.",
        sources.STS_API,
        _wanted,
    ),
)
