"""Whose a token is: the same customer's as those a policy trusts, another's, or not to be told.

Read from the subject by the issuer's grammar. Names of customers are compared without letter case, as the issuers with
names keep them apart; ids and all else as they are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.subjects.grammars import GRAMMARS, grammar_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daypass.subjects.grammars import Grammar
    from daypass.subjects.shapes import Shape


class Belonging(StrEnum):
    """Whether a subject is of a customer whose subjects a policy names."""

    SAME = "same"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


_IDS: Final = "_id"


def grammar_of(issuer: str, subject: str) -> Grammar | None:
    """The grammar of an issuer; where its URL does not tell, the first that anybody can run and the subject fits."""
    known = grammar_for(issuer)
    if known is not None:
        return known
    return next((one for one in GRAMMARS if not one.shared and one.shape_of(subject) is not None), None)


def asked(grammar: Grammar, pattern: str) -> tuple[Shape, Mapping[str, str]] | None:
    """The first form that a wanted value or pattern fits, with what it asks of each component."""
    for shape in grammar.shapes:
        found = shape.align(pattern)
        if found is not None:
            return shape, found
    return None


def tenant(grammar: Grammar, components: Mapping[str, str]) -> str | None:
    """The customer's name or id, in lower case, with what stands before it: the same owner on two hosts is two.

    None where the components do not tell, or leave it open.
    """
    if grammar.tenant is None or grammar.tenant not in components:
        return None
    names = list(components)
    before = [components[name] for name in names[: names.index(grammar.tenant)]]
    name = components[grammar.tenant].partition("/")[0]
    whole = "/".join((*before, name))
    return None if "*" in whole or "?" in whole else whole.lower()


def belonging(grammar: Grammar, subject: str, wanted: Iterable[str]) -> Belonging:
    """Compare a subject's customer with those of the values and patterns that a policy wants."""
    own = grammar.parse(subject)
    if own is None:
        return Belonging.UNKNOWN
    verdicts = {_compare(grammar, own, found[1]) for value in wanted if (found := asked(grammar, value)) is not None}
    for verdict in (Belonging.SAME, Belonging.FOREIGN):
        if verdict in verdicts:
            return verdict
    return Belonging.UNKNOWN


def _compare(grammar: Grammar, own: Mapping[str, str], other: Mapping[str, str]) -> Belonging:
    ids = [
        (own[name], other[name])
        for name in own
        if name.endswith(_IDS) and name in other and not {"*", "?"} & set(other[name])
    ]
    if any(one != another for one, another in ids[:1]):
        return Belonging.FOREIGN  # a name that has changed hands keeps no id
    one, another = tenant(grammar, own), tenant(grammar, other)
    if one is None or another is None:
        return Belonging.SAME if ids else Belonging.UNKNOWN
    return Belonging.SAME if one == another else Belonging.FOREIGN
