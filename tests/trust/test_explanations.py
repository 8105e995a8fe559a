"""Explanations: every mistake is recognised, the whole tree is told, and an edit lets in this token and no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from daypass.names import ProviderArn, RoleArn
from daypass.trust.attempt import Attempt, likely_provider
from daypass.trust.document import Policy
from daypass.trust.edit import Edit, Refusal, smallest_edit
from daypass.trust.explain import narrate
from daypass.trust.role_trust import check_role_trust
from daypass.trust.steps import Explanation, Kind, Verdict, explain
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 9, 12, 10, 0, tzinfo=UTC)


def attempted(case: dict[str, Any], policy: Policy, claims: dict[str, Any]) -> Attempt:
    role = RoleArn.parse(case["role"]) if "role" in case else None
    issuer = case["claims"].get("iss")
    provider = ProviderArn.parse(case["provider"]) if "provider" in case else likely_provider(policy, issuer, role=role)
    return Attempt.imagine(claims, provider=provider, now=NOW, client_ids=case.get("client_ids"), role=role)


def explained(case: dict[str, Any]) -> Explanation:
    policy = Policy.parse(json.dumps(case["policy"], indent=2))
    return explain(policy, attempted(case, policy, case["claims"]))


def siblings(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Tokens that differ in one thing that the policy asks for, and are somebody else's."""
    claims = case["claims"]
    subject = str(claims["sub"])
    for other in (f"{subject}x", f"x{subject}", subject.swapcase(), subject.replace("/", "-evil/", 1), "*", ""):
        yield {**claims, "sub": other}
    if ":aud" in json.dumps(case["policy"]):
        for audience in ("", "*", "https://vault.example.com", f"{claims.get('aud')}x"):
            yield {**{name: value for name, value in claims.items() if name != "azp"}, "aud": audience}
    yield {**claims, "iss": "https://other.example.com"}


@pytest.mark.parametrize("case", cases("trust_explain"))
def test_a_mistake_is_recognised_and_what_helps_is_told(case: dict[str, Any]) -> None:
    explanation = explained(case)
    remedy = smallest_edit(explanation)
    found = {
        "allowed": explanation.allowed,
        "hints": sorted({hint.code for hint in explanation.hints}),
        "edit": None if remedy is None else "safe" if isinstance(remedy, Edit) else remedy.code,
    }
    wanted = {name: value for name, value in case["expect"].items() if name != "operations"}
    assert found == {**wanted, "hints": sorted(wanted["hints"])}, narrate(explanation, remedy)
    if "operations" in case["expect"]:
        assert remedy is not None
        assert remedy.to_json()["operations"] == case["expect"]["operations"]


EDITED = [case for case in cases("trust_explain") if case.values[0]["expect"]["edit"] == "safe"]  # type: ignore[index, call-overload] # a parameter set is typed as objects


@pytest.mark.parametrize("case", EDITED)
def test_an_edit_lets_the_token_in_and_nobody_else(case: dict[str, Any]) -> None:
    before = explained(case)
    remedy = smallest_edit(before)
    assert isinstance(remedy, Edit)
    after = Policy.parse(remedy.after)
    check_role_trust(after)
    assert explain(after, attempted(case, before.policy, case["claims"])).allowed
    for claims in siblings(case):
        was = explain(before.policy, attempted(case, before.policy, claims)).allowed
        now = explain(after, attempted(case, before.policy, claims)).allowed
        assert was or not now, claims


def test_every_recogniser_has_a_vector() -> None:
    import inspect

    from daypass.trust import recognisers, steps

    modules = [
        recognisers.keys,
        recognisers.values,
        recognisers.audiences,
        recognisers.subjects,
        recognisers.statements,
        steps,
    ]
    source = "".join(inspect.getsource(module) for module in modules)
    expected = {code for case in cases("trust_explain") for code in case.values[0]["expect"]["hints"]}  # type: ignore[index, call-overload] # as above
    missing = {code for code in expected if f'"{code}"' not in source and not code.startswith("subject_of_")}
    assert not missing
    import re

    assert set(re.findall(r'Hint\(\s*"([a-z_]+)"', source)) - expected <= {"issuer_letter_case", "issuer_path"}


def test_the_vectors_have_their_schema() -> None:
    schema = json.loads((VECTORS / "trust_explain" / "schema.json").read_bytes())
    for name, document in documents("trust_explain"):
        jsonschema.validate(document, schema)
        ids = [case["id"] for case in document["cases"]]
        assert len(ids) == len(set(ids)), name
