"""Every format's tokens meet trust policies such as its vendor's guide has: let in, and a stranger kept out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.testing import RoleTrust, Token
from daypass.trust.document import Policy
from daypass.trust.token_words import describe_token
from support.vectors import documents

POLICIES = [
    pytest.param(document, policy, id=f"{name}::{policy['about']}")
    for name, document in documents("formats")
    for policy in document.get("policies", [])
]


def claims_of(document: dict[str, Any], case_id: str) -> dict[str, Any]:
    """The claims of a case: as expected, or the usual ones with the subject that is expected."""
    case = next(case for case in document["cases"] if case["id"] == case_id)
    expect = case["expect"]
    usual: dict[str, Any] = document["cases"][0]["expect"]["claims"]
    claims: dict[str, Any] = expect["claims"] if "claims" in expect else usual | {"sub": expect["sub"]}
    return claims


@pytest.mark.parametrize(("document", "policy"), POLICIES)
def test_a_guides_policy_lets_in_who_is_meant(document: dict[str, Any], policy: dict[str, Any]) -> None:
    for case_id, expected in [*((i, True) for i in policy["lets_in"]), *((i, False) for i in policy["keeps_out"])]:
        claims = claims_of(document, case_id)
        issuer = claims["iss"].removeprefix("https://")
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": json.loads(json.dumps(policy["condition"]).replace("ISSUER", issuer)),
        }
        policy_text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        verdict = RoleTrust(Policy.parse(policy_text)).allows(Token(claims))
        assert bool(verdict) is expected, f"{case_id}: {verdict}"


def test_every_format_that_aws_takes_has_such_policies() -> None:
    without = {name for name, document in documents("formats") if not document.get("policies")}
    assert without <= {"gitlab-jwt-v1"}


def test_words_tell_what_aws_can_test() -> None:
    (gitlab,) = (document for name, document in documents("formats") if name == "gitlab")
    own = describe_token(claims_of(gitlab, "branch"))
    assert own[1] == "A trust policy of AWS can test aud, sub, each as `gitlab.tidewater.example:<name>`."
    theirs = describe_token(claims_of(gitlab, "gitlab-com"))
    assert "project_id" in theirs[1]
    assert "project_path" in theirs[2]
    (first,) = (document for name, document in documents("formats") if name == "gitlab-jwt-v1")
    assert "Missing a required claim: aud" in describe_token(claims_of(first, "job"))[1]


def test_words_are_found_for_tokens_of_nobody_known() -> None:
    assert describe_token({"iss": "https://x.example", "sub": "y\x1b", "aud": "a"})[0] == (
        r"This is a token of https://x.example for y\x1b, of no known format."
    )
    assert describe_token({})[0] == "This is a token of nobody for nobody, of no known format."
    strange = describe_token({"iss": ["x"], "sub": {"a": 1}, "aud": 7, "kubernetes.io": "x", "exp": "never"})
    assert strange[0].startswith("This is a token of")


def test_words_warn_of_people_in_a_subject() -> None:
    (ona,) = (document for name, document in documents("formats") if name == "ona-v3")
    said = describe_token(claims_of(ona, "further-fields"))
    assert "Its subject holds what people choose about themselves: creator_email." in said


def test_words_tell_a_claim_of_another_type() -> None:
    (gitlab,) = (document for name, document in documents("formats") if name == "gitlab")
    said = describe_token(claims_of(gitlab, "branch") | {"ref_protected": True})
    assert "Of another type than usual: ref_protected." in said
