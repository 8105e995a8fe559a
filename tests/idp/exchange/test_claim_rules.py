"""Rules of a connection: type and value, whole, never across a separator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import RequestInvalid
from daypass.idp.exchange.patterns import Pattern
from daypass.idp.exchange.rules import ClaimRule, Comparison, Scalar, mismatches

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

CLAIMS: dict[str, JsonValue] = {
    "project_id": "4711",
    "ref": "release/2.1",
    "ref_protected": "true",
    "runner_id": 12,
    "fork": False,
    "groups_direct": ["tidewater", "tidewater/billing"],
    "kubernetes.io": {"namespace": "ci", "pod": {"name": "build-1"}},
}


def _rule(**document: JsonValue) -> ClaimRule:
    return ClaimRule.from_json(document)


@pytest.mark.parametrize(
    "document",
    [
        {"claim": "project_id", "equals": "4711"},
        {"claim": "runner_id", "equals": 12},
        {"claim": "fork", "equals": False},
        {"claim": "ref", "matches": "release/*"},
        {"claim": "ref", "matches": ["main", "release/*"]},
        {"claim": "ref_protected", "one_of": ["true", True]},
        {"claim": "groups_direct", "contains": "tidewater"},
        {"claim": ["kubernetes.io", "pod", "name"], "matches": "build-*"},
    ],
)
def test_a_rule_that_holds_and_reads_back(document: dict[str, JsonValue]) -> None:
    rule = ClaimRule.from_json(document)
    assert rule.mismatch(CLAIMS) is None
    assert ClaimRule.from_json(rule.to_json()) == rule


@pytest.mark.parametrize(
    ("document", "received"),
    [
        ({"claim": "project_id", "equals": 4711}, "the text `4711`, where the rule wants the number"),
        ({"claim": "ref_protected", "equals": True}, "the text `true`, where the rule wants the boolean"),
        ({"claim": "fork", "equals": 0}, "the boolean false, where the rule wants the number"),
        ({"claim": "runner_id", "matches": "12"}, "the number 12, where the rule wants the text"),
        ({"claim": "groups_direct", "equals": "tidewater"}, "the array [`tidewater`, `tidewater/billing`], "),
        ({"claim": "ref", "contains": "release/2.1"}, "the text `release/2.1`, where the rule wants an array"),
        ({"claim": "nonesuch", "equals": "x"}, "no such claim"),
        ({"claim": ["ref", "name"], "equals": "x"}, "no such claim"),
        ({"claim": ["kubernetes.io", "nonesuch"], "equals": "x"}, "no such claim"),
        ({"claim": "ref", "matches": "rel*"}, "the text `release/2.1`"),
    ],
)
def test_a_rule_that_does_not_hold_says_what_was_received(document: dict[str, JsonValue], received: str) -> None:
    found = ClaimRule.from_json(document).mismatch(CLAIMS)
    assert found is not None
    assert found.received.startswith(received)


def test_every_mismatch_is_told() -> None:
    rules = [_rule(claim="ref", equals="main"), _rule(claim="fork", equals=False), _rule(claim="sha", equals="x")]
    assert [found.rule for found in mismatches(rules, CLAIMS)] == ["ref equals `main`", "sha equals `x`"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"claim": "ref"},
        {"equals": "x"},
        {"claim": "", "equals": "x"},
        {"claim": [], "equals": "x"},
        {"claim": [1], "equals": "x"},
        {"claim": ["a"] * 9, "equals": "x"},
        {"claim": "ref", "equals": "x", "matches": "y"},
        {"claim": "ref", "equals": "x", "regex": "y"},
        {"claim": "ref", "equals": None},
        {"claim": "ref", "equals": ["x"]},
        {"claim": "ref", "one_of": []},
        {"claim": "ref", "one_of": "main"},
        {"claim": "ref", "matches": 1},
        {"claim": "ref", "matches": "**"},
        {"claim": "ref", "matches": "a**"},
        {"claim": "ref", "matches": "*"},
        {"claim": "ref", "matches": "*/*"},
        {"claim": "ref", "matches": ""},
        {"claim": "ref", "matches": "x" * 513},
    ],
)
def test_a_rule_that_says_nothing_or_too_much_is_refused(document: dict[str, JsonValue]) -> None:
    with pytest.raises(RequestInvalid):
        ClaimRule.from_json(document)


@pytest.mark.parametrize(
    ("pattern", "value", "covered"),
    [
        ("main", "main", True),
        ("main", "main2", False),
        ("main", "xmain", False),
        ("release/*", "release/2.1", True),
        ("release/*", "release/", False),
        ("release/*", "release/a/b", False),
        ("release/*", "release/a:b", False),
        ("repo:*/app:*", "repo:tidewater/app:x", True),
        ("repo:*/app:*", "repo:tidewater:app/x", False),
        ("a*a", "aa", False),
        ("a*a", "aba", True),
        ("a*b*c", "axbbxc", True),
        ("a*b*c", "abc", False),
        (".+", "xx", False),
        ("v[0-9]", "v1", False),
        ("main", "main\n", False),
    ],
)
def test_a_pattern_covers_the_whole_value(pattern: str, value: str, *, covered: bool) -> None:
    assert Pattern.parse(pattern).matches(value) is covered


@given(st.text("ab*/:", min_size=1, max_size=12), st.text("ab/:\n", max_size=14))
def test_a_pattern_means_what_its_regular_expression_would(pattern: str, value: str) -> None:
    try:
        parsed = Pattern.parse(pattern)
    except RequestInvalid:
        return
    expression = "".join("[^/:]+" if part == "*" else re.escape(part) for part in pattern)
    assert parsed.matches(value) is (re.fullmatch(expression, value) is not None)


def test_a_hostile_pattern_ends() -> None:
    """25 stars in a backtracking expression ran for seconds; so many would not end before the test's own limit."""
    assert not Pattern.parse("a*" * 255 + "b").matches("a" * 20_000)


@given(st.sampled_from(list(Comparison)), st.data())
def test_no_value_is_coerced(comparison: Comparison, data: st.DataObject) -> None:
    """Only the very same type and value may hold, whatever the two look like."""
    scalars: st.SearchStrategy[Scalar] = st.sampled_from(["true", "false", "1", "0", "", True, False, 1, 0, 1.5])
    wanted, found = data.draw(scalars), data.draw(scalars)
    if comparison is Comparison.MATCHES:
        return
    rule = ClaimRule.of(["x"], comparison, [wanted])
    same = type(wanted) is type(found) and wanted == found
    claims: dict[str, JsonValue] = {"x": [found] if comparison is Comparison.CONTAINS else found}
    assert (rule.mismatch(claims) is None) is same
