"""Saved facts: they come back as they were, and hold no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.doctor.facts import DocumentFacts, Facts, HostFacts, TokenFacts, Verdict
from daypass.doctor.judge import judge
from daypass.errors import RequestInvalid
from support.healthy import changed, healthy

TEXT = st.text(max_size=20)
MOMENT = st.datetimes(timezones=st.just(UTC))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
DOCUMENTS = st.builds(
    DocumentFacts,
    url=TEXT,
    started_at=MOMENT,
    headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    body=TEXT,
)
TOKENS = st.builds(TokenFacts, source=TEXT, claims=st.dictionaries(TEXT, JSON, max_size=3))
FACTS = st.builds(
    Facts,
    issuer=st.none() | TEXT,
    examined_at=MOMENT,
    discovery=st.lists(DOCUMENTS, max_size=2).map(tuple),
    token=st.none() | TOKENS,
    verdict=st.none() | st.builds(Verdict, allowed=st.none() | st.booleans(), hints=st.just(("a", "b"))),
)


@given(FACTS)
def test_saved_facts_are_read_back_equal(facts: Facts) -> None:
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_saved_facts_are_judged_again_equally() -> None:
    facts = changed({"hosts.0.port": 8443, "token.signature": "invalid"})
    again = Facts.from_json(json.loads(json.dumps(facts.to_json())))
    assert judge(again) == judge(facts)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"issuer": 1},
        {"examined_at": "yesterday"},
        {"examined_at": "2026-09-21T14:13:20"},
        {"limit_seconds": True},
        {"hosts": {}},
        {"hosts": [{"host": "a"}]},
        {"token": {"source": "file", "claims": []}},
        {"discovery": [{"url": "u", "started_at": "2026-09-21T14:13:20+00:00", "headers": [["one"]]}]},
        {"more": 1},
    ],
)
def test_what_was_not_saved_here_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        Facts.from_json(healthy() | change)


def test_a_list_is_not_facts() -> None:
    with pytest.raises(RequestInvalid):
        Facts.from_json([])


def test_a_host_is_named_as_in_a_url() -> None:
    host: HostFacts = changed({}).hosts[0]
    assert host.name == "idp.example.com"
    assert replace(host, port=8443).name == "idp.example.com:8443"
    assert datetime.now(UTC).tzinfo is UTC


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(leaf for key, each in items for leaf in _leaves(each, (*path, key)))]
    return [path]


_PLACES = [place for place in _leaves(healthy()) if place]
_ODD: st.SearchStrategy[Any] = st.one_of(
    JSON,
    st.sampled_from(["", "https://", "arn:aws:iam::1:role/x", "{}", "[1]", '{"keys":[1,{"kty":1}]}', 10**30, -1.5]),
)


@given(st.lists(st.tuples(st.sampled_from(_PLACES), _ODD), min_size=1, max_size=4))
def test_facts_of_a_stranger_are_refused_or_judged_and_never_break_the_judge(
    changes: list[tuple[tuple[str | int, ...], Any]],
) -> None:
    saved = json.loads(json.dumps(healthy()))
    for (*way, last), value in changes:
        into: Any = saved
        for key in way:
            into = into[key] if _has(into, key) else None
        if _has(into, last):
            into[last] = value
    try:
        facts = Facts.from_json(saved)
    except RequestInvalid:
        return
    judge(facts)


def _has(into: Any, key: str | int) -> bool:
    return (
        key in into if isinstance(into, dict) else isinstance(into, list) and isinstance(key, int) and key < len(into)
    )
