"""ARNs: six components, each matched by itself; the last one takes the rest, colons and all.

`ArnEquals` is `ArnLike`. A value of the request that is no ARN never holds, negated or not. A value of the policy that
is none, reached before another one matched, makes AWS fail closed: the Allow does not apply, and the Deny does
(observed on AWS, September 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daypass.trust.comparisons.outcome import Test, Values
    from daypass.trust.context import Context
    from daypass.trust.wildcard import Wildcard

_COMPONENTS: Final = 6

Components = tuple[Pattern, ...]


def arn(text: str) -> tuple[str, ...] | None:
    """The six components of an ARN, wildcards in them or not; None when it is none."""
    components = tuple(text.split(":", _COMPONENTS - 1))
    return components if len(components) == _COMPONENTS and components[0] == "arn" else None


def like(values: Values, *, negated: bool) -> Test:
    """`ArnLike` and `ArnEquals`."""
    # None is a value that depends on the request; an empty tuple is one that is no ARN.
    prepared = tuple(
        (template, None if template.constant is None else _components(template.constant))
        for template in values.templates()
    )

    def wanted(context: Context) -> Iterator[Components]:
        for template, known in prepared:
            if known is not None:
                yield known
            else:
                parts = template.resolve(context)
                if parts is not None:
                    yield _components(parts)

    def holds(found: str, context: Context) -> bool | None:
        components = arn(found)
        if components is None:
            return False
        for patterns in wanted(context):
            if not patterns:
                return None
            if all(pattern.matches(component) for pattern, component in zip(patterns, components, strict=True)):
                return not negated
        return negated

    return holds


def _components(parts: Sequence[str | Wildcard]) -> Components:
    """A pattern for each component; none when this is no ARN."""
    components: list[list[str | Wildcard]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            components[-1].append(part)
            continue
        first, *others = part.split(":", _COMPONENTS - len(components))
        components[-1].append(first)
        components.extend([other] for other in others)
    if len(components) < _COMPONENTS or "".join(map(str, components[0])) != "arn":
        return ()
    return tuple(Pattern.of(component) for component in components)
