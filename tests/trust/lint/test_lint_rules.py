"""Every rule by its own examples, and what rules and engine promise each other."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.trust.decision import Request
from daypass.trust.diff import Verdict, diff
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.lint.model import Claim, Severity
from daypass.trust.lint.rules import RULES
from daypass.trust.lint.run import fix, lint, lint_text
from daypass.trust.lint.subject import lint_subject
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.witness import Witness, search

if TYPE_CHECKING:
    from daypass.trust.lint.model import Rule

ACTION = "sts:AssumeRoleWithWebIdentity"
PREFIX = "arn:aws:iam::210987654321:oidc-provider/"


def test_there_are_forty_rules_and_each_has_its_name() -> None:
    assert len(RULES) == 40
    assert len({rule.code for rule in RULES}) == len({rule.slug for rule in RULES}) == 40
    assert all(re.fullmatch(r"DP0[0-4][0-9]", rule.code) for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_finds_its_failing_example_and_not_its_passing_one(rule: Rule) -> None:
    found = [finding for finding in lint_text(rule.fails.text, rule.fails.known) if finding.code == rule.code]
    assert found
    assert all(finding.advice and finding.message for finding in found)
    assert not lint_text(rule.passes.text, rule.passes.known)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.fix is not None], ids=lambda rule: rule.code)
def test_a_fix_takes_the_finding_away(rule: Rule) -> None:
    fixed = fix(rule.fails.text, rule.fails.known)
    assert rule.code in fixed.codes
    assert rule.code not in [finding.code for finding in lint_text(fixed.text, rule.fails.known)]
    if not rule.repairs:
        verdict = diff(Policy.parse(rule.fails.text), Policy.parse(fixed.text)).verdict
        assert verdict in {Verdict.EQUIVALENT, Verdict.NARROWER}


def test_a_repair_that_would_open_the_role_is_not_made() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PREFIX + "gitlab.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"gitlab.com:aud": "https://gitlab.com"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert fix(text).codes == ()


def test_a_forbidden_element_does_not_hide_an_open_door() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PREFIX + "gitlab.com"},
        "Action": ACTION,
        "Resource": "*",
        "Condition": {"StringLike": {"gitlab.com:sub": "*", "gitlab.com:aud": "https://gitlab.com"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    assert [finding.code for finding in lint_text(text)] == ["DP003", "DP021", "DP025"]


ISSUERS = st.sampled_from(
    ["token.actions.githubusercontent.com", "gitlab.com", "idp.tidewater.example", "app.gitpod.io"]
)
VALUES = st.sampled_from(
    [
        *("*", "repo:*", "repo:tidewater*", "repo:tidewater/*", "repo:tidewater/invoices:*", "a?b", "", "x"),
        *("repo:tidewater/invoices:ref:refs/heads/main", "repo:tidewater/invoices:ref:main", "42", "prod"),
        *("project_path:tidewater/invoices:ref_type:branch:ref:main", "project_path:tidewater/*", "https://x"),
    ]
)
PREFIXES = st.sampled_from(["{issuer}", "https://{issuer}", "{issuer}/", "gitlab.com", "idp.other.example"])
CLAIMS = st.sampled_from(
    ["sub", "aud", "SUB", "environment", "project_path", "ref", "repository_id", "project_id", "iss"]
)
OPERATORS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(["StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase"]),
    st.sampled_from(["", "", "IfExists"]),
)


@st.composite
def policies(draw: st.DrawFn) -> str:
    issuer = draw(ISSUERS)
    statements = []
    for effect in draw(st.sampled_from([["Allow"], ["Allow", "Deny"], ["Allow", "Allow"]])):
        keys = st.dictionaries(
            st.builds(lambda prefix, claim: f"{prefix.format(issuer=issuer)}:{claim}", PREFIXES, CLAIMS),
            VALUES | st.lists(VALUES, min_size=1, max_size=2),
            min_size=1,
            max_size=2,
        )
        condition = draw(st.dictionaries(OPERATORS, keys, max_size=2))
        statement: dict[str, Any] = {"Effect": effect, "Principal": {"Federated": PREFIX + issuer}, "Action": ACTION}
        statements.append(statement | ({"Condition": condition} if condition else {}))
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@settings(deadline=None, max_examples=60)
@given(policies())
def test_no_rule_contradicts_the_engine(text: str) -> None:
    """What is called open has a token that the engine lets in; what is called dead has none."""
    subject = lint_subject(text)
    for finding in lint(subject):
        if finding.claim is Claim.OPEN:
            witness = finding.witness
            assert witness is not None
            assert subject.policy is not None
            principal = Principal(PrincipalKind.FEDERATED, str(witness.provider))
            assert evaluate(subject.policy, Request(principal, ACTION, witness.context)).allowed, finding
        if finding.claim is Claim.DEAD and finding.statement is not None and subject.policy is not None:
            document = json.loads(text)
            statement = document["Statement"][finding.statement]
            allow = Policy.parse(json.dumps(document | {"Statement": [statement | {"Effect": "Allow"}]}))
            assert not isinstance(search(allow), Witness), finding


@settings(deadline=None, max_examples=60)
@given(policies())
def test_a_fix_never_lets_anybody_in(text: str) -> None:
    fixed = fix(text)
    repairs = {rule.code for rule in RULES if rule.repairs}
    if fixed.codes and not repairs & set(fixed.codes):
        assert diff(Policy.parse(text), Policy.parse(fixed.text)).verdict in {Verdict.EQUIVALENT, Verdict.NARROWER}
    errors = {finding.code for finding in lint_text(fixed.text) if finding.severity is Severity.ERROR}
    assert errors <= {finding.code for finding in lint_text(text)}


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_is_linted(text: str) -> None:
    assert lint_text(text)
