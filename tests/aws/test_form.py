"""A form of ours is the one that the standard library makes."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from daypass.aws.form import form

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXTS, TEXTS))
def test_a_form_is_that_of_the_standard_library(fields: dict[str, str]) -> None:
    assert form(fields) == urlencode(fields, quote_via=quote, safe="").encode("ascii")
    read = parse_qs(form(fields).decode(), keep_blank_values=True, strict_parsing=bool(fields))
    assert read == {name: [value] for name, value in fields.items()}
