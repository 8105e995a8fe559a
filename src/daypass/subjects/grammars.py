"""The subjects of known issuers: who issues, what a `sub` is made of, and what an outsider may choose in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Component:
    """A named part of a subject.

    Attributes:
        name: such as `project_path`.
        excluded: characters it cannot hold.
        choices: the only values it has; empty for any text of at least one character.
        outsider: whether somebody without rights on the project can choose it (a branch of a fork, …).
    """

    name: str
    excluded: str = ""
    choices: tuple[str, ...] = ()
    outsider: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of an issuer's subjects: fixed texts and components in turn."""

    name: str
    parts: tuple[str | Component, ...]
    example: str

    def parse(self, subject: str) -> Mapping[str, str] | None:
        """The components of a subject; None when it has another form."""
        raise NotImplementedError

    def format(self, components: Mapping[str, str]) -> str:
        """The subject of these components.

        Raises:
            RequestInvalid: one is missing, empty or holds what it cannot.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Grammar:
    """An issuer, or a family of issuers with one kind of subject.

    Attributes:
        name: such as `gitlab`.
        about: for people, such as `GitLab`.
        shared: whether one issuer serves many customers, so that `sub` (or `tenancy_key`) tells them apart.
        tenancy_key: the key that tells customers apart: `sub`, or `aud` for some.
        audience: what `aud` is by default.
        tenant: the component that names the customer.
        shapes: the forms of its subjects; the first that fits is the one.
    """

    name: str
    about: str
    shared: bool
    tenancy_key: str
    audience: str
    tenant: str
    shapes: tuple[Shape, ...]

    def shape_of(self, subject: str) -> Shape | None:
        """The form of a subject; None when this issuer makes no such one by default."""
        raise NotImplementedError


def grammar_for(issuer: str) -> Grammar | None:
    """The grammar of an issuer, with or without `https://`; None when it is not known."""
    raise NotImplementedError


def recognise(issuer: str, subject: str) -> Shape | None:
    """The form of a subject of a known issuer; None when issuer or form is not known."""
    grammar = grammar_for(issuer)
    return None if grammar is None else grammar.shape_of(subject)
