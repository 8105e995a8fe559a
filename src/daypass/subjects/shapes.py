"""The forms of subjects: fixed texts and named components in turn. Nothing here knows an issuer by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping


class ChosenBy(StrEnum):
    """Who decides the text of a component, from the least trusted."""

    STRANGER = "stranger"
    """Names the customer: somebody else can register any name that is free, `mygroup-evil` for instance."""
    CONTRIBUTOR = "contributor"
    """Whoever may push a branch, open a pull request or a fork, or start a run."""
    OWNER = "owner"
    """Whoever administers the project."""
    ISSUER = "issuer"
    """An id that the issuer gives and nobody chooses."""


@dataclass(frozen=True, slots=True)
class Component:
    """A named part of a subject, one character or more.

    Attributes:
        name: such as `project_path`.
        noun: for people, such as `project`.
        chosen_by: who decides it.
        excluded: characters that it cannot hold.
        allowed: the only characters that it can hold; empty for all that are not excluded.
        longest: how many characters it has at most; None when nothing bounds it.
        length: how many characters it always has, as a UUID; None when that differs.
    """

    name: str
    noun: str
    chosen_by: ChosenBy
    excluded: str = ""
    allowed: str = ""
    longest: int | None = None
    length: int | None = None

    @property
    def outsider(self) -> bool:
        """Whether somebody without rights on the project can choose it."""
        return self.chosen_by in {ChosenBy.STRANGER, ChosenBy.CONTRIBUTOR}

    def takes(self, character: str) -> bool:
        """Whether the component can hold a character."""
        return character in self.allowed if self.allowed else character not in self.excluded

    @property
    def _expression(self) -> str:
        characters = f"[{re.escape(self.allowed)}]" if self.allowed else f"[^{re.escape(self.excluded)}]"
        return f"({characters if self.allowed or self.excluded else '.'}+)"


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of an issuer's subjects.

    Attributes:
        name: such as `branch`.
        parts: fixed texts and components in turn; no two components touch.
        leaf: what one such subject stands for, such as `branch` or `pull request`.
        scope: the components that name the project, from the customer down.
        example: a subject of this form.
    """

    name: str
    parts: tuple[str | Component, ...]
    leaf: str
    scope: tuple[str, ...]
    example: str
    _expression: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = "".join(part._expression if isinstance(part, Component) else re.escape(part) for part in self.parts)  # noqa: SLF001 (one module, one idea)
        object.__setattr__(self, "_expression", re.compile(text, re.DOTALL))

    @property
    def components(self) -> tuple[Component, ...]:
        """The components, in order."""
        return tuple(part for part in self.parts if isinstance(part, Component))

    def parse(self, subject: str) -> Mapping[str, str] | None:
        """The components of a subject by name; None when it has another form."""
        found = self._expression.fullmatch(subject)
        if found is None:
            return None
        return dict(zip((component.name for component in self.components), found.groups(), strict=True))

    def format(self, components: Mapping[str, str]) -> str:
        """The subject of these components.

        Raises:
            RequestInvalid: one is missing, is unknown, or holds what it cannot hold.
        """
        names = [component.name for component in self.components]
        unknown = [name for name in components if name not in names]
        if unknown:
            raise RequestInvalid(f"a subject of the form `{self.name}` has no `{unknown[0]}`", allowed=names)
        for component in self.components:
            value = components.get(component.name, "")
            too_long = component.longest is not None and len(value) > component.longest
            if not value or too_long or not all(map(component.takes, value)):
                raise RequestInvalid(f"`{value}` cannot be the `{component.name}` of a subject")
        return "".join(components[part.name] if isinstance(part, Component) else part for part in self.parts)

    def align(self, pattern: str) -> Mapping[str, str] | None:
        """What a `StringLike` pattern asks of each component; None when it fits no subject of this form as written.

        A component that the pattern leaves open is `*`. A star that ends a pattern stands for all that follows:
        `repo:acme/shop:*` asks `acme` and `shop`, and leaves the rest open. For words and hints, not for proofs.
        """
        asked: dict[str, str] = {}
        place = 0
        for index, part in enumerate(self.parts):
            rest = pattern[place:]
            if rest.strip("*") == "" and rest:
                asked.update((later.name, "*") for later in self.parts[index:] if isinstance(later, Component))
                return asked
            if isinstance(part, str):
                if not rest.startswith(part):
                    prefix, star, _ = rest.partition("*")
                    if not (star and rest.endswith("*") and part.startswith(prefix)):
                        return None
                    asked.update((later.name, "*") for later in self.parts[index:] if isinstance(later, Component))
                    return asked
                place += len(part)
                continue
            following = self.parts[index + 1] if index + 1 < len(self.parts) else None
            end = rest.find(following) if isinstance(following, str) else len(rest)
            if end < 0:
                if not rest.endswith("*"):
                    return None
                end = next((at for at, c in enumerate(rest) if c not in "*?" and not part.takes(c)), len(rest))
            value = rest[:end]
            if not value or not all(c in "*?" or part.takes(c) for c in value):
                return None
            asked[part.name] = value
            place += end
            if place == len(pattern) and following is not None:
                if not value.endswith("*"):
                    return None
                asked.update((later.name, "*") for later in self.parts[index + 1 :] if isinstance(later, Component))
                return asked
        return asked if place == len(pattern) else None


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """An issuer, or a family of issuers with one kind of subject. Each is itself alone, and cheap as a key.

    Attributes:
        name: such as `gitlab`.
        about: for people, such as `gitlab.com`.
        issuer: a regular expression for the issuer without `https://`; None when the issuer's URL does not tell.
        shared: whether one issuer serves many customers, so that only `tenancy_key` tells them apart.
        tenancy_key: the key that tells customers apart.
        audience: what `aud` is when nobody asks for another; None when it is always asked for.
        tenant: the component that names the customer, None without; the first segment when it holds a `/`.
        shapes: the forms of its subjects; the first that fits is the one.
        customised: what the owner of a project may change about the form, in words; None when it is fixed.
        source: the page that says so.
    """

    name: str
    about: str
    issuer: str | None
    shared: bool
    audience: str | None
    tenant: str | None
    shapes: tuple[Shape, ...]
    source: str
    tenancy_key: str = "sub"
    customised: str | None = None

    def issues_as(self, issuer: str) -> bool:
        """Whether an issuer, without `https://`, is of this kind."""
        return self.issuer is not None and re.fullmatch(self.issuer, issuer) is not None

    def shape_of(self, subject: str) -> Shape | None:
        """The form of a subject; None when this issuer makes no such one unless it is customised."""
        return next((shape for shape in self.shapes if shape.parse(subject) is not None), None)

    def shape_named(self, name: str) -> Shape:
        """A form by name.

        Raises:
            RequestInvalid: when there is none.
        """
        for shape in self.shapes:
            if shape.name == name:
                return shape
        raise RequestInvalid(f"`{self.name}` has no subjects of the form `{name}`")

    def parse(self, subject: str) -> Mapping[str, str] | None:
        """The components of a subject by name; None when no form fits."""
        shape = self.shape_of(subject)
        return None if shape is None else shape.parse(subject)
