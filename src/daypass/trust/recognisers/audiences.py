"""Mix-ups of `aud`, `azp`, client ids and `sub`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.context import audiences, subject
from daypass.trust.decision import Reason
from daypass.trust.recognisers.case import Case, Hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.trust.decision import ConditionResult


def replaced_by_azp(case: Case, condition: ConditionResult) -> Hint | None:
    """The policy wants the token's `aud`, and AWS compares `azp`."""
    if not _is_aud(case, condition) or case.claims is None or "azp" not in case.claims:
        return None
    if not set(audiences(case.claims)) & set(condition.wanted):
        return None
    return Hint("aud_is_azp", f"the token has azp, and AWS compares that as :aud; its aud is in {case.issuer}:oaud")


def wanted_is_subject(case: Case, condition: ConditionResult) -> Hint | None:
    """`aud` and `sub` have changed places."""
    if case.claims is None or condition.reason is not Reason.VALUE_DIFFERS:
        return None
    claim, sub = case.claim_of(condition), subject(case.claims)
    if claim == "aud" and sub in condition.wanted:
        return Hint("aud_is_sub", "the wanted value is the token's sub")
    if claim == "sub" and set(audiences(case.claims)) & set(condition.wanted):
        return Hint("sub_is_aud", "the wanted value is the token's aud")
    return None


def url_form(case: Case, condition: ConditionResult) -> Hint | None:
    """The audiences are the same but for `https://` or a slash at the end."""
    if not _is_aud(case, condition):
        return None
    found = {_bare(value) for value in condition.found}
    if not found & {_bare(value) for value in condition.wanted}:
        return None
    return Hint("audience_form", "the audiences differ only in https:// or a slash at the end, and that counts")


def not_registered(case: Case, condition: ConditionResult) -> Hint | None:
    """The policy wants an audience that the provider does not have among its client ids."""
    if not _is_aud(case, condition) or case.client_ids is None or set(case.client_ids) & set(condition.wanted):
        return None
    return Hint(
        "audience_not_a_client_id",
        f"the provider has {', '.join(case.client_ids) or 'nothing'} as client id, and no token with the wanted one"
        " comes as far as this policy",
    )


def asked_for_another(case: Case, condition: ConditionResult) -> Hint | None:
    """The token was asked for with another audience."""
    if not _is_aud(case, condition):
        return None
    others = (replaced_by_azp, wanted_is_subject, url_form, not_registered)
    if any(recognise(case, condition) is not None for recognise in others):
        return None
    plain = [value for value in condition.wanted if "*" not in value]
    if not plain:
        return None
    return Hint("audience_differs", f"the token was issued for another audience; ask for one with {plain[0]}")


def _is_aud(case: Case, condition: ConditionResult) -> bool:
    return condition.reason is Reason.VALUE_DIFFERS and case.claim_of(condition) == "aud"


def _bare(audience: str) -> str:
    return audience.removeprefix("https://").removeprefix("http://").rstrip("/")


RECOGNISERS: Final[tuple[Callable[[Case, ConditionResult], Hint | None], ...]] = (
    replaced_by_azp,
    wanted_is_subject,
    url_form,
    not_registered,
    asked_for_another,
)
