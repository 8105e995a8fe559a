"""Base64url: every value has one text, every other text is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.tokens.base64url import decode, encode


@given(st.binary())
def test_encode_then_decode(data: bytes) -> None:
    text = encode(data)
    assert decode(text) == decode(text.decode()) == data
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=")


@given(st.text("ABwxgQkEz059_-+/= \n\u0410", max_size=12) | st.text(max_size=8))
def test_each_text_that_is_read_is_the_one_text_of_its_value(text: str) -> None:
    try:
        data = decode(text)
    except ValueError:
        return
    assert encode(data).decode() == text


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AAAAA",
        "AA==",
        "AA=",
        "AAA=",
        "AB",
        "AAB",
        "A A",
        "AA\n",
        "\nAA",
        "+A",
        "/A",
        "é",
        "AA\x00A",
        "A-+A",
        "====",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not base64url|ascii"):
        decode(text)
