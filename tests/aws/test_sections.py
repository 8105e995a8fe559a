"""The section editor: exact to the byte outside its section, and understood by the parsers that read the files."""

from __future__ import annotations

import configparser
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.aws.sections import set_keys
from daypass.errors import FileUnavailable

VALUES: dict[str, str | None] = {"aws_access_key_id": "AKID", "aws_secret_access_key": "S/K+=", "stale": None}


OURS = b"[ours]\naws_access_key_id = AKID\naws_secret_access_key = S/K+=\n"


def edited(document: bytes, name: str = "ours", values: dict[str, str | None] | None = None) -> bytes:
    return set_keys(document, is_section=lambda found: found == name, header=name, values=values or VALUES)


def parsed(document: bytes) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(document.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n"))
    return {name: dict(parser.items(name)) for name in parser.sections()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", OURS),
        (b"[a]\nx = 1\n", b"[a]\nx = 1\n\n[ours]\naws_access_key_id = AKID\naws_secret_access_key = S/K+=\n"),
        (b"[a]\r\nx=1", b"[a]\r\nx=1\r\n\r\n[ours]\r\naws_access_key_id = AKID\r\naws_secret_access_key = S/K+=\r\n"),
        (
            b"# mine\n[ours]\n# why\nAWS_ACCESS_KEY_ID: old\nregion = x\nstale = y\n  more\n\n[b]\ny = 2\n",
            OURS.replace(b"[ours]", b"# mine\n[ours]\n# why") + b"region = x\n\n[b]\ny = 2\n",
        ),
        # A line deeper than ours would become part of our value, so ours are as deep as it.
        (
            b"[ours]\n  region = x\n[b]\n",
            b"[ours]\n  aws_access_key_id = AKID\n  aws_secret_access_key = S/K+=\n  region = x\n[b]\n",
        ),
        (
            b"[ours]\n  [b]\n",
            b"[ours]\n  aws_access_key_id = AKID\n  aws_secret_access_key = S/K+=\n  [b]\n",
        ),
        # What looks like a section here is a part of the value above it.
        (
            b"[a]\nx = 1\n  [ours]\n  aws_access_key_id = no\n",
            b"[a]\nx = 1\n  [ours]\n  aws_access_key_id = no\n\n" + OURS,
        ),
        # A key that is there twice is there once.
        (
            b"[ours]\naws_access_key_id=1\naws_secret_access_key=2\naws_access_key_id=3\n",
            b"[ours]\naws_access_key_id = AKID\naws_secret_access_key = S/K+=\n",
        ),
        # A long value over several lines, with a comment in it that stays.
        (
            b"[ours]\naws_secret_access_key =\n  one\n# note\n  two\naws_access_key_id = x\n",
            b"[ours]\naws_secret_access_key = S/K+=\n# note\naws_access_key_id = AKID\n",
        ),
        (b"[ours]", b"[ours]\naws_access_key_id = AKID\naws_secret_access_key = S/K+=\n"),
        (b"[ours]\rx=1\r", b"[ours]\raws_access_key_id = AKID\raws_secret_access_key = S/K+=\rx=1\r"),
        (
            b"[ours] ; [b\n\xff = \xfe\n",
            b"[ours] ; [b\naws_access_key_id = AKID\naws_secret_access_key = S/K+=\n\xff = \xfe\n",
        ),
    ],
)
def test_examples(before: bytes, after: bytes) -> None:
    assert edited(before) == after
    assert parsed(after)["ours"].items() >= {"aws_access_key_id": "AKID", "aws_secret_access_key": "S/K+="}.items()
    assert edited(after) == after, "the same edit again changes nothing"


def test_a_section_that_is_there_twice_is_refused_with_its_lines() -> None:
    with pytest.raises(FileUnavailable, match="lines 1 and 3"):
        edited(b"[ours]\na=1\n[ours]\n")


EOL = st.sampled_from(["\n", "\r\n", "\r"])
WORD = st.text(st.sampled_from("abcxyzÄà_ -./%@#;=:[]\u00a0\u2028"), max_size=12)
INDENT = st.sampled_from(["", "", "", " ", "  ", "\t", "    "])
NAMES = st.sampled_from(["ours", "a", "b", "default", "profile ours", " ours", "ours2", "OURS", "c d"])
KEYS = st.sampled_from(
    ["aws_access_key_id", "AWS_Access_Key_Id", "aws_secret_access_key", "stale", "region", "x", "y", "z"]
)


@st.composite
def line(draw: st.DrawFn) -> str:
    indent, rest = draw(INDENT), draw(WORD)
    kind = draw(st.sampled_from(["header", "key", "key", "key", "comment", "blank", "loose"]))
    if kind == "header":
        text = f"{indent}[{draw(NAMES)}]{draw(st.sampled_from(['', ' ', ' # x']))}"
    elif kind == "key":
        text = f"{indent}{draw(KEYS)}{draw(st.sampled_from(['=', ' = ', ':', ' =']))}{rest}"
    elif kind == "comment":
        text = f"{indent}{draw(st.sampled_from('#;'))}{rest}"
    elif kind == "blank":
        text = indent
    else:
        text = f"{indent}{rest}"
    return text + draw(EOL)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    text = "".join(draw(st.lists(line(), max_size=14)))
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return text.encode()


@settings(max_examples=600, deadline=None)
@given(documents())
def test_in_any_valid_file_only_our_section_changes(before: bytes) -> None:
    try:
        old = parsed(before)
    except configparser.Error:
        return
    after = edited(before)
    new = parsed(after)
    assert {name: keys for name, keys in new.items() if name != "ours"} == {
        name: keys for name, keys in old.items() if name != "ours"
    }
    kept = {key: value for key, value in old.get("ours", {}).items() if key not in VALUES}
    # What has followed one of our keys in its value is gone with it; nothing else of the section is.
    assert new["ours"] == kept | {"aws_access_key_id": "AKID", "aws_secret_access_key": "S/K+="}
    if "ours" not in old:
        assert after.startswith(before)
    assert edited(after) == after


ORDERLY = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.lists(
            st.sampled_from(
                ["# note", "", "; [ours]", "key = value", "k2:  v #x", "nested =\n  a = 1\n  b = 2", "ünï=x"]
            ),
            max_size=5,
        ),
    ),
    max_size=4,
    unique_by=lambda section: section[0],
)


@settings(max_examples=200, deadline=None)
@given(ORDERLY, ORDERLY, EOL)
def test_bytes_before_and_after_our_section_are_the_same(
    first: list[tuple[str, list[str]]], second: list[tuple[str, list[str]]], eol: str
) -> None:
    def text(sections: list[tuple[str, list[str]]], suffix: str) -> bytes:
        lines = [text for name, body in sections for text in [f"[{name}{suffix}]", *body]]
        return "".join(re.sub("\n", eol, f"{text}\n") for text in lines).encode()

    head, tail = text(first, "1"), text(second, "2")
    ours = f"[ours]{eol}stale=1{eol}  more{eol}aws_access_key_id=old{eol}".encode()
    after = edited(head + ours + tail)
    assert after.startswith(head + b"[ours]")
    assert after.endswith(tail)
    middle = after[len(head) : len(after) - len(tail)]
    assert middle == f"[ours]{eol}aws_access_key_id = AKID{eol}aws_secret_access_key = S/K+={eol}".encode()
