"""The claims of one token: a format filled with a workload's facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daypass.errors import ClaimUnavailable, RequestInvalid, SubjectTooLong
from daypass.subjects.formats import AWS_SUBJECT_LIMIT, Attribute, AudienceForm, Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daypass.names import IssuerUrl
    from daypass.subjects.facts import WorkloadFacts
    from daypass.subjects.formats import Claim, TokenFormat


def claims_for(
    token_format: TokenFormat,
    facts: WorkloadFacts,
    *,
    subject_claims: Sequence[str],
    audience: Sequence[str],
    issuer: IssuerUrl,
    issued_at: datetime,
    lifetime_seconds: int,
    jti: str,
    scope: str | None = None,
    process_hash: str = "",
    subject_limit: int = 0,
) -> dict[str, object]:
    """The claims of one token.

    Args:
        token_format: from `daypass.subjects.registry.FORMATS`.
        facts: about the workload.
        subject_claims: what the organization chose for the subject; empty for the format's default.
        audience: who the token is for; at least one.
        issuer: `iss`.
        issued_at: timezone-aware; fractions of a second are cut off.
        lifetime_seconds: from `issued_at` to `exp`.
        jti: an id never used before.
        scope: free text of the caller, for the formats that carry it.
        process_hash: a value that stays the same as long as the issuing process lives.
        subject_limit: characters, when the operator allows more than the format does.

    Raises:
        RequestInvalid: no audience, or one that the format cannot carry; a scope the format does not carry;
            `subject_claims` it does not allow.
        ClaimUnavailable: the workload lacks a fact that the format needs, or it is of another type; the subject would
            not name the organization on an issuer that several share.
        SubjectTooLong: the subject is longer than allowed.
    """
    _demand_audience(token_format, audience, issuer)
    if scope is not None and not token_format.takes_scope:
        raise RequestInvalid(
            f"tokens of the format `{token_format.name}` carry no scope",
            advice="Leave the scope out.",
            format=token_format.name,
        )
    token_format.subject.check(subject_claims)
    issued = int(issued_at.timestamp())
    one = token_format.audience_form is AudienceForm.STRING_WHEN_ONE and len(audience) == 1
    known: dict[Source, object] = {
        Source.ISSUER: str(issuer),
        Source.ISSUER_HOST: str(issuer).removeprefix("https://"),
        Source.SUBJECT: "",  # keeps its place; filled when the claims that it may be made of are there
        Source.AUDIENCE: audience[0] if one else list(audience),
        Source.FIRST_AUDIENCE: audience[0],
        Source.ISSUED_AT: issued,
        Source.NOT_BEFORE: issued - token_format.not_before_seconds,
        Source.EXPIRES_AT: issued + lifetime_seconds,
        Source.JTI: jti,
        Source.SCOPE: scope or "",
        Source.PROCESS_HASH: process_hash,
        Source.TRUE: True,
        Source.ATTRIBUTES: {
            name: facts.attributes[name] for name in token_format.published_attributes if facts.attributes.get(name)
        },
    }
    claims: dict[str, object] = {}
    for claim in token_format.claims:
        if claim.when and not claim.counts(facts):
            continue
        source = claim.source
        if isinstance(source, Attribute):
            value: object = facts.attributes.get(source.name)
        else:
            value = known[source] if source in known else source.fact(facts)
        if not value and source is not Source.SUBJECT:
            if claim.required:
                raise ClaimUnavailable(
                    claim.complaint or f"a token of the format `{token_format.name}` needs the claim `{claim.name}`",
                    advice=f"Create the workload with the attribute `{source.name}`."
                    if isinstance(source, Attribute)
                    else None,
                    claim=claim.name,
                )
            if claim.fallback is None:
                continue
            value = claim.fallback
        if isinstance(source, Attribute):
            value = _typed(claim, source, str(value))
        if claim.within:
            _place(claims, claim, value)
        else:
            claims[claim.name] = value
    claims["sub"] = _subject(token_format, facts, claims, subject_claims, subject_limit)
    return claims


def _demand_audience(token_format: TokenFormat, audience: Sequence[str], issuer: IssuerUrl) -> None:
    if not audience:
        raise RequestInvalid("a token needs at least one audience")
    # A token that says another audience than was asked for, or none, would be good where its bearer did not mean it.
    fixed = token_format.audience_form in {AudienceForm.THE_ISSUER, AudienceForm.NONE}
    if fixed and tuple(audience) != (str(issuer),):
        says = "no audience" if token_format.audience_form is AudienceForm.NONE else "the issuer as their audience"
        raise RequestInvalid(
            f"tokens of the format `{token_format.name}` carry {says}",
            advice=f"Ask for the audience {issuer}, and offer it in the organization.",
            format=token_format.name,
        )


def _typed(claim: Claim, source: Attribute, text: str) -> object:
    try:
        return claim.type.read(text)
    except ValueError:
        pass
    raise ClaimUnavailable(
        f"the attribute `{source.name}` is not what the claim `{claim.name}` needs ({claim.type})",
        advice="Create the workload with another value.",
        claim=claim.name,
        attribute=source.name,
    )


def _place(claims: dict[str, Any], claim: Claim, value: object) -> None:
    for name in claim.within:
        claims = claims.setdefault(name, {})
    claims[claim.name] = value


def _subject(
    token_format: TokenFormat, facts: WorkloadFacts, claims: dict[str, object], chosen: Sequence[str], raised: int
) -> str:
    grammar = token_format.subject
    if not (facts.own_issuer or token_format.operator_may_share or grammar.names_organization(chosen)):
        raise ClaimUnavailable(
            f"subjects of the format `{token_format.name}` do not name the organization, and this issuer is shared",
            advice="Give the organization an issuer of its own.",
            claim="sub",
        )
    subject = grammar.render(facts, claims, chosen)
    limit = min(max(token_format.subject_limit, raised), AWS_SUBJECT_LIMIT)
    if len(subject) > limit:
        raise SubjectTooLong(
            f"the subject would have {len(subject)} characters, and {limit} are allowed",
            advice="Choose fewer subject claims, or raise the limit (AWS accepts 255 characters).",
            length=len(subject),
            limit=limit,
        )
    return subject
