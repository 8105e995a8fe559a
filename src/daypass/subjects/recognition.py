"""Whose token is this: its format, its subject taken apart, and both in words. Nothing here makes a token true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daypass.subjects.grammars import grammar_for
from daypass.subjects.phrases import claim_at, sentence, shown
from daypass.subjects.registry import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.subjects.formats import TokenFormat
    from daypass.subjects.shapes import Grammar


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a token is by its looks.

    Attributes:
        token_format: that it has.
        issuer: the kind of issuer its `iss` belongs to; None when the URL does not tell, as for issuers of one's own.
        components: what the subject is made of, by name; None when it has no known form.
        unknown: claims that this format does not have.
        mistyped: claims with a value of another type than this format's.
    """

    token_format: TokenFormat
    issuer: Grammar | None
    components: Mapping[str, str] | None
    unknown: tuple[str, ...] = field(default=())
    mistyped: tuple[str, ...] = field(default=())

    @property
    def words(self) -> str:
        """How tokens of the format are called: `GitLab ID token`."""
        return self.token_format.noun


def recognise_token(claims: Mapping[str, object]) -> Recognised | None:
    """The format of a token by its issuer, its claims and its subject; None when it is of no known one."""
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    grammar = grammar_for(issuer)
    # A known issuer makes tokens of its own formats only. Where the URL tells nothing, any format may be it.
    known = [each for each in FORMATS.values() if grammar is not None and grammar in each.issuers]
    for candidates in (known,) if known else (tuple(FORMATS.values()),):
        for each in candidates:
            components = _components(each, subject)
            if _marked(each, claims) and (each.marks or components is not None):
                return _recognised(each, grammar, components, claims)
    for each in known:
        components = _components(each, subject)
        if components is not None:
            return _recognised(each, grammar, components, claims)
    return None


def _components(token_format: TokenFormat, subject: str) -> Mapping[str, str] | None:
    found = token_format.subject.parse(subject)
    if found is not None:
        return found
    return next((parsed for each in token_format.issuers if (parsed := each.parse(subject)) is not None), None)


def _marked(token_format: TokenFormat, claims: Mapping[str, object]) -> bool:
    return all(claim_at(claims, name) is not None for name in token_format.marks) and all(
        claim_at(claims, name) is None for name in token_format.marks_absent
    )


def _recognised(
    token_format: TokenFormat,
    grammar: Grammar | None,
    components: Mapping[str, str] | None,
    claims: Mapping[str, object],
) -> Recognised:
    known = set(token_format.claim_names)
    mistyped = [
        "/".join((*claim.within, claim.name))
        for claim in token_format.claims
        if (value := claim_at(claims, "/".join((*claim.within, claim.name)))) is not None
        and not claim.written.fits(value)
    ]
    return Recognised(
        token_format,
        grammar,
        components,
        tuple(name for name in claims if name not in known),
        tuple(dict.fromkeys(mistyped)),
    )


def whose(claims: Mapping[str, object], found: Recognised | None) -> str:
    """Whose token it is, in a sentence."""
    issuer = shown(str(claims.get("iss", "nobody")))
    if found is None:
        return f"This is a token of {issuer} for {shown(str(claims.get('sub', 'nobody')))}, of no known format."
    made = sentence(found.token_format.noun, found.token_format.phrases, claims)
    by = "" if found.issuer is not None else f" It is issued by {issuer}."
    return f"This is {made}.{by}"
