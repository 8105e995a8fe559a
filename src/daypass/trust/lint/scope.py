"""How much of an issuer a subject pattern covers: everybody, one customer, one project, or one subject."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daypass.subjects.shapes import Component
from daypass.trust.lint.view import has_wildcard
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.subjects.grammars import Grammar
    from daypass.subjects.shapes import Shape

_REFS: Final = frozenset({"branch", "tag", "ref", "vcs_ref", "context", "environment"})
_WORDS: Final = re.compile(r"[A-Za-z0-9]")


class Scope(IntEnum):
    """From the narrowest to the widest."""

    EXACT = 0
    PART = 1
    """Some subjects of one project, or of an issuer whose subjects are not known here."""
    TENANT = 2
    """Everything that one customer has, and will have."""
    EVERYONE = 3


def scope_of(value: str, grammar: Grammar | None, *, like: bool) -> Scope:
    """How much a value of a condition on `sub` covers; `like` says whether wildcards mean something in it."""
    if not like or not has_wildcard(value):
        return Scope.EXACT
    if not _WORDS.search(value):
        return Scope.EVERYONE
    if grammar is None:
        return Scope.PART
    asked = [_shape_scope(grammar, shape, parts) for shape, parts in aligned(value, grammar)]
    if asked:
        return max(asked)
    head = value[: first_wildcard(value)]
    is_open = any(_leaves_tenant_open(grammar, shape, head) for shape in grammar.shapes)
    return Scope.EVERYONE if is_open and grammar.tenant is not None else Scope.PART


def aligned(value: str, grammar: Grammar) -> Iterator[tuple[Shape, Mapping[str, str]]]:
    """Each form of subject that a pattern fits, and what it asks of the components."""
    for shape in grammar.shapes:
        parts = shape.align(value)
        if parts is not None:
            yield shape, parts


def open_parts(value: str, grammar: Grammar) -> frozenset[str]:
    """The branches, tags, environments and the like that a pattern leaves open, of projects that it names."""
    found = {
        name
        for shape, parts in aligned(value, grammar)
        if all(not has_wildcard(parts.get(step, "")) for step in shape.scope)
        for name, asked in parts.items()
        if name in _REFS and has_wildcard(asked)
    }
    return frozenset(found)


def first_wildcard(value: str) -> int:
    """Where the first wildcard is; the length without one."""
    places = [place for mark in "*?" if (place := value.find(mark)) >= 0]
    return min(places, default=len(value))


def narrow_patterns(value: str) -> tuple[str, ...]:
    """The subjects that somebody means who writes `repo:acme*`: those of `acme`, and of nobody else."""
    head = value[: first_wildcard(value)]
    return tuple(f"{head}{end}*" for end in "/@:") if head and head[-1] not in "/:" else ()


@lru_cache(maxsize=1024)
def is_possible(value: str, grammar: Grammar, *, like: bool) -> bool:
    """Whether the issuer makes any subject that a value matches; also when that cannot be decided."""
    if not like or not has_wildcard(value):
        return grammar.shape_of(value) is not None
    from daypass.trust.languages import Aim, Language, TooManyClasses, classes  # noqa: PLC0415 - only for patterns

    aims = (Aim(Language.like([Pattern.parse(value)]), True), Aim(Language.shaped(grammar.shapes), True))
    try:
        return bool(classes(aims))
    except TooManyClasses:
        return True


def _shape_scope(grammar: Grammar, shape: Shape, parts: Mapping[str, str]) -> Scope:
    if grammar.tenant in shape.scope:
        before = shape.scope[: shape.scope.index(grammar.tenant) + 1]
        tenant = parts.get(grammar.tenant, "*")
        first, slash, rest = tenant.partition("/")
        if any(has_wildcard(parts.get(name, "*")) for name in before[:-1]) or has_wildcard(first):
            return Scope.EVERYONE
        if slash and has_wildcard(rest):
            return Scope.TENANT
        if any(has_wildcard(parts.get(name, "*")) for name in shape.scope[len(before) :]):
            return Scope.TENANT
        return Scope.PART
    if grammar.tenant is None:
        return Scope.PART
    # A form without the customer's name has an id in its place.
    named = [parts.get(name, "*") for name in shape.scope]
    if named and not has_wildcard(named[0]):
        return Scope.TENANT if any(map(has_wildcard, named)) else Scope.PART
    return Scope.EVERYONE


def _leaves_tenant_open(grammar: Grammar, shape: Shape, head: str) -> bool:
    """Whether the first wildcard stands before or in the customer's name, whatever else the pattern asks."""
    start = _head(shape)
    if start.startswith(head):
        return True
    tenant = shape.parts[1] if len(shape.parts) > 1 else None
    if not head.startswith(start) or not isinstance(tenant, Component) or tenant.name != grammar.tenant:
        return False
    begun = head[len(start) :]
    return not tenant.allowed and "/" not in begun and all(map(tenant.takes, begun))


def _head(shape: Shape) -> str:
    return shape.parts[0] if isinstance(shape.parts[0], str) else ""
