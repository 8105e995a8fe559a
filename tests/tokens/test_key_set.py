"""Key sets: what is kept, what is refused, what is published."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.errors import KeySetMalformed, TokenKeyUnknown
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES, MAX_ENTRIES, KeySet
from support.tokens import private_key
from support.vectors import cases


@pytest.mark.parametrize("case", cases("jwks"))
def test_key_set(case: dict[str, Any]) -> None:
    document = (case["text"] if "text" in case else json.dumps(case["document"])).encode()
    duplicates = case.get("duplicates", "refuse")
    expect = case["expect"]
    if "error" in expect:
        with pytest.raises(KeySetMalformed) as refusal:
            KeySet.parse(document, duplicates=duplicates)
        assert refusal.value.code == expect["error"]
        assert expect["reason"].lower() in refusal.value.message.lower()
        return
    key_set = KeySet.parse(document, duplicates=duplicates)
    assert [key.kid for key in key_set.keys] == expect["keys"]
    assert [key.kid for key in key_set.refused] == [refused["kid"] for refused in expect["refused"]]
    for found, wanted in zip(key_set.refused, expect["refused"], strict=True):
        assert wanted["reason"].lower() in found.reason.lower()
    assert [dict(entry) if entry is not None else None for entry in key_set.entries] == [
        entry if isinstance(entry, dict) else None for entry in case["document"]["keys"]
    ]


def test_a_document_is_at_most_100_kib_long() -> None:
    text = b'{"keys":[]}'
    assert KeySet.parse(text + b" " * (MAX_DOCUMENT_BYTES - len(text))).keys == ()
    with pytest.raises(KeySetMalformed, match="longer than 102400 bytes"):
        KeySet.parse(text + b" " * (MAX_DOCUMENT_BYTES - len(text) + 1))


def test_a_document_has_at_most_a_thousand_entries() -> None:
    assert len(KeySet.parse(b'{"keys":[' + b",".join([b"{}"] * MAX_ENTRIES) + b"]}").refused) == MAX_ENTRIES
    with pytest.raises(KeySetMalformed, match="at most 1000"):
        KeySet.parse(b'{"keys":[' + b",".join([b"{}"] * (MAX_ENTRIES + 1)) + b"]}")


def test_a_hundred_keys_of_each_type_are_read() -> None:
    entries = [
        {**private_key(algorithm).public.to_jwk(), "kid": f"{algorithm}-{number}"}
        for algorithm in ("RS256", "ES256")
        for number in range(100)
    ]
    assert len(KeySet.parse(json.dumps({"keys": entries}).encode()).keys) == 200


def test_what_is_published_is_read_back_and_holds_nothing_private() -> None:
    keys = KeySet(private_key(algorithm).public for algorithm in ("RS256", "ES256", "ES384", "ES512"))
    document = keys.document()
    assert KeySet.parse(document).keys == keys.keys
    for entry in json.loads(document)["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & set(entry)
        assert entry["use"] == "sig"


def test_two_keys_of_one_kid_are_no_key_set() -> None:
    with pytest.raises(KeySetMalformed, match="more than one key"):
        KeySet([private_key().public, private_key().public])


def test_every_kid_that_is_not_there_gets_the_same_answer() -> None:
    key_set = KeySet([private_key().public, private_key("RS256").public])
    messages = set()
    for kid in ("other", "../../dev/null", "' OR 1=1 --", "|sleep 5", "a\nb", "k" * 10_000, None, 7, ["a"], "", "é"):
        with pytest.raises(TokenKeyUnknown) as refusal:
            key_set.select({"kid": kid})  # type: ignore[dict-item]  # list[str] stands for any JSON value
        messages.add(refusal.value.message)
        assert len(repr(refusal.value.facts)) < 300
    assert len(messages) == 1


def test_repr_names_the_keys() -> None:
    kid = private_key().kid
    assert repr(KeySet([private_key().public])) == f"KeySet(['{kid}'])"
