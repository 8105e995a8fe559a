"""Requests that a proof must not overlook, one for each that once was."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.trust.decision import Request
from daypass.trust.diff import Verdict, diff
from daypass.trust.evaluate import evaluate
from daypass.trust.reach import who
from daypass.trust.statement import Principal, PrincipalKind
from support.trust_policies import GITLAB, LOGIN, policy, provider, statement

SUB = f"{GITLAB}:sub"
TAGGED = (LOGIN, "sts:TagSession")


def everyone(principal: object, condition: dict[str, Any]) -> dict[str, Any]:
    return statement(condition, issuer=GITLAB) | {"Principal": principal}


@pytest.mark.parametrize("principal", ["*", {"Federated": "*"}])
def test_everyone_includes_whoever_has_a_token_of_an_issuer_that_a_key_names(principal: object) -> None:
    opened = policy(everyone(principal, {"StringLike": {SUB: "*"}}))
    reach = who(opened, only="project_path:acme/*")

    assert reach.proved is False
    assert reach.counterexample is not None
    asked = Request(Principal(PrincipalKind.FEDERATED, str(provider(GITLAB))), LOGIN, reach.counterexample.context)
    assert evaluate(opened, asked).allowed


def test_a_policy_for_everyone_is_wider_when_its_subjects_are() -> None:
    one = policy(everyone({"Federated": "*"}, {"StringEquals": {SUB: "x"}}))
    all_of_them = policy(everyone({"Federated": "*"}, {"StringLike": {SUB: "*"}}))

    assert diff(one, all_of_them).verdict is Verdict.WIDER


def test_nothing_is_proved_of_providers_that_nobody_names() -> None:
    named = {"aws:FederatedProvider": str(provider(GITLAB))}
    assert who(policy(everyone("*", {"StringEquals": named})), only="x").proved is None


@pytest.mark.parametrize("value", ["été", "", "a" * 200, "𝒜"])
def test_tags_are_more_than_plain_letters(value: str) -> None:
    tagged = statement({"StringEquals": {"aws:RequestTag/team": value}}, issuer=GITLAB, action=TAGGED)
    assert who(policy(tagged), only="x").proved is False


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
        {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}},
        {"Bool": {"aws:ViaAWSService": "false"}},
        {"StringEquals": {"aws:Referer": "https://example.com"}},
        {"ForAnyValue:StringLike": {"aws:VpceOrgPaths": "o-1/*"}},
    ],
)
def test_keys_that_aws_may_fill_do_not_keep_anybody_out(condition: dict[str, Any]) -> None:
    assert who(policy(statement(condition, issuer=GITLAB)), only="x").proved is False


def test_there_are_addresses_beside_those_that_are_excluded() -> None:
    excluded = {
        "Null": {"aws:SourceIp": "false"},
        "StringNotEquals": {"aws:SourceIp": ["203.0.113.9", "2001:db8::9"]},
    }
    assert who(policy(statement(excluded, issuer=GITLAB)), only="x").proved is False


def test_there_are_numbers_between_any_two() -> None:
    between = {
        "NumericGreaterThan": {f"{GITLAB}:email": f"1.{'0' * 40}1"},
        "NumericLessThan": {f"{GITLAB}:email": f"1.{'0' * 40}3"},
    }
    assert who(policy(statement(between, issuer=GITLAB)), only="x").proved is False


@pytest.mark.parametrize("key", ["aws:EpochTime", f"{GITLAB}:email"])
@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "9" * 1_000])
def test_numbers_that_fill_pages_are_not_decided(key: str, number: str) -> None:
    assert who(policy(statement({"NumericLessThan": {key: number}}, issuer=GITLAB)), only="x").proved is None


def test_only_tokens_are_spoken_of_where_others_enter_as_well() -> None:
    account = statement(action="sts:AssumeRole") | {"Principal": {"AWS": "*"}}
    reach = who(policy(statement({"StringEquals": {SUB: "x"}}, issuer=GITLAB), account), only="x")

    assert reach.words().endswith("proved: only `x` can enter with a token")
