"""The page of threats names tests that exist, for every row, and every row has a breakage that its test must notice."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from mutations.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security" / "threats.md").read_text("utf-8")
ROWS = {int(number): cell for number, cell in re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", PAGE, re.M)}
BROKEN = {*range(1, 51), *range(60, 64)}
"""Sections A, B, C, D and F."""


@cache
def defined(file: str) -> frozenset[str]:
    return frozenset(re.findall(r"^ *(?:async )?(?:def|class) (\w+)", (ROOT / file).read_text("utf-8"), re.M))


def named(text: str) -> list[tuple[str, str]]:
    """The tests that a text names, each with the file that was named last before it.

    `test_threats_42_…` stands for all whose names begin so.
    """
    found, file = [], ""
    for word in re.findall(r"`(tests/[\w/]+\.py|[Tt]est\w+…?)`", text):
        if word.endswith(".py"):
            file = word
        else:
            found.append((file, word))
    return found


def demand_defined(tests: list[tuple[str, str]]) -> None:
    for file, test in tests:
        known = defined(file)
        there = any(one.startswith(test[:-1]) for one in known) if test.endswith("…") else test in known
        assert there, f"{file} has no {test}"


def test_every_row_is_there() -> None:
    assert ROWS.keys() >= BROKEN


@pytest.mark.parametrize("number", ROWS)
def test_a_row_names_its_tests_or_its_reason(number: int) -> None:
    tests = named(ROWS[number])
    assert tests or ROWS[number].startswith("None: ")
    demand_defined(tests)


def test_what_is_named_beside_the_rows_exists() -> None:
    demand_defined(named(re.sub(r"^\|.*$", "", PAGE, flags=re.M)))
    for file in re.findall(r"`(tests/[\w/]+\.py)`", PAGE):
        assert (ROOT / file).is_file()


def test_every_row_with_a_test_has_a_breakage() -> None:
    with_a_test = {number for number in BROKEN if named(ROWS[number])}
    assert {breakage.threat for breakage in BREAKAGES} == with_a_test


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: str(breakage.threat))
def test_a_breakage_can_still_be_made(breakage: Breakage) -> None:
    """What it changes is there, once; `make mutants` carries it out."""
    assert (ROOT / "src" / "daypass" / breakage.file).read_text("utf-8").count(breakage.old) == 1
    file, *parts = breakage.test.split("::")
    assert set(parts) <= defined(f"tests/{file}")
