"""Conditions as sets of texts: for each condition key, finitely many values that stand for all.

What is enumerated here is only proposed. Whether a condition holds for a value is asked of the condition itself, and
where its answer is not the one that the enumeration foresaw, nothing is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

from daypass.trust.callers import DEFAULT_SECONDS, REQUEST_TAG, TAG_KEYS, TIME_KEYS, Form, tag_domain
from daypass.trust.comparisons.addresses import address, network
from daypass.trust.comparisons.dates import instant
from daypass.trust.comparisons.numbers import number
from daypass.trust.comparisons.strings import lower
from daypass.trust.context import Context
from daypass.trust.languages import Aim, Language, NotRegular, TooManyClasses, classes
from daypass.trust.operators import Comparison
from daypass.trust.variables import Template, Variable, joined
from daypass.trust.wildcard import Pattern, Wildcard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daypass.trust.callers import Caller, Domain, Values
    from daypass.trust.statement import Condition

MAX_MEMBERS: Final = 10
"""Of how many kinds of values the sets of a multi-valued key are made up."""

_TEXTUAL: Final = frozenset({Comparison.EXACT, Comparison.IGNORING_CASE, Comparison.LIKE})
_LAST_SECOND: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Wish:
    """One condition, and what is wanted of it: that it holds (`needed`), or that it does not where that can be had."""

    condition: Condition
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A set that the value of a key must be in, or not."""

    key: str
    language: Language
    inside: bool


def group_of(key: str) -> str:
    """Keys of one group are given values together, because those of one follow from those of another."""
    if key in TIME_KEYS:
        return "time"
    return "tags" if key in TAG_KEYS or key.startswith(REQUEST_TAG) else key


def candidates(
    group: str, wishes: Sequence[Wish], limits: Sequence[Limit], *, caller: Caller, way: tuple[str, ...]
) -> list[Values]:
    """Values for the keys of a group that stand for all that are worth trying.

    Every needed condition holds for each of them. Of the others, no fewer hold for what is left out than for something
    that is there.

    Args:
        group: from `group_of`.
        wishes: the conditions on keys of the group.
        limits: those of the group.
        caller: who asks.
        way: the actions asked for.

    Raises:
        NotRegular: a condition compares what is not enumerated.
        TooManyClasses: there are more kinds of values than are looked at.
    """
    keys = sorted({wish.condition.key.lower() for wish in wishes} | {limit.key for limit in limits})
    domains = {key: caller.domain(key, way) for key in keys}
    if all(domain.form is Form.NOTHING for domain in domains.values()):
        proposed: Iterable[Values] = [{}]
    elif group == "time":
        proposed = _times(wishes)
    elif group == "tags":
        proposed = _tag_sets(keys, wishes, caller.base)
    else:
        proposed = _values(keys[0], domains[keys[0]], wishes, limits, caller.base)
    return _best(proposed, wishes, caller.base)


def _best(proposed: Iterable[Values], wishes: Sequence[Wish], base: Context) -> list[Values]:
    """Those for which all needed conditions hold, without those that another one is as good as."""
    kept: dict[tuple[bool, ...], Values] = {}
    for values in proposed:
        context = _context(base, values)
        if not all(wish.condition.holds(context) for wish in wishes if wish.needed):
            continue
        in_the_way = tuple(wish.condition.holds(context) for wish in wishes if not wish.needed)
        if not any(_no_more(other, in_the_way) for other in kept):
            kept = {other: its for other, its in kept.items() if not _no_more(in_the_way, other)}
            kept[in_the_way] = values
    return list(kept.values())


def _no_more(one: tuple[bool, ...], other: tuple[bool, ...]) -> bool:
    """Whether nothing holds in `one` that does not in the `other`."""
    return all(first <= second for first, second in zip(one, other, strict=True))


def _context(base: Context, values: Values) -> Context:
    return Context({**base.values, **values}, base.multivalued)


def _values(
    key: str, domain: Domain, wishes: Sequence[Wish], limits: Sequence[Limit], base: Context
) -> Iterable[Values]:
    """Each value that the key is tried with, and the key left out where that can be."""
    found: Iterable[tuple[str, ...]]
    match domain.form:
        case Form.FIXED:
            return [{}]
        case Form.CHOICE:
            found = [(choice,) for choice in domain.choices]
        case Form.ADDRESS:
            found = [(text,) for text in _addresses(wishes)]
        case Form.TEXTS:
            found = _sets(_texts(domain, wishes, limits, base, apart=True))
        case _:
            compared = {wish.condition.parsed.comparison for wish in wishes} - {Comparison.ABSENCE}
            texts = (
                _numbers(wishes)
                if compared == {Comparison.NUMBER} and not limits
                else _texts(domain, wishes, limits, base, apart=False)
            )
            found = [(text,) for text in texts]
    proposed: list[Values] = [{key: values} for values in found]
    if domain.optional and not any(limit.inside for limit in limits):
        proposed.append({})
    return proposed


def _texts(domain: Domain, wishes: Sequence[Wish], limits: Sequence[Limit], base: Context, *, apart: bool) -> list[str]:
    """The kinds of texts that the conditions tell apart; `apart` when nothing may be left out."""
    aims = [Aim(limit.language, limit.inside) for limit in limits]
    if domain.within is not None:
        aims.append(Aim(domain.within, inside=True))
    foreseen: list[tuple[int, Condition, bool]] = []
    for wish in wishes:
        condition = wish.condition
        if condition.parsed.comparison is Comparison.ABSENCE or not condition.values:
            continue  # it asks whether there is a value, or nothing at all; not which
        language, inside = _language(condition, base)
        foreseen.append((len(aims), condition, inside))
        if apart:
            aims.append(Aim(language))
        elif wish.needed:
            aims.append(Aim(language, inside))
        else:
            aims.append(Aim(language, few=inside, often=not inside))
    found = classes(aims, letters=domain.letters, max_length=domain.max_length)
    if not apart:
        for each in found:
            context = _context(base, {condition.key.lower(): (each.sample,) for _, condition, _ in foreseen})
            for index, condition, inside in foreseen:
                if condition.holds(context) is not (each.inside[index] is inside):
                    raise NotRegular(f"`{condition.operator}` on `{condition.key}`")
    return [each.sample for each in found]


def value_language(condition: Condition, value: str, base: Context) -> Language | None:
    """The texts that one value of a condition is compared with; None when it is compared with none.

    Raises:
        NotRegular: the condition compares something else than text, or the value depends on the request.
    """
    if condition.parsed.comparison not in _TEXTUAL:
        raise NotRegular(f"`{condition.operator}` on `{condition.key}`")
    resolved = _resolved(condition, value, base)
    return None if resolved is None else _described(condition.parsed.comparison, (tuple(resolved),))


def _language(condition: Condition, base: Context) -> tuple[Language, bool]:
    """The texts that a condition compares with, and whether it holds inside of them or outside."""
    operator = condition.parsed
    inside = not operator.negated
    if operator.comparison is Comparison.BOOL:
        wanted = {value.lower() == "true" for value in condition.values}
        if len(wanted) == 2:
            return _described(Comparison.LIKE, ((Wildcard.MANY,),)), inside
        return _described(Comparison.IGNORING_CASE, (("true",),)), inside is (True in wanted)
    if operator.comparison not in _TEXTUAL:
        raise NotRegular(f"`{condition.operator}` on `{condition.key}`")
    resolved = (_resolved(condition, value, base) for value in condition.values)
    return _described(operator.comparison, tuple(tuple(parts) for parts in resolved if parts is not None)), inside


@lru_cache(maxsize=1024)
def _described(comparison: Comparison, values: tuple[tuple[str | Wildcard, ...], ...]) -> Language:
    """Kept, because one search asks for the same condition many times."""
    if comparison is Comparison.LIKE:
        return Language.like(map(Pattern.of, values))
    texts = map(joined, values)
    return Language.exactly(texts) if comparison is Comparison.EXACT else Language.ignoring_case(map(lower, texts))


def _resolved(condition: Condition, value: str, base: Context) -> Sequence[str | Wildcard] | None:
    template = Template.parse(value, variables=condition.variables and condition.parsed.takes_variables)
    if any(isinstance(part, Variable) and not base.get(part.key) for part in template.parts):
        raise NotRegular(f"the policy variable in `{value}`")
    return template.resolve(base)


def _sets(texts: Sequence[str]) -> Iterable[tuple[str, ...]]:
    if len(texts) > MAX_MEMBERS:
        raise TooManyClasses
    for size in range(1, len(texts) + 1):
        yield from combinations(texts, size)


def _tag_sets(keys: Sequence[str], wishes: Sequence[Wish], base: Context) -> Iterable[Values]:
    """Session tags: each tag that a condition names with each kind of value or absent, and further tags."""
    domain = tag_domain()
    named = [key for key in keys if key.startswith(REQUEST_TAG)]
    choices: list[list[Values]] = []
    for key in named:
        on_key = [wish for wish in wishes if wish.condition.key.lower() == key]
        texts = _texts(domain, on_key, (), base, apart=True)
        valued: list[Values] = [{key: (text,)} for text in texts]
        choices.append([{}, *valued])
    for key in TAG_KEYS:
        if key in keys:
            on_key = [wish for wish in wishes if wish.condition.key.lower() == key]
            names = [
                Limit(key, Language.ignoring_case([name.removeprefix(REQUEST_TAG)]), inside=False) for name in named
            ]
            further = _texts(domain, on_key, names, base, apart=True)
            spelt = [
                text
                for name in named
                for text in _texts(
                    domain,
                    on_key,
                    [Limit(key, Language.ignoring_case([name.removeprefix(REQUEST_TAG)]), inside=True)],
                    base,
                    apart=True,
                )
            ]
            choices.append([{}, *({key: texts} for texts in _sets([*further, *spelt]))])
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > 20_000:
        raise TooManyClasses
    combined: list[Values] = [{}]
    for choice in choices:
        combined = [{**one, **other} for one in combined for other in choice]
    return [values for values in combined if _consistent(values, keys)]


def _consistent(values: Values, keys: Sequence[str]) -> bool:
    """Whether one token can have these tags: the keys of the tags are those of `aws:TagKeys`."""
    tags = {key.removeprefix(REQUEST_TAG) for key in values if key.startswith(REQUEST_TAG)}
    all_keys = [key.lower() for key in values.get("aws:tagkeys", ())]
    transitive = [key.lower() for key in values.get("sts:transitivetagkeys", ())]
    if len(set(all_keys)) != len(all_keys) or len(set(transitive)) != len(transitive):
        return False
    named = {key.removeprefix(REQUEST_TAG) for key in keys if key.startswith(REQUEST_TAG)}
    present = {*tags, *transitive} if "aws:tagkeys" not in keys else set(all_keys)
    return present & named == tags and {*tags, *transitive} <= present


def _times(wishes: Sequence[Wish]) -> Iterable[Values]:
    """The seconds at, before and after every instant that a condition names."""
    seconds = {DEFAULT_SECONDS}
    for wish in wishes:
        condition = wish.condition
        read: list[int | None]
        match condition.parsed.comparison:
            case Comparison.ABSENCE:
                continue
            case Comparison.DATE:
                read = [instant(value) for value in condition.values]
            case Comparison.NUMBER:
                numbers = [number(value) for value in condition.values]
                read = [None if found is None else int(found * 1000) for found in numbers]
            case _:
                raise NotRegular(f"`{condition.operator}` on `{condition.key}`")
        for milliseconds in read:
            if milliseconds is not None:
                seconds.update(milliseconds // 1000 + offset for offset in (-1, 0, 1))
    for second in sorted(seconds, key=lambda each: (abs(each - DEFAULT_SECONDS), each)):
        if 0 <= second <= _LAST_SECOND:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield {"aws:epochtime": (str(second),), "aws:currenttime": (text,)}


def _numbers(wishes: Sequence[Wish]) -> Iterable[str]:
    """Every number that a condition names, one between each two, one beyond each end, and a text that is none."""
    named = sorted({found for wish in wishes for found in map(number, wish.condition.values) if found is not None})
    if not named:
        return ["1", "x"]
    between = [(one + other) / 2 for one, other in pairwise(named)]
    return [f"{each:f}" for each in (*named, *between, named[0] - 1, named[-1] + 1)] + ["x"]


def _addresses(wishes: Sequence[Wish]) -> Iterable[str]:
    """The ends of every range that a condition names, their neighbours, and an address of each version."""
    found = ["203.0.113.9", "2001:db8::9"]
    for wish in wishes:
        condition = wish.condition
        if condition.parsed.comparison is Comparison.EXACT:
            found += [value for value in condition.values if address(value) is not None]
            continue
        if condition.parsed.comparison not in {Comparison.ADDRESS, Comparison.ABSENCE}:
            raise NotRegular(f"`{condition.operator}` on `{condition.key}`")
        for each in map(network, condition.values):
            if each is None:
                continue
            kind, last = type(each.network_address), (1 << each.max_prefixlen) - 1
            first, end = int(each.network_address), int(each.broadcast_address)
            found += [str(kind(n)) for n in (first, end, first - 1, end + 1) if 0 <= n <= last]
    return dict.fromkeys(found)
