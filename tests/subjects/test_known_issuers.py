"""What the subjects of known issuers are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from daypass.errors import RequestInvalid
from daypass.subjects.facts import WorkloadKind
from daypass.subjects.grammars import GRAMMARS, grammar_for, grammar_named, recognise
from daypass.subjects.issuers.daypass import DAYPASS_FORMAT
from daypass.subjects.strangers import suggestions
from daypass.subjects.words import Breadth, describe
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from daypass.subjects.shapes import Grammar, Shape

FOLDER = "subjects/known_issuers"
SHAPES = [
    pytest.param(grammar, shape, id=f"{grammar.name}::{shape.name}") for grammar in GRAMMARS for shape in grammar.shapes
]


@pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in documents(FOLDER)])
def test_the_vectors_keep_their_schema(document: dict[str, Any]) -> None:
    jsonschema.validate(document, json.loads((VECTORS / FOLDER / "schema.json").read_bytes()))


@pytest.mark.parametrize("case", cases(FOLDER))
def test_subjects_are_taken_apart_and_put_together(case: dict[str, Any]) -> None:
    grammar = grammar_for(case["issuer"]) if "issuer" in case else grammar_named(case["kind"])
    expect = case["expect"]
    assert (None if grammar is None else grammar.name) == expect["issuer"]
    if grammar is None:
        assert recognise(case["issuer"], case["subject"]) is None
        return
    assert grammar.shared is expect["shared"]
    shape = grammar.shape_of(case["subject"])
    assert (None if shape is None else shape.name) == expect["shape"]
    assert (None if shape is None else shape.parse(case["subject"])) == expect["components"]
    if shape is not None:
        assert [each.name for each in shape.components if each.outsider] == expect["outsider"]
        assert shape.format(expect["components"]) == case["subject"]


@pytest.mark.parametrize(("grammar", "shape"), SHAPES)
def test_every_form_has_an_example_that_is_its_own(grammar: Grammar, shape: Shape) -> None:
    assert grammar.shape_of(shape.example) is shape
    assert {*shape.scope} <= {component.name for component in shape.components}


@pytest.mark.parametrize(("grammar", "shape"), SHAPES)
def test_a_pattern_that_is_a_subject_asks_for_its_components(grammar: Grammar, shape: Shape) -> None:
    assert shape.align(shape.example) == shape.parse(shape.example)
    assert shape.align("*") == {component.name: "*" for component in shape.components}


@pytest.mark.parametrize("grammar", GRAMMARS, ids=lambda grammar: grammar.name)
def test_what_is_suggested_is_a_subject(grammar: Grammar) -> None:
    suggested = list(suggestions(grammar, ["*"]))
    assert suggested
    assert all(grammar.shape_of(each) for each in suggested)


def test_components_cannot_be_forged() -> None:
    branch = grammar_named("gitlab").shape_named("branch")
    with pytest.raises(RequestInvalid, match="cannot be the `branch`"):
        branch.format({"project_path": "tidewater/invoices", "branch": "x:ref:main"})
    with pytest.raises(RequestInvalid, match="cannot be the `branch`"):
        branch.format({"project_path": "tidewater/invoices"})
    with pytest.raises(RequestInvalid, match="has no `tag`"):
        branch.format({"project_path": "tidewater/invoices", "branch": "main", "tag": "v1"})


def test_our_own_kinds_of_workload_are_known() -> None:
    grammar = grammar_named(DAYPASS_FORMAT.name)
    assert {kind.value for kind in WorkloadKind} <= {shape.name for shape in grammar.shapes}


@pytest.mark.parametrize(
    ("issuer", "pattern", "breadth", "words"),
    [
        ("gitlab.com", "project_path:a/b:ref_type:branch:ref:*", Breadth.PROJECT, "every branch of a/b"),
        ("gitlab.com", "project_path:a/b:ref_type:tag:ref:v*", Breadth.PROJECT, "every tag that fits `v*` of a/b"),
        ("gitlab.com", "project_path:a/*", Breadth.TENANT, "every branch and tag of every project of a"),
        ("gitlab.com", "project_path:*", Breadth.ANYBODY, "anybody on gitlab.com"),
        ("gitlab.com", "project_path:a*", Breadth.ANYBODY, "anybody on gitlab.com that fits `project_path:a*`"),
        ("gitlab.example.com", "project_path:*", Breadth.ANYBODY, "anybody on this GitLab"),
        ("token.actions.githubusercontent.com", "repo:a/b:environment:prod", Breadth.EXACT, "environment prod of a/b"),
        ("token.actions.githubusercontent.com", "repo:a/b:pull_request", Breadth.EXACT, "pull request of a/b"),
        (
            "app.terraform.io",
            "organization:a:*",
            Breadth.TENANT,
            "plan phase and apply phase of every project of a",
        ),
        ("idp.example.com", "a*", Breadth.PATTERN, "every subject on idp.example.com that fits `a*`"),
        ("idp.example.com", "*", Breadth.ANYBODY, "anybody on idp.example.com"),
    ],
)
def test_patterns_in_words(issuer: str, pattern: str, breadth: Breadth, words: str) -> None:
    described = describe(pattern, grammar_for(issuer), issuer)
    assert (described.breadth, described.words) == (breadth, words)
