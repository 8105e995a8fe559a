"""Text: the same, the same but for letter case, or fitting a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.trust.comparisons.outcome import negatable
from daypass.trust.variables import Template, joined
from daypass.trust.wildcard import Pattern, Piece, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.trust.comparisons.outcome import Test, Values
    from daypass.trust.context import Context


def lower(text: str) -> str:
    """`text` in lower case as AWS compares it: letters outside the basic plane keep their case (observed 2026-09)."""
    lowered = text.lower()
    if text.isascii() or max(text, default="") <= "\uffff":
        return lowered
    originals = iter([character for character in text if character > "\uffff"])
    return "".join(next(originals) if character > "\uffff" else character for character in lowered)


def exact(values: Values, *, negated: bool) -> Test:
    """`StringEquals`: a star is a star."""
    return _same(values, str, negated=negated)


def ignoring_case(values: Values, *, negated: bool) -> Test:
    """`StringEqualsIgnoreCase`: both sides in lower case, a variable's text after it was put in."""
    return _same(values, lower, negated=negated)


def _same(values: Values, fold: Callable[[str], str], *, negated: bool) -> Test:
    templates = values.templates()
    wanted = frozenset(
        fold(joined(parts)) for parts in (template.constant for template in templates) if parts is not None
    )
    varying = tuple(template for template in templates if template.constant is None)
    if not varying:
        if fold is str:
            return (lambda found, _: found not in wanted) if negated else (lambda found, _: found in wanted)
        return negatable(lambda found, _: fold(found) in wanted, negated=negated)

    def same(found: str, context: Context) -> bool:
        found = fold(found)
        resolved = (template.resolve(context) for template in varying)
        return found in wanted or any(parts is not None and fold(joined(parts)) == found for parts in resolved)

    return negatable(same, negated=negated)


def like(values: Values, *, negated: bool) -> Test:
    """`StringLike`: `*` is any run of characters, `?` is one, letter case counts."""
    templates = values.templates()
    patterns = tuple(Pattern.of(parts) for parts in (template.constant for template in templates) if parts is not None)
    varying = tuple(_pattern_of(template) for template in templates if template.constant is None)
    if len(patterns) == 1 and not varying:
        matches = patterns[0].matches
        return (lambda found, _: not matches(found)) if negated else (lambda found, _: matches(found))

    def fits(found: str, context: Context) -> bool:
        if any(pattern.matches(found) for pattern in patterns):
            return True
        resolved = (pattern_of(context) for pattern_of in varying)
        return any(pattern is not None and pattern.matches(found) for pattern in resolved)

    return negatable(fits, negated=negated)


def _pattern_of(template: Template) -> Callable[[Context], Pattern | None]:
    """The pattern for a request, None when a variable has no value. Only pieces with a variable are made anew."""
    pieces = [Template(tuple(parts)) for parts in split(template.parts)]
    ready = [None if piece.constant is None else Piece.of(piece.constant) for piece in pieces]

    def pattern_of(context: Context) -> Pattern | None:
        made = []
        for piece, known in zip(pieces, ready, strict=True):
            parts = piece.resolve(context) if known is None else ()
            if parts is None:
                return None
            made.append(Piece.of(parts) if known is None else known)
        return Pattern.of_pieces(made)

    return pattern_of
