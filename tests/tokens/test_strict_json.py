"""The strict JSON reader: what it refuses, where it says the fault is, and that it never does worse than refuse."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import JsonMalformed
from daypass.tokens.strict_json import JsonValue, brief, dump, parse

LIMIT = 100_000

SAFE_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SAFE_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE_TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        ('{"a":1,"a":2}', "member `a` comes twice", 1, 8),
        ('{"sub":1,"\\u0073ub":2}', "member `sub` comes twice", 1, 10),
        ('{"a":{"b":1},\n "c":[{"b":1,\n  "b":2}]}', "member `b` comes twice", 3, 3),
        ('{"a": NaN}', "NaN is not JSON", 1, 7),
        ("[-Infinity]", "-Infinity is not JSON", 1, 2),
        ("[Infinity]", "Infinity is not JSON", 1, 2),
        ("[1,\n1e400]", "number out of range", 2, 1),
        ("[-1e400]", "number out of range", 1, 2),
        (f"[{2**63 + 1}]", "number out of range", 1, 2),
        ("[" + "1" * 5000 + "]", "number out of range", 1, 2),
        ("[1.5," + "9" * 400 + ".0]", "number out of range", 1, 6),
        ('["\\ud800"]', "half of a surrogate pair", 1, 2),
        ('["\\ud800\\ud800"]', "half of a surrogate pair", 1, 2),
        ('{"\\udc00":1}', "half of a surrogate pair", 1, 2),
        ('["a", "\ud800"]', "half of a surrogate pair", 1, 8),
        ('["\\u0000"]', "control character U+0000", 1, 2),
        ('["a\\nb"]', "control character U+000A", 1, 2),
        ('["\x7f"]', "control character U+007F", 1, 2),
        ('["\x85"]', "control character U+0085", 1, 2),
        ('{"\\u009f":1}', "control character U+009F", 1, 2),
        ('["a\nb"]', "invalid control character at", 1, 4),
        ('["a\x00b"]', "invalid control character at", 1, 4),
        ("\ufeff{}", "begins with a byte order mark", 1, 1),
        ("[" * 33 + "]" * 33, "nested deeper than 32", 1, 33),
        ('{"a":' * 33 + "1" + "}" * 33, "nested deeper than 32", 1, 161),
        ("[" * 50_000, "nested deeper than 32", 1, 33),
        ('{"a":' * 15_000, "nested deeper than 32", 1, 161),
        ("{" + ",".join(f'"{n}":0' for n in range(257)) + "}", "more than 256 members", 1, 1940),
        ("", "expecting value", 1, 1),
        ("{} {}", "extra data", 1, 4),
        ("{'a':1}", "expecting property name enclosed in double quotes", 1, 2),
        ('{\n  "a": 1\n  "b": 2\n}', "expecting ',' delimiter", 3, 3),
        ("[01]", "expecting ',' delimiter", 1, 3),
        ("[.5]", "expecting value", 1, 2),
        ("[1]//", "extra data", 1, 4),
        ('["\\x"]', "invalid \\escape", 1, 3),
        ('"', "unterminated string starting at", 1, 1),
    ],
)
def test_a_fault_is_refused_with_its_place(text: str, reason: str, line: int, column: int) -> None:
    with pytest.raises(JsonMalformed) as refusal:
        parse(text, max_bytes=LIMIT)
    facts = refusal.value.facts
    assert (facts["reason"], facts["line"], facts["column"]) == (reason, line, column)
    offset = facts["offset"]
    assert isinstance(offset, int)
    assert text.count("\n", 0, offset) + 1 == line
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("data", "line", "column"), [(b'["\xff"]', 1, 3), (b'[\n"\xc3\xa9\xc0\xaf"]', 2, 3), (b"\x00{\x00}\xd8", 1, 5)]
)
def test_bytes_are_utf_8(data: bytes, line: int, column: int) -> None:
    with pytest.raises(JsonMalformed) as refusal:
        parse(data, max_bytes=LIMIT)
    assert refusal.value.facts == {"line": line, "column": column, "offset": column - 1 + 2 * (line - 1)} | {
        "reason": "not UTF-8"
    }


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        " {} ",
        "null",
        '"\\ud83d\\ude80"',
        '"\\\\ud800"',
        '"\\\\n"',
        f"[{2**63}, {-(2**63)}]",
        "[1e308, -0.0, 1E-400]",
        "[" * 32 + "]" * 32,
        '"' + "[{" * 100 + '"',
        '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
        '"\u2028 \u00a0 \u202e é"',
    ],
)
def test_what_is_json_reads_as_json(text: str) -> None:
    assert parse(text, max_bytes=LIMIT) == json.loads(text)


def test_the_size_is_counted_in_bytes_before_anything_is_read() -> None:
    assert parse('"é"', max_bytes=4) == "é"
    for text in ('"é"', '"é"'.encode(), "\xff" * 100, b"\xff" * 100):
        with pytest.raises(JsonMalformed, match="longer than 3 bytes"):
            parse(text, max_bytes=3)


def test_the_last_of_two_members_counts_when_asked_for() -> None:
    assert parse('{"a":1,"a":{"b":1,"b":2}}', max_bytes=LIMIT, duplicates="last") == {"a": {"b": 2}}
    with pytest.raises(JsonMalformed, match="more than 1 members"):
        parse('{"a":1,"a":2}', max_bytes=LIMIT, max_members=1, duplicates="last")


def test_control_characters_are_let_in_when_asked_for() -> None:
    assert parse('"a\\nb\\t\\u0085\x7f"', max_bytes=LIMIT, control_characters=True) == "a\nb\t\x85\x7f"
    with pytest.raises(JsonMalformed, match="half of a surrogate pair"):
        parse('"\\n\\ud800"', max_bytes=LIMIT, control_characters=True)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("text", ['\\"', '"\\', "[", '{"":', '"', "\\\\", '","', "0", "\\ud800", "é\\n"])
def test_hostile_texts_take_linear_time(text: str, count: int) -> None:
    hostile = ("[" + '"' * (count // 2) + text * (100_000 // len(text)))[:LIMIT]
    before = time.process_time()
    with pytest.raises(JsonMalformed):
        parse(hostile, max_bytes=4 * LIMIT)
    assert time.process_time() - before < 1


@given(VALUES)
def test_what_is_dumped_is_read_back(value: JsonValue) -> None:
    assert parse(dump(value), max_bytes=LIMIT, max_depth=100) == value


@given(VALUES)
def test_escaping_everything_changes_nothing(value: JsonValue) -> None:
    assert parse(json.dumps(value), max_bytes=LIMIT, max_depth=100) == value


@given(st.text('[]{}":,\\u0dn1-.e Na\n\ud800', max_size=30) | st.text(max_size=30))
def test_any_text_is_read_as_the_standard_library_does_or_refused(text: str) -> None:
    try:
        value = parse(text, max_bytes=LIMIT)
    except JsonMalformed as refusal:
        offset = refusal.facts["offset"]
        assert isinstance(offset, int)
        assert 0 <= offset <= len(text)
        return
    assert value == json.loads(text)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data, max_bytes=LIMIT)
    except JsonMalformed:
        return
    json.loads(data.decode())


def test_dump_takes_mappings_and_refuses_what_json_has_no_form_for() -> None:
    assert dump(MappingProxyType({"b": (1, "é"), "a": None})) == '{"b":[1,"é"],"a":null}'.encode()
    for value in ({"at": datetime.now(UTC)}, {1, 2}, b"bytes", object(), {"a": "\ud800"}, {1: 2}, 2**70):
        with pytest.raises(TypeError):
            dump(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "`a`"),
        ("a" * 200, f"`{'a' * 127}…`"),
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        (["a", "b"], "[`a`, `b`]"),
        ([1], "an array"),
        (["a"] * 5, "an array"),
        ({}, "an object"),
    ],
)
def test_brief(value: JsonValue, text: str) -> None:
    assert brief(value) == text
