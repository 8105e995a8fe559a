"""IAM's control of issuers that many customers share, row by row."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from daypass.errors import PolicyMalformed
from daypass.trust.document import Policy
from daypass.trust.role_trust import check_role_trust
from daypass.trust.shared_issuers import Control, check
from support.vectors import VECTORS, cases


def policy(case: dict[str, Any]) -> Policy:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": case["principal"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        **({"Condition": case["condition"]} if case["condition"] else {}),
    }
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.mark.parametrize("case", cases("shared_issuers"))
def test_iam_judges_the_form_of_the_condition(case: dict[str, Any]) -> None:
    control = Control(**case.get("options", {}))
    refusals = list(check(policy(case), control=control))
    assert [refusal.aws_message for refusal in refusals] == ([] if case["expect"] is None else [case["expect"]])


@pytest.mark.parametrize("case", [param for param in cases("shared_issuers") if "options" not in str(param.values[0])])
def test_a_role_is_refused_with_the_same_text(case: dict[str, Any]) -> None:
    if case["expect"] is None:
        check_role_trust(policy(case))
        return
    with pytest.raises(PolicyMalformed) as refused:
        check_role_trust(policy(case))
    assert refused.value.facts["aws_message"] == case["expect"]
    assert refused.value.facts["aws_code"] == "MalformedPolicyDocument"


def test_a_deny_and_another_principal_need_no_test() -> None:
    statements = [
        {"Effect": "Deny", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"}},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
    ]
    text = json.dumps({"Statement": [each | {"Action": "sts:AssumeRoleWithWebIdentity"} for each in statements]})
    assert not list(check(Policy.parse(text)))


def test_the_vectors_have_their_schema() -> None:
    folder = VECTORS / "shared_issuers"
    schema = json.loads((folder / "schema.json").read_bytes())
    document = json.loads((folder / "controls.json").read_bytes())
    jsonschema.validate(document, schema)
    ids = [case["id"] for case in document["cases"]]
    assert len(ids) == len(set(ids))
