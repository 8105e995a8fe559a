"""Points on which what is known of AWS differs or ends: named settings, with what was seen last as their defaults.

No setting turns a check off or grants what another refuses: each chooses between two answers that AWS was reported to
give, or between two places for one check. What AWS is known to do is not among them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ProviderShown(StrEnum):
    """What `Provider` in the answer of AssumeRoleWithWebIdentity is."""

    ARN = "arn"
    ISSUER = "issuer"


class AudienceText(StrEnum):
    """What is said of an audience that is not registered."""

    NOT_VALIDATED = "not-validated"
    INCORRECT = "incorrect"


class TokenChecks(StrEnum):
    """Which of the checks of a token comes first; the first that fails is the one that is told."""

    SIGNATURE_AUDIENCE_TIMES = "signature-audience-times"
    SIGNATURE_TIMES_AUDIENCE = "signature-times-audience"
    AUDIENCE_SIGNATURE_TIMES = "audience-signature-times"
    AUDIENCE_TIMES_SIGNATURE = "audience-times-signature"
    TIMES_SIGNATURE_AUDIENCE = "times-signature-audience"
    TIMES_AUDIENCE_SIGNATURE = "times-audience-signature"


class DurationCheck(StrEnum):
    """Where the duration is held against the role's maximum."""

    AFTER_TRUST = "after-trust"
    BEFORE_TRUST = "before-trust"


class ExpiredText(StrEnum):
    """How the two times of an expired token are printed."""

    SPACED = "spaced"
    UNSPACED = "unspaced"


class OldToken(StrEnum):
    """Whether a token that has not expired can be too old."""

    ACCEPTED = "accepted"
    DAY = "refused-after-a-day"


class Star(StrEnum):
    """Where in a list a value that is scoped to all spoils the condition on a shared issuer."""

    ANYWHERE = "anywhere"
    FIRST = "first"


class Administrator(StrEnum):
    """Whether the administrator's key may assume roles that trust its account."""

    ASSUMES = "assumes"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Observed:
    """The choices; `ABOUT` tells what each is for, and why its default is what it is."""

    provider: ProviderShown = ProviderShown.ARN
    audience_text: AudienceText = AudienceText.NOT_VALIDATED
    token_checks: TokenChecks = TokenChecks.SIGNATURE_AUDIENCE_TIMES
    duration_check: DurationCheck = DurationCheck.AFTER_TRUST
    expired_text: ExpiredText = ExpiredText.SPACED
    old_token: OldToken = OldToken.ACCEPTED
    shared_issuer_star: Star = Star.ANYWHERE
    administrator: Administrator = Administrator.ASSUMES

    @classmethod
    def parse(cls, written: Iterable[str]) -> Self:
        """The defaults, changed by `NAME=VALUE`, names with `-` or `_`.

        Raises:
            UsageInvalid: for a name or value that there is not, or a name that comes twice.
        """
        chosen: dict[str, Any] = {}
        for text in written:
            name, _, value = text.partition("=")
            name = name.replace("-", "_")
            values = CHOICES.get(name)
            if values is None:
                known = ", ".join(each.replace("_", "-") for each in CHOICES)
                raise UsageInvalid(f"`{text}` names no setting", advice=f"The settings are {known}.")
            if name in chosen:
                raise UsageInvalid(f"`{name.replace('_', '-')}` is set twice")
            if value not in values:
                raise UsageInvalid(
                    f"`{text}` has a value that the setting does not have",
                    advice=f"The values are {', '.join(values)}.",
                )
            chosen[name] = values[value]
        return replace(cls(), **chosen)


AS_OBSERVED: Final = Observed()

CHOICES: Final[Mapping[str, Mapping[str, StrEnum]]] = {
    each.name: {str(value): value for value in type(getattr(AS_OBSERVED, each.name))} for each in fields(Observed)
}
"""The values of each setting, by its name in the dataclass."""

ABOUT: Final[Mapping[str, tuple[str, str]]] = {
    "provider": (
        "what `Provider` in the answer of AssumeRoleWithWebIdentity is",
        "observed September 2026: the provider's ARN; the API reference says it is the issuer",
    ),
    "audience_text": (
        "what is said of an audience that is not registered",
        "observed September 2026; public reports of 2019 to 2025 have `Incorrect token audience`",
    ),
    "token_checks": (
        "which fault of a token with several is told",
        "not known; the default judges nothing that is not signed",
    ),
    "duration_check": (
        "whether a role's maximum duration is checked before or after its trust policy",
        "not known; before would tell strangers that the role is there",
    ),
    "expired_text": (
        "blanks before the times of `Token expired`",
        "observed September 2026 with blanks; an older public report has none",
    ),
    "old_token": (
        "whether a token that was issued more than a day ago is `Token too old`",
        "reported once, in 2019, without its rule; not seen in September 2026",
    ),
    "shared_issuer_star": (
        "where `*` in a list of values spoils a condition on a shared issuer",
        "observed September 2026; another series of that year saw it pass behind a good value",
    ),
    "administrator": (
        "whether the administrator's key may assume roles that trust its account",
        "AWS refuses root users; here the key stands for an administrator, who is no root user",
    ),
}
"""What each setting is about, and the source of its default."""
