"""The file: what it may say, where a mistake is told, and that reader and schema agree."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from daypass.aws.provisioning.desired_file import FORMATS, read_desired
from daypass.aws.provisioning.places import Mistake, Unquoted, read_yaml
from daypass.cli.aws import wanted
from daypass.errors import DesiredStateInvalid
from daypass.subjects.grammars import GRAMMARS
from support.provisioning import FILE
from support.vectors import VECTORS, cases, documents

SCHEMA: dict[str, Any] = json.loads(
    files("daypass.aws.provisioning").joinpath("desired.schema.json").read_text("utf-8")
)


def test_the_vectors_keep_their_schema() -> None:
    schema = json.loads((VECTORS / "provisioning" / "schema.json").read_bytes())
    for name, document in documents("provisioning"):
        jsonschema.validate(document, schema)
        assert name == "files"


@pytest.mark.parametrize("case", cases("provisioning"))
def test_the_reader(case: dict[str, Any]) -> None:
    expect = case["expect"]
    if expect["reader"] == "accept":
        read_desired(case["file"])
        return
    with pytest.raises(DesiredStateInvalid) as refused:
        read_desired(case["file"])
    facts = refused.value.facts
    found = (facts["mistake"], facts["line"], facts["column"])
    assert found == (expect["mistake"], expect["line"], expect["column"]), refused.value.message
    assert expect["says"] in refused.value.message


@pytest.mark.parametrize("case", cases("provisioning"))
def test_the_schema(case: dict[str, Any]) -> None:
    expect = case["expect"]
    if expect["schema"] == "unreadable":
        with pytest.raises(DesiredStateInvalid):
            read_yaml(case["file"], "f")
        return
    value = _plain(read_yaml(case["file"], "f").value)
    accepted = jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    assert accepted is (expect["schema"] == "accept")


@pytest.mark.parametrize("case", cases("provisioning"))
def test_the_schema_refuses_nothing_that_the_reader_takes(case: dict[str, Any]) -> None:
    assert not (case["expect"]["reader"] == "accept" and case["expect"]["schema"] != "accept")


def test_every_mistake_has_a_vector() -> None:
    told = {case["expect"].get("mistake") for _, document in documents("provisioning") for case in document["cases"]}
    assert told >= {*Mistake}


def test_the_schema_is_one_and_names_every_format() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    properties = SCHEMA["$defs"]["entrance"]["properties"]
    assert {*properties} - {"subject", "claims", "session_tags"} == {grammar.name for grammar in GRAMMARS}
    assert {*FORMATS} == {grammar.name for grammar in GRAMMARS}


def test_a_flag_for_every_kind_of_token() -> None:
    """One for each family: what differs in nothing but the issuer has the words of the first."""
    families = {grammar.shapes for grammar in GRAMMARS}
    by_name = {grammar.name: grammar.shapes for grammar in GRAMMARS}
    assert {by_name[name] for name in wanted.FORMATS} == families


def test_aliases_that_multiply_are_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
    )
    with pytest.raises(DesiredStateInvalid):
        read_desired(bomb)


def _plain(value: Any) -> Any:
    """As an editor's YAML reader would have it: a number or a truth where the file's writer meant text."""
    if isinstance(value, Unquoted):
        return 1.5
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("1234", 'Write "000000001234".'),
        ("true", 'Write its 12 digits, in quotes: "210987654321".'),
        ("0", 'Write its 12 digits, in quotes: "210987654321".'),
        ("-5", 'Write its 12 digits, in quotes: "210987654321".'),
        ("1234567890123456", 'Write its 12 digits, in quotes: "210987654321".'),
    ],
)
def test_an_account_that_is_no_text_is_told_what_to_write(written: str, advice: str) -> None:
    text = f"{FILE}accounts: [{{profile: prod, account: {written}}}]"
    with pytest.raises(DesiredStateInvalid, match="an account id is text") as refused:
        read_desired(text)
    assert refused.value.advice == advice
