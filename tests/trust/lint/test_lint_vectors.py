"""What the linter says about whole policies: every faulty one is flagged by the right rule, every sound one is not."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from daypass.trust.lint.model import Known
from daypass.trust.lint.run import lint_text
from daypass.trust.sources.found import ProviderFacts, RoleFacts
from support.vectors import VECTORS, cases, documents


def known(facts: dict[str, Any]) -> Known:
    role = facts.get("role")
    providers = facts.get("providers")
    return Known(
        role=None if role is None else RoleFacts(**{name: _tuple(value) for name, value in role.items()}),
        providers=None if providers is None else tuple(ProviderFacts(**each) for each in providers),
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("case", cases("lint"))
def test_a_policy_is_flagged_by_the_right_rules(case: dict[str, Any]) -> None:
    text = case["text"] if "text" in case else json.dumps(case["policy"], indent=2)
    findings = lint_text(text, known(case.get("known", {})))
    assert sorted([finding.code, finding.severity.word] for finding in findings) == case["expect"], findings


def test_the_vectors_have_their_schema() -> None:
    schema = json.loads((VECTORS / "lint" / "schema.json").read_bytes())
    found = list(documents("lint"))
    for name, document in found:
        jsonschema.validate(document, schema)
        ids = [case["id"] for case in document["cases"]]
        assert len(ids) == len(set(ids)), name
    assert len(next(document for name, document in found if name == "battery")["cases"]) == 34
