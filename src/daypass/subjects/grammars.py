"""The subjects of known issuers: who issues, what a `sub` is made of, and who may choose what in it."""

from __future__ import annotations

from functools import lru_cache

from daypass.errors import RequestInvalid
from daypass.subjects.issuers import GRAMMARS
from daypass.subjects.shapes import ChosenBy, Component, Grammar, Shape

__all__ = ["GRAMMARS", "ChosenBy", "Component", "Grammar", "Shape", "grammar_for", "grammar_named", "recognise"]


def grammar_named(name: str) -> Grammar:
    """A grammar by name.

    Raises:
        RequestInvalid: when there is none; `allowed` among the facts lists those there are.
    """
    for grammar in GRAMMARS:
        if grammar.name == name:
            return grammar
    allowed = [grammar.name for grammar in GRAMMARS]
    raise RequestInvalid(
        f"`{name}` is not a known kind of issuer", advice=f"Choose from {', '.join(allowed)}.", allowed=allowed
    )


@lru_cache(maxsize=256)
def grammar_for(issuer: str) -> Grammar | None:
    """The grammar of an issuer, with or without `https://`; None when its URL does not tell."""
    text = issuer.removeprefix("https://")
    return next((grammar for grammar in GRAMMARS if grammar.issues_as(text)), None)


def recognise(issuer: str, subject: str) -> Shape | None:
    """The form of a subject of a known issuer; None when issuer or form is not known."""
    grammar = grammar_for(issuer)
    return None if grammar is None else grammar.shape_of(subject)
