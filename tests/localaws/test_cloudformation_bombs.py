"""Templates that are small to send and once cost everything: each is refused in a moment, and the server goes on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from support.local_aws import LocalAws


def template(description: Any, **sections: Any) -> str:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    properties = {"Description": description, "PolicyDocument": document}
    return json.dumps({"Resources": {"R": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}, **sections})


def refused(aws: LocalAws, **sections: Any) -> str:
    client, began = aws.client("cloudformation"), time.monotonic()
    with pytest.raises(ClientError) as caught:
        client.create_stack(StackName="s", TemplateBody=template("x", **sections), Capabilities=["CAPABILITY_IAM"])
    assert time.monotonic() - began < 10
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    return str(caught.value.response["Error"]["Message"])


@pytest.mark.parametrize("letters", ["", "x"])
def test_substitutions_in_substitutions(aws: LocalAws, letters: str) -> None:
    value: Any = letters
    for _ in range(10):
        value = {"Fn::Sub": ["${a}" * 20, {"a": value}]}
    client, began = aws.client("cloudformation"), time.monotonic()
    client.create_stack(StackName="s", TemplateBody=template(value), Capabilities=["CAPABILITY_IAM"])
    assert time.monotonic() - began < 10
    assert client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    told = [each.get("ResourceStatusReason", "") for each in client.describe_stack_events(StackName="s")["StackEvents"]]
    assert any("does not resolve a template whose values grow so much" in each for each in told)


def test_a_pattern_that_never_ends(aws: LocalAws) -> None:
    declared = {"Type": "String", "AllowedPattern": "(a+)+$", "Default": "a" * 60 + "b"}
    assert "takes too long" in refused(aws, Parameters={"P": declared})


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("[a-z]+", "abc", True),
        ("[a-z]+", "ab1", False),
        ("([a-z]+[.])*[a-z]+", "a.b.c", True),
        ("(a|b)*c?", "abd", False),
    ],
)
def test_ordinary_patterns_are_tried(aws: LocalAws, pattern: str, value: str, *, fits: bool) -> None:
    low = {"Type": "Number", "MinValue": "5", "Default": "4"}
    declared = {"P": {"Type": "String", "AllowedPattern": pattern, "Default": value}, "Z": low}
    told = refused(aws, Parameters=declared)
    assert told == (
        "Parameter 'Z' must be a number not less than 5" if fits else f"Parameter 'P' must match pattern {pattern}"
    )


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"MinValue": "zz", "Default": "1"}, "Template format error: the MinValue of P is not a number"),
        ({"MaxValue": {}, "Default": "1"}, "Template format error: the MaxValue of P is not a number"),
        ({"Default": "nan"}, "Parameter 'P' must be a number"),
        ({"Default": "1_000"}, "Parameter 'P' must be a number"),
    ],
)
def test_numbers_that_are_none(aws: LocalAws, declared: dict[str, Any], told: str) -> None:
    assert refused(aws, Parameters={"P": {"Type": "Number", **declared}}) == told
