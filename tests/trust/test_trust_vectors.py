"""Trust policies as AWS decides by them, and as IAM refuses them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.names import ProviderArn
from daypass.trust.context import web_identity_context
from daypass.trust.decision import Decision, Reason, Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.explain import words
from daypass.trust.role_trust import check_role_trust
from daypass.trust.statement import Principal, PrincipalKind
from support.tokens import verified
from support.vectors import VECTORS, cases, documents

PROVIDER = ProviderArn.parse("arn:aws:iam::111122223333:oidc-provider/idp.example.com/t")
NOW = datetime(2026, 9, 12, 10, 0, tzinfo=UTC)


def decided(case: dict[str, Any]) -> Decision:
    context = web_identity_context(verified(case["claims"]), provider=PROVIDER, session_name="ci-1", now=NOW)
    principal = Principal(PrincipalKind.FEDERATED, str(PROVIDER))
    action = case.get("action", "sts:AssumeRoleWithWebIdentity")
    return evaluate(Policy.parse(json.dumps(case["policy"])), Request(principal, action, context))


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


@pytest.mark.parametrize("case", cases("trust_policy"))
def test_a_trust_policy_decides_as_aws_does(case: dict[str, Any]) -> None:
    if "error" in case["expect"]:
        with pytest.raises(PolicyUnsupported) as refused:
            decided(case)
        assert refused.value.code == case["expect"]["error"]
        return
    decision = decided(case)
    found = {"decision": "allow" if decision.allowed else "deny", "reasons": reasons(decision)}
    assert found == case["expect"], words(decision)
    assert words(decision).startswith("allowed: " if decision.allowed else "denied: ")
    json.dumps(decision.to_json())


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
