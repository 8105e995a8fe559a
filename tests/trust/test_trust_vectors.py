"""Trust policies as AWS decides by them, and as IAM refuses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.sts.refusal import Refusal
from daypass.trust.compile import compile_policy
from daypass.trust.decision import Reason
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.explain import words
from daypass.trust.operators import NAMES
from daypass.trust.role_trust import check_role_trust
from support import trust_vectors
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from daypass.trust.decision import Decision

ROWS = range(1, 58)
"""The tricky cases, each with at least one vector `row-NN-…`."""


def expecting(kind: str) -> list[ParameterSet]:
    return [case for case in cases("trust_policy") if kind in case.values[0]["expect"]]  # type: ignore[index]  # a case is a dict


def reasons(decision: Decision) -> list[str]:
    found = {
        reason
        for statement in decision.statements
        for reason in (
            statement.principal,
            statement.action,
            *(condition.reason for condition in statement.conditions),
        )
    }
    return sorted(found - {Reason.MATCHED})


@pytest.mark.parametrize("case", expecting("decision"))
def test_a_trust_policy_decides_as_aws_does(case: dict[str, Any]) -> None:
    policy, request = trust_vectors.policy(case), trust_vectors.request(case)
    decision = evaluate(policy, request)
    found = {"decision": "allow" if decision.allowed else "deny", "reasons": reasons(decision)}
    assert found == case["expect"], words(decision)
    assert compile_policy(policy).allows(request) is decision.allowed
    assert words(decision).startswith("allowed: " if decision.allowed else "denied: ")
    json.dumps(decision.to_json())


@pytest.mark.parametrize("case", expecting("error"))
def test_what_aws_is_not_known_to_do_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(PolicyUnsupported) as refused:
        trust_vectors.policy(case)
    assert refused.value.code == case["expect"]["error"]


@pytest.mark.parametrize("case", expecting("write"))
def test_iam_does_not_take_the_policy_in_a_role(case: dict[str, Any]) -> None:
    with pytest.raises(PolicyMalformed) as refused:
        check_role_trust(trust_vectors.policy(case))
    assert refused.value.facts["aws_message"] == case["expect"]["write"]


@pytest.mark.parametrize("case", expecting("sts"))
def test_the_call_is_answered_as_by_sts(case: dict[str, Any]) -> None:
    wanted, answer = case["expect"]["sts"], trust_vectors.answer(case)
    if not isinstance(answer, Refusal):
        assert wanted == {"granted": True}
        return
    assert wanted.get("code") == answer.answer.code, answer.detail
    assert wanted.get("message", answer.message) == answer.message
    # The reasons of a trust policy are told when it was asked, and it said no.
    assert (answer.decision is not None) is (wanted["code"] == "AccessDenied")
    assert answer.decision is None or not answer.decision.allowed


def test_every_tricky_row_is_a_vector() -> None:
    ids = [case["id"] for _, document in documents("trust_policy") for case in document["cases"]]
    assert {int(id_[4:6]) for id_ in ids if id_.startswith("row-")} == set(ROWS)


def test_every_operator_and_every_reason_has_a_vector() -> None:
    found = [case for _, document in documents("trust_policy") for case in document["cases"]]
    policies = [trust_vectors.policy(case) for case in found if "decision" in case["expect"]]
    conditions = [entry for policy in policies for statement in policy.statements for entry in statement.conditions]
    assert {condition.parsed.base for condition in conditions} == set(NAMES)
    assert {reason for case in found for reason in case["expect"].get("reasons", ())} == set(Reason) - {Reason.MATCHED}


@pytest.mark.parametrize("case", cases("trust_policy/malformed"))
def test_a_policy_that_iam_does_not_take_is_refused_at_its_fault(case: dict[str, Any]) -> None:
    if case["check"] == "role":
        policy = Policy.parse(case["text"])
        with pytest.raises(PolicyMalformed) as refused:
            check_role_trust(policy)
    else:
        with pytest.raises(PolicyMalformed) as refused:
            Policy.parse(case["text"])
    wanted = dict(case["expect"])
    advice = wanted.pop("advice", None)
    facts = refused.value.facts
    assert {"error": refused.value.code, **{name: facts[name] for name in wanted if name != "error"}} == wanted
    assert str(refused.value.advice).startswith(advice or "")


@pytest.mark.parametrize("folder", ["trust_policy", "trust_policy/malformed"])
def test_the_vectors_have_their_schema(folder: str) -> None:
    schema = json.loads((VECTORS / folder / "schema.json").read_bytes())
    found = list(documents(folder))
    for name, document in found:
        jsonschema.validate(document, schema)
        ids = [case["id"] for case in document["cases"]]
        assert len(ids) == len(set(ids)), name
    assert found
