"""Subjects that somebody else could have who is not meant: another customer, a look-alike name, a fork's request.

They are suggestions that read like real ones; whoever uses them asks the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.subjects.shapes import Component, Grammar, Shape

STRANGER: Final = "stranger"


def tenant_of(grammar: Grammar, components: Mapping[str, str]) -> str | None:
    """The part of a subject, or of what a pattern asks, that names the customer; None when nothing does."""
    if grammar.tenant is None or grammar.tenant not in components:
        return None
    return components[grammar.tenant].partition("/")[0]


def is_open(text: str) -> bool:
    """Whether a piece of a pattern leaves anything open."""
    return "*" in text or "?" in text


def suggestions(grammar: Grammar, patterns: Sequence[str]) -> Iterator[str]:
    """Subjects of this issuer that the patterns let in, those of the least trusted first.

    Args:
        grammar: of the issuer.
        patterns: `StringLike` patterns of `sub`.
    """
    for pattern in patterns or ("*",):
        requests_first = sorted(grammar.shapes, key=lambda shape: "pull request" not in shape.leaf)
        asked = [(shape, shape.align(pattern)) for shape in requests_first]
        fitting = [(shape, found) for shape, found in asked if found is not None]
        # Where anybody's project fits, an ordinary branch of a stranger says it best.
        if any(is_open(tenant_of(grammar, found) or "") for _, found in fitting):
            fitting.sort(key=lambda each: grammar.shapes.index(each[0]))
        for shape, found in fitting:
            try:
                yield shape.format(_filled(grammar, shape, found))
            except RequestInvalid:
                continue


def _filled(grammar: Grammar, shape: Shape, asked: Mapping[str, str]) -> dict[str, str]:
    example = shape.parse(shape.example) or {}
    return {
        component.name: _fill(component, asked[component.name], example[component.name], grammar.tenant)
        for component in shape.components
    }


def _fill(component: Component, asked: str, example: str, tenant: str | None) -> str:
    if not is_open(asked):
        return asked
    if component.allowed:
        return example if asked.strip("*") == "" else asked.replace("*", component.allowed[0])
    head, _, rest = example.partition("/")
    if component.name == tenant:
        named = asked.partition("/")[0]
        if asked.strip("*") == "":
            return f"{STRANGER}/{rest}" if rest else STRANGER
        if is_open(named):
            prefix = named.partition("*")[0].replace("?", "x")
            return f"{prefix}-evil" + (f"/{rest}" if rest else "")
        return asked.replace("*", rest or head).replace("?", "x")
    return example if asked.strip("*") == "" else asked.replace("*", "x").replace("?", "x")
