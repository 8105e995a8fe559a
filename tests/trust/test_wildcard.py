"""The matcher agrees with the obvious one, and its work grows with the text."""

from __future__ import annotations

import sys
from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daypass.trust.wildcard import Pattern, Wildcard

if TYPE_CHECKING:
    from types import FrameType


def obvious(pattern: str, text: str) -> bool:
    """By the definition, in exponential time."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(obvious(pattern[1:], text[cut:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and obvious(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_the_matcher_agrees_with_the_definition(pattern: str, text: str) -> None:
    assert Pattern.parse(pattern).matches(text) is obvious(pattern, text)


@given(st.text("a?*\x00é€", max_size=8), st.text("a\x00éƒ€", max_size=8))
@example("*a?b*", "")
@example("*€?é*", "a€€éé")
def test_every_letter_counts(pattern: str, text: str) -> None:
    assert Pattern.parse(pattern).matches(text) is obvious(pattern, text)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_text_matches_itself_with_anything_between(first: str, between: str, last: str) -> None:
    pattern = Pattern.of([first, Wildcard.MANY, last])
    assert pattern.matches(first + between + last)
    assert Pattern.of([first, last]).matches(first + last)


def steps(pattern: Pattern, text: str) -> int:
    """How many lines of Python the match takes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]  # the stub wants the one recursive type it cannot be given
    try:
        pattern.matches(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("pattern", "letter"),
    [
        ("*a" * 1000 + "*b*", "a"),
        ("*a?a" * 300 + "*b*", "a"),
        ("*" + "a?" * 500 + "b", "a"),
        ("*" + "a" * 500 + "?b*", "a"),
    ],
)
def test_stars_do_not_multiply_the_work(pattern: str, letter: str) -> None:
    """A backtracking matcher needs the power of the number of stars here."""
    compiled = Pattern.parse(pattern)
    once, twice = (steps(compiled, letter * length) for length in (5_000, 10_000))
    assert twice <= 2.1 * once + 100
    assert twice <= 10 * (10_000 + len(pattern))


@pytest.mark.parametrize(
    "pattern", ["*a*a*a*a*b", "*a" * 1000 + "*b*", "*a?" * 1000 + "*b*", "*" + "?a" * 900 + "b*", "*a?b" * 400 + "*"]
)
def test_a_hostile_pattern_is_soon_done(pattern: str) -> None:
    """About 0.6 ms of CPU at most; a backtracking matcher needs seconds for the first."""
    compiled, text = Pattern.parse(pattern), "a" * 10_000
    start = process_time()
    for _ in range(10):
        assert not compiled.matches(text)
    assert process_time() - start < 0.05


def test_a_letter_outside_the_basic_plane_is_two_units() -> None:
    assert Pattern.parse("??").matches("\U0001f511")
    assert not Pattern.parse("?").matches("\U0001f511")
    assert Pattern.parse("a*\U0001f511?").matches("ab\U0001f511c")
