"""An outside suite: the conditions on subjects that `subvectors` (PyPI, CC0) collects for AWS.

Those that its authors saw on AWS are marked `observed` there. The engine agrees with all of them, and with all that it
derives from documentation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from daypass.names import ProviderArn
from daypass.trust.compile import compile_policy
from daypass.trust.context import web_identity_context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.explain import words
from daypass.trust.statement import Principal, PrincipalKind
from support.tokens import verified
from support.trust_vectors import ACTION, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

corpus = pytest.importorskip("subvectors.corpus", reason="the package subvectors is not installed")

ISSUERS = {
    "github": "token.actions.githubusercontent.com",
    "gitlab": "gitlab.com",
    "bitbucket": "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
    "circleci": "oidc.circleci.com/org/2a3b4c5d-1111-2222-3333-444455556666",
    "terraform-cloud": "app.terraform.io",
}
OPERATORS = {"aws-stringequals": "StringEquals", "aws-stringlike": "StringLike"}


def vectors() -> list[dict[str, Any]]:
    suites = [corpus.load_suite(name) for name in corpus.suite_names() if name.endswith("-aws")]
    return [vector for suite in suites for vector in suite["vectors"]]


def conditions(condition: dict[str, Any], issuer: str) -> Iterator[tuple[str, str, Any]]:
    """Operator, key and values of each part."""
    if condition["consumer"] == "aws-all":
        for part in condition["of"]:
            yield from conditions(part, issuer)
        return
    qualifier = f"{condition['qualifier']}:" if "qualifier" in condition else ""
    name = qualifier + OPERATORS[condition["consumer"]]
    yield name, f"{issuer}:{condition.get('claim', 'sub')}", condition["pattern"]


@pytest.mark.parametrize("vector", [pytest.param(one, id=f"{one['status']}::{one['id']}") for one in vectors()])
def test_the_engine_agrees(vector: dict[str, Any]) -> None:
    issuer = ISSUERS[vector["issuer"]]
    provider = ProviderArn.parse(f"arn:aws:iam::111122223333:oidc-provider/{issuer}")
    block: dict[str, dict[str, Any]] = {}
    for operator, key, values in conditions(vector["condition"], issuer):
        assert key not in block.setdefault(operator, {})
        block[operator][key] = values
    policy = Policy.parse(
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Federated": str(provider)},
                    "Action": ACTION,
                    "Condition": block,
                },
            }
        )
    )
    claims = {
        "iss": provider.issuer_url,
        "aud": "sts.amazonaws.com",
        "sub": vector["subject"],
        **vector.get("claims", {}),
    }
    context = web_identity_context(verified(claims), provider=provider, session_name="ci-1", now=NOW)
    request = Request(Principal(PrincipalKind.FEDERATED, str(provider)), ACTION, context)
    decision = evaluate(policy, request)
    assert decision.allowed is (vector["expect"] == "match"), words(decision)
    assert compile_policy(policy).allows(request) is decision.allowed


def test_the_suite_has_cases_seen_on_aws() -> None:
    assert [vector for vector in vectors() if vector["status"] == "observed"]
