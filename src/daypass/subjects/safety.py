"""Whether an organization may have the subjects it chooses: asked once, when they are configured.

Issuing asks again what can be asked of one token (`daypass.subjects.claims`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import SubjectTooLong, SubjectUnsafe
from daypass.subjects.formats import AWS_SUBJECT_LIMIT, Marking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.subjects.formats import TokenFormat

_WHY = {
    Marking.TENANT_CHOSEN: "whoever may choose it can choose somebody else's",
    Marking.PERSONAL: "it is about a person, who may change it, and AWS writes subjects to CloudTrail",
}


def subject_limit(token_format: TokenFormat, raised: int = 0) -> int:
    """Characters of `sub`: the format's limit, or what an operator raised it to; never more than AWS's."""
    return min(max(token_format.subject_limit, raised), AWS_SUBJECT_LIMIT)


def demand_switched_on(token_format: TokenFormat, chosen: Sequence[str], switched_on: Sequence[str]) -> None:
    """Refuse subject claims that somebody chooses, or that are personal, unless each is switched on by its name.

    Args:
        token_format: that they are for; what its default subject holds came with choosing the format.
        chosen: that `token_format.subject.check` has let pass.
        switched_on: the names.

    Raises:
        SubjectUnsafe: with `claim` and `marking` among the facts.
    """
    for name in chosen:
        marking = token_format.subject.part(name).marking
        if marking is not Marking.IMMUTABLE and name not in switched_on:
            raise SubjectUnsafe(
                f"`{name}` in the subject needs to be switched on by name: {_WHY[marking]}",
                advice=f"Leave it out, or allow the subject claim `{name}` if you mean it.",
                claim=name,
                marking=marking.value,
            )


def demand_short(token_format: TokenFormat, chosen: Sequence[str], raised: int = 0) -> None:
    """Refuse chosen subject claims whose longest text is known and too long.

    Raises:
        SubjectTooLong: with `length` and `limit` among the facts.
    """
    longest, limit = token_format.subject.longest(chosen), subject_limit(token_format, raised)
    if chosen and longest is not None and longest > limit:
        raise SubjectTooLong(
            f"subjects would have up to {longest} characters, and {limit} are allowed",
            advice="Choose fewer subject claims, or raise the limit (AWS accepts 255 characters).",
            length=longest,
            limit=limit,
        )


def demand_nobody_elses(token_format: TokenFormat, chosen: Sequence[str], *, own_issuer: bool) -> None:
    """Refuse subjects that another organization of the same issuer could have.

    Args:
        token_format: that is chosen.
        chosen: subject claims; empty for the format's default.
        own_issuer: whether the organization has an issuer of its own.

    Raises:
        SubjectUnsafe: for a format whose subject does not hold the organization's id, on a shared issuer.
    """
    names = token_format.subject.names_organization(chosen)
    if not (names or own_issuer or token_format.operator_may_share):
        raise SubjectUnsafe(
            f"subjects of the format `{token_format.name}` do not name the organization, and this issuer is shared:"
            " another organization could have the same",
            advice="Give the organization an issuer of its own first, or choose another token format.",
            token_format=token_format.name,
        )


def warnings(token_format: TokenFormat, chosen: Sequence[str], raised: int = 0) -> tuple[str, ...]:
    """What is to be known about subjects that are allowed; sentences."""
    subject, said = token_format.subject, []
    if not subject.names_organization(chosen):
        said.append(
            "The subject does not hold the organization's id. A name that is given up can be taken by somebody else,"
            " and what pinned it then trusts them."
        )
    limit, longest = subject_limit(token_format, raised), subject.longest(chosen)
    if longest is None:
        said.append(f"Nothing bounds the subject's length; a token with more than {limit} characters is refused.")
    elif longest > limit:
        said.append(f"The subject can have {longest} characters; a token with more than {limit} is refused.")
    risky = [name for name in chosen if subject.part(name).marking is not Marking.IMMUTABLE]
    if risky:
        said.append(f"Chosen by people, not given as ids: {', '.join(risky)}.")
    return tuple(said)
