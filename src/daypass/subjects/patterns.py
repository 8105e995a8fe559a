"""Subjects from words: `project: mygroup/app, branch: main` as the `sub` patterns that an issuer's grammar makes of it.

A word is the name of a component of the grammar, or, where it is no id, its noun with `_` for blanks. `*` and `?` in a
value are wildcards. A component that no word names is open. `kind` says which forms are meant; without it those of pull
requests are not, because whoever opens one would get in.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.subjects.shapes import ChosenBy, Component

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from daypass.subjects.shapes import Grammar, Shape

KIND: Final = "kind"
_WILD: Final = frozenset("*?")


@dataclass(frozen=True, slots=True)
class SubjectPattern:
    """One form of subject, filled in.

    Attributes:
        shape: the form.
        parts: its texts in turn, each with whether `*` and `?` in it are wildcards.
        named: the components that words named, with their values.
        left_open: the nouns of the components that no word named.
    """

    shape: Shape
    parts: tuple[tuple[str, bool], ...]
    named: tuple[tuple[str, str], ...]
    left_open: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether it is one subject and no pattern."""
        return not any(wild for _, wild in self.parts)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What words mean: any of these subjects, and all of these further conditions."""

    patterns: tuple[SubjectPattern, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]


def words_of(grammar: Grammar) -> tuple[str, ...]:
    """The words of a grammar: its components' names, then the nouns of those that are no ids."""
    components = [component for shape in grammar.shapes for component in shape.components]
    nouns = [_word(component.noun) for component in components if component.chosen_by is not ChosenBy.ISSUER]
    return tuple(dict.fromkeys((*(component.name for component in components), *nouns)))


def kinds_of(grammar: Grammar) -> tuple[str, ...]:
    """What `kind` may be: the names of the forms, and what a subject of each stands for."""
    return tuple(dict.fromkeys(_word(text) for shape in grammar.shapes for text in (shape.name, shape.leaf)))


def spoken(grammar: Grammar, words: Mapping[str, Sequence[str]], *, other_words: Collection[str] = ()) -> Spoken:
    """The subjects that words mean.

    Args:
        grammar: of the issuer.
        words: each with the values any of which will do.
        other_words: names that mean something beside the subject: the condition keys that AWS has for the issuer.

    Raises:
        RequestInvalid: a word is not known, a value cannot be what it names, the customer is not named in full, or no
            form of subject has all of the words. `word` among the facts is the one that will not do, where it is one.
    """
    kinds = [_word(kind) for kind in words.get(KIND, ())]
    told = {name: tuple(values) for name, values in words.items() if name != KIND}
    _demand_known(grammar, told, kinds, other_words)
    ids = {name for name in told if _is_id(grammar, name)}
    faults: list[RequestInvalid] = []
    candidates: list[tuple[int, SubjectPattern, frozenset[str]]] = []
    unused = {(name, value) for name, values in told.items() for value in values}
    for shape in grammar.shapes:
        held = _held(grammar, shape, told, kinds, other_words=other_words, ids=ids)
        if held is None:
            continue
        for values in product(*(told[name] for name in held)):
            try:
                filled = _filled(shape, dict(zip(held.values(), values, strict=True)), held)
                _demand_tenant(grammar, filled)
            except RequestInvalid as fault:
                faults.append(fault)
                continue
            missing = next((each for each in shape.components if each.name in {*shape.scope} - {*filled}), None)
            if missing is not None:
                faults.append(_unscoped(grammar, missing))
                continue
            try:
                _demand_somebody(grammar, shape, filled, held)
                _demand_fenced(grammar, shape, filled)
            except RequestInvalid as fault:
                faults.append(fault)
                continue
            rank = sum(held[name] in shape.scope and name not in ids for name in held)
            candidates.append((rank, _pattern(shape, filled), frozenset(held)))
            unused -= {*zip(held, values, strict=True)}
    if not candidates:
        raise faults[0] if faults else _none_has(grammar, told, kinds)
    _demand_all_used(unused, candidates, faults)
    best = max(rank for rank, _, _ in candidates)
    kept = [(pattern, held) for rank, pattern, held in candidates if rank == best]
    others = [
        (name, values)
        for name, values in told.items()
        if name in other_words and (name in ids or not all(name in held for _, held in kept))
    ]
    return Spoken(tuple(dict.fromkeys(pattern for pattern, _ in kept)), tuple(others))


def _demand_all_used(
    unused: Collection[tuple[str, str]],
    candidates: Sequence[tuple[int, SubjectPattern, frozenset[str]]],
    faults: Sequence[RequestInvalid],
) -> None:
    """Refuse a value of a list that no form takes: what somebody wrote is not left out in silence."""
    held = frozenset(name for _, _, names in candidates for name in names)
    for name, value in sorted(unused):
        if name in held:
            raise next((fault for fault in faults if f"`{value}`" in fault.message), None) or _cannot_be(name, value)


def _word(text: str) -> str:
    return text.replace(" ", "_").replace("-", "_")


def _component(shape: Shape, name: str) -> Component | None:
    by_name = next((each for each in shape.components if each.name == name), None)
    if by_name is not None:
        return by_name
    nouns = (each for each in shape.components if each.chosen_by is not ChosenBy.ISSUER)
    return next((each for each in nouns if _word(each.noun) == name), None)


def _is_id(grammar: Grammar, name: str) -> bool:
    found = [component for shape in grammar.shapes if (component := _component(shape, name)) is not None]
    return bool(found) and all(component.chosen_by is ChosenBy.ISSUER for component in found)


def _held(
    grammar: Grammar,
    shape: Shape,
    told: Mapping[str, tuple[str, ...]],
    kinds: Sequence[str],
    *,
    other_words: Collection[str],
    ids: Collection[str],
) -> dict[str, str] | None:
    """The words that a form holds, with its components' names; None when the form is not what is meant."""
    held = {name: component.name for name in told if (component := _component(shape, name)) is not None}
    if kinds:
        if not {_word(shape.name), _word(shape.leaf)} & {*kinds}:
            return None
    elif "pull request" in shape.leaf and all(
        name in shape.scope or name in ids for name in (held.values() or shape.scope)
    ):
        return None
    leaves = {_word(each.leaf) for each in grammar.shapes}
    pinned = any(name in other_words for name in ids)
    for name in told:
        if name in held:
            continue
        said_beside = name in other_words and not (name in leaves and not kinds)
        # An id that the form has no place for may go where another one, as a key of its own, says the same.
        if not said_beside and not (name in ids and pinned):
            return None
    return held


def _filled(shape: Shape, values: Mapping[str, str], held: Mapping[str, str]) -> dict[str, str]:
    """Each component's value; `owner/name` fills the names before it as well.

    Raises:
        RequestInvalid: a value cannot be what it names.
    """
    filled: dict[str, str] = {}
    spelled = {component: word for word, component in held.items()}
    beginning = shape.parts[0] if isinstance(shape.parts[0], str) else ""
    names = [each for each in shape.components if each.chosen_by is not ChosenBy.ISSUER]
    for component in shape.components:
        if component.name not in values:
            continue
        value = values[component.name].removeprefix(beginning)
        pieces = [value] if component.takes("/") else value.split("/")
        before = names[: names.index(component)] if component in names else []
        unnamed = [each for each in before if each.name not in values]
        if len(pieces) - 1 > len(unnamed):
            raise _cannot_be(spelled[component.name], values[component.name])
        targets = [*unnamed[len(unnamed) - len(pieces) + 1 :], component]
        for target, piece in zip(targets, pieces, strict=True):
            if not piece or not all(c in _WILD or target.takes(c) for c in piece):
                raise _cannot_be(spelled[component.name], values[component.name])
            if target.longest is not None and len(piece) > target.longest:
                raise _cannot_be(spelled[component.name], values[component.name])
            filled[target.name] = piece
    return filled


def _pattern(shape: Shape, filled: Mapping[str, str]) -> SubjectPattern:
    parts = []
    for index, part in enumerate(shape.parts):
        open_as = "*"
        if isinstance(part, Component) and part.length is not None and _named_behind(shape, index, filled):
            open_as = "?" * part.length  # no separator fits into it
        value = part if isinstance(part, str) else filled.get(part.name, open_as)
        parts.append((value, isinstance(part, Component) and bool(_WILD & {*value})))
    left_open = tuple(each.noun for each in shape.components if each.name not in filled)
    return SubjectPattern(shape, tuple(parts), tuple(filled.items()), left_open)


def _demand_tenant(grammar: Grammar, filled: Mapping[str, str]) -> None:
    tenant = filled.get(grammar.tenant or "", "")
    if _WILD & {*tenant.partition("/")[0]} or ("/" not in tenant and _WILD & {*tenant}):
        raise RequestInvalid(
            f"`{tenant}` does not name whose it is: anybody on {grammar.about} could fit",
            advice="Write the first name in full; a wildcard may stand behind it.",
            word=grammar.tenant,
        )


def _demand_somebody(grammar: Grammar, shape: Shape, filled: Mapping[str, str], held: Mapping[str, str]) -> None:
    """Refuse a scope that is nothing but wildcards: it is as good as left out."""
    named = [name for name in shape.scope if name in filled]
    if not named or any(filled[name].strip("*?") for name in named):
        return
    word = next((word for word, name in held.items() if name in named), named[0])
    raise RequestInvalid(
        f"`{filled[named[0]]}` is every `{word}` of {grammar.about}, also those that others make later",
        advice="Name it in full; a list may have several.",
        word=word,
    )


def _demand_fenced(grammar: Grammar, shape: Shape, filled: Mapping[str, str]) -> None:
    """Refuse a wildcard that could run over the end of its part into one that somebody else chooses.

    A star stands for separators too. In `user/*/vcs-ref/refs/heads/main` it would also stand for the beginning of a
    branch that somebody calls `x/vcs-ref/refs/heads/main`.
    """
    for index, part in enumerate(shape.parts):
        if isinstance(part, str):
            continue
        value = filled.get(part.name)
        if value is None:
            if part.length is None and _named_behind(shape, index, filled) and _overruns(grammar, shape, index):
                behind = next(each.name for each in shape.components if each.name in {*filled} - {*shape.scope})
                raise RequestInvalid(
                    f"`{part.name}` is left open, and what stands behind it could be pretended",
                    advice=f"Name `{part.name}` as well, or leave out `{behind}` and what follows.",
                    missing=part.name,
                )
        elif _WILD & {*value} and part.chosen_by is ChosenBy.ISSUER:
            raise RequestInvalid(
                f"`{value}`: the `{part.name}` is an id, and has no wildcards",
                advice="Write the id in full, or leave it out; a list may have several.",
                word=part.name,
            )
        elif _WILD & {*value} and _overruns(grammar, shape, index):
            raise RequestInvalid(
                f"`{value}`: a wildcard in the `{part.name}` would also stand for what follows it",
                advice="Write it in full; a list may have several.",
                word=part.name,
            )


def _named_behind(shape: Shape, index: int, filled: Mapping[str, str]) -> bool:
    return any(not isinstance(part, str) and part.name in filled for part in shape.parts[index + 1 :])


def _overruns(grammar: Grammar, shape: Shape, index: int) -> bool:
    """Whether a text of any length in place of a part could reach into later parts, in this form or a longer one.

    It could when all fixed texts behind the part are found again, in order, behind where they belong. What is in doubt
    counts as found.
    """
    begun = shape.parts[: index + 1]
    fences = [part for part in shape.parts[index + 1 :] if isinstance(part, str)]
    for other in grammar.shapes:
        if other.parts[: index + 1] != begun or len(other.parts) <= index + 1:
            continue
        later = list(other.parts[index + 1 :])
        if isinstance(later[0], str):
            later[0] = later[0][1:]
        left = list(fences)
        for part in later:
            while left and (left[0] in part if isinstance(part, str) else all(map(part.takes, left[0]))):
                left.pop(0)
        if not left:
            return True
    return False


def _demand_known(
    grammar: Grammar, told: Mapping[str, tuple[str, ...]], kinds: Sequence[str], other_words: Collection[str]
) -> None:
    allowed = [*words_of(grammar), *(name for name in other_words if name not in words_of(grammar)), KIND]
    for name, values in told.items():
        if name not in allowed:
            raise RequestInvalid(
                f"`{name}` is not a word of {grammar.name}", advice=did_you_mean(name, allowed), word=name
            )
        if not values or not all(values):
            raise RequestInvalid(f"`{name}` has no value", word=name)
    for kind in kinds:
        if kind not in kinds_of(grammar):
            raise RequestInvalid(
                f"`{kind}` is not a kind of {grammar.name}", advice=did_you_mean(kind, kinds_of(grammar)), word=KIND
            )


def did_you_mean(typed: str, known: Sequence[str]) -> str:
    """Advice with the nearest of what is known, or with all of it."""
    close = get_close_matches(typed, known, n=1)
    return f"Did you mean `{close[0]}`?" if close else f"There are: {', '.join(known)}."


def _cannot_be(word: str, value: str) -> RequestInvalid:
    return RequestInvalid(f"`{value}` cannot be the `{word}` of a subject", word=word)


def _unscoped(grammar: Grammar, component: Component) -> RequestInvalid:
    missing = component.name if component.chosen_by is ChosenBy.ISSUER else _word(component.noun)
    return RequestInvalid(
        f"`{missing}` is needed to say who may enter from {grammar.about}",
        advice="Name the project in full; without it, others of the same issuer would get in.",
        missing=missing,
    )


def _none_has(grammar: Grammar, told: Mapping[str, tuple[str, ...]], kinds: Sequence[str]) -> RequestInvalid:
    words = ", ".join(f"`{name}`" for name in told) or "no word at all"
    of_kind = f" of the kind {' or '.join(f'`{kind}`' for kind in kinds)}" if kinds else ""
    return RequestInvalid(
        f"no subject of {grammar.about}{of_kind} has {words} together",
        advice="Say fewer words, or what AWS reads from other claims with `claims`.",
    )
