"""The form of an organization's tokens: format and subject claims; for a period after a change, either of two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.errors import FormNotOffered, RequestInvalid
from daypass.idp.model import PreviousForm

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.idp.model import Organization

MAX_PERIOD: Final = timedelta(days=366)


class Form(StrEnum):
    """Which of the two forms a caller asks for."""

    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class ChosenForm:
    """A token format and the claims that its subject is made of."""

    token_format: str
    subject_claims: tuple[str, ...]


def current(organization: Organization) -> ChosenForm:
    """What the organization has chosen."""
    return ChosenForm(organization.token_format, organization.subject_claims)


def usual(organization: Organization, now: datetime) -> ChosenForm:
    """What is given to whoever asks for no form: in a period after a change the old one, until that is switched."""
    previous = organization.previous
    if previous is not None and previous.usual and now < previous.until:
        return ChosenForm(previous.token_format, previous.subject_claims)
    return current(organization)


def asked(organization: Organization, form: Form | None, now: datetime) -> ChosenForm:
    """What is given to whoever asks for `form`.

    Raises:
        FormNotOffered: for the previous form when there is none, or its period is over.
    """
    previous = organization.previous
    if form is None:
        return usual(organization, now)
    if form is Form.CURRENT:
        return current(organization)
    if previous is None:
        raise FormNotOffered("there is no previous form of this organization's tokens", advice="Ask for no form.")
    if now >= previous.until:
        raise FormNotOffered(
            f"the previous form, `{previous.token_format}`, could be asked for until"
            f" {previous.until:%Y-%m-%dT%H:%M:%SZ}",
            advice=f"Tokens are `{organization.token_format}` now; let the trust policies match their subjects.",
            until=previous.until.isoformat(),
            token_format=previous.token_format,
        )
    return ChosenForm(previous.token_format, previous.subject_claims)


def after_change(
    old: Organization, new: Organization, now: datetime, *, either_until: datetime | None, switched: bool | None
) -> PreviousForm | None:
    """The previous form after a change of the organization.

    Args:
        old: before it.
        new: after it.
        now: the time of it.
        either_until: until when either form can be asked for; None for no new period.
        switched: whether the new form is what callers get who ask for none; None leaves it.

    Raises:
        RequestInvalid: a time that is not ahead, or too far; a period or a switch where there is nothing to switch.
    """
    if either_until is not None and not now < either_until <= now + MAX_PERIOD:
        raise RequestInvalid(
            "the end of the period is not within the year to come",
            advice="Name a time that is ahead, such as 2027-01-31T00:00:00Z.",
        )
    if current(new) == current(old):
        previous = old.previous
    elif either_until is None:
        previous = None
    else:
        # Whoever asks for nothing goes on getting what they got.
        before = usual(old, now)
        previous = PreviousForm(before.token_format, before.subject_claims, either_until)
    if either_until is None and switched is None:
        return previous
    if previous is None or (now >= previous.until and either_until is None):
        raise RequestInvalid(
            "there is no period with two forms", advice="Change the form, and say until when either can be asked for."
        )
    return replace(
        previous,
        until=either_until or previous.until,
        usual=previous.usual if switched is None else not switched,
    )
