"""A pattern of `sub` in words: `every branch of mygroup/myproject`, `anybody on gitlab.com`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.subjects.strangers import is_open, tenant_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.subjects.shapes import Grammar, Shape


class Breadth(StrEnum):
    """How many a pattern lets in, from the narrowest."""

    EXACT = "exact"
    """One subject."""
    PROJECT = "project"
    """Several subjects of one project."""
    TENANT = "tenant"
    """Several projects of one customer, also those that it will create."""
    PATTERN = "pattern"
    """Whatever fits; what that is in this issuer's terms is not known."""
    ANYBODY = "anybody"
    """Subjects that strangers can have."""


@dataclass(frozen=True, slots=True)
class Description:
    """A pattern in words."""

    breadth: Breadth
    words: str


def describe(pattern: str, grammar: Grammar | None, issuer: str) -> Description:
    """A `StringLike` pattern in words.

    Args:
        pattern: as written.
        grammar: of the issuer; None when it is not known.
        issuer: without `https://`, for an issuer that is not known.
    """
    about = grammar.about if grammar else issuer
    if not is_open(pattern):
        return Description(Breadth.EXACT, _exact(pattern, grammar))
    if pattern.strip("*") == "":
        return Description(Breadth.ANYBODY, f"anybody on {about}")
    asked = [] if grammar is None else [(shape, shape.align(pattern)) for shape in grammar.shapes]
    fitting = [(shape, found) for shape, found in asked if found is not None]
    if grammar is None or not fitting:
        return Description(Breadth.PATTERN, f"every subject on {about} that fits `{pattern}`")
    tenants = {tenant_of(grammar, found) for _, found in fitting}
    if any(tenant is not None and is_open(tenant) for tenant in tenants) and (
        grammar.shared or all(tenant is None or tenant.strip("*") == "" for tenant in tenants)
    ):
        like = "" if all(tenant is None or tenant.strip("*") == "" for tenant in tenants) else f" that fits `{pattern}`"
        return Description(Breadth.ANYBODY, f"anybody on {about}{like}")
    scopes: dict[str, list[str]] = {}
    whole = True
    for shape, found in fitting:
        scope, one_project = _scope(shape, found)
        whole = whole and one_project
        scopes.setdefault(scope, []).append(_leaf(shape, found))
    words = " and ".join(
        f"{_listed(leaves)} of {scope}" if scope else _listed(leaves) for scope, leaves in scopes.items()
    )
    return Description(Breadth.PROJECT if whole else Breadth.TENANT, words)


def _exact(subject: str, grammar: Grammar | None) -> str:
    shape = grammar.shape_of(subject) if grammar else None
    if shape is None:
        return f"`{subject}`"
    found = shape.parse(subject) or {}
    scope, _ = _scope(shape, found)
    leaf = [found[each.name] for each in shape.components if each.name not in shape.scope]
    return f"{shape.leaf} {' '.join(leaf)}".strip() + (f" of {scope}" if scope else "")


def _scope(shape: Shape, found: Mapping[str, str]) -> tuple[str, bool]:
    """The projects that are meant, and whether it is one."""
    fixed: list[str] = []
    nouns = {component.name: component.noun for component in shape.components}
    for name in shape.scope:
        value = found[name]
        if not is_open(value):
            fixed.append(value)
            continue
        head, slash, rest = value.partition("/")
        if slash and not is_open(head):
            fixed.append(head)
            value = rest
        fits = "" if value.strip("*") == "" else f" that fits `{value}`"
        within = "/".join(fixed)
        return f"every {nouns[name]}{f' of {within}' if within else ''}{fits}", False
    return "/".join(fixed), True


def _leaf(shape: Shape, found: Mapping[str, str]) -> str:
    values = [found[each.name] for each in shape.components if each.name not in shape.scope]
    if not values:
        return shape.leaf
    if not any(map(is_open, values)):
        return f"{shape.leaf} {' '.join(values)}"
    narrowed = [value for value in values if value.strip("*")]
    return f"every {shape.leaf}" + (f" that fits `{' '.join(narrowed)}`" if narrowed else "")


def _listed(leaves: Sequence[str]) -> str:
    """`every branch, tag and pull request`."""
    every = list(dict.fromkeys(leaf.removeprefix("every ") for leaf in leaves if leaf.startswith("every ")))
    single = [leaf for leaf in dict.fromkeys(leaves) if not leaf.startswith("every ") and leaf not in every]
    if every and single and all(" " not in leaf or leaf == "pull request" for leaf in single):
        every, single = [*every, *single], []
    parts = [*([f"every {_joined(every)}"] if every else []), *single]
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
