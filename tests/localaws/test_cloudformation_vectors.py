"""Templates by the cases in `vectors/cloudformation/`."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from daypass.errors import TemplateMalformed
from daypass.localaws.cloudformation.parameters import given_values, resolved_values
from daypass.localaws.cloudformation.resolve import Made, Values
from daypass.localaws.cloudformation.template import Template, parse
from support.vectors import VECTORS, cases, documents

ROLE = {"Role": Made("deploy", {"Arn": "arn:aws:iam::111122223333:role/deploy"})}
PSEUDO: dict[str, Any] = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "team",
    "AWS::URLSuffix": "amazonaws.com",
}


def values(template: Template, case: dict[str, Any]) -> Values:
    parameters = resolved_values(template, given_values(template, case.get("given", {})), {})
    exports = case.get("exports", {})
    return Values(template, parameters=parameters, pseudo=PSEUDO, exports=exports, made=ROLE)


def outcome(case: dict[str, Any]) -> Any:
    if "template" in case:
        template = parse(case["template"])
        return values(template, case).wanted()
    document = {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}, **case.get("sections", {})}
    template = parse(json.dumps({**document, "Outputs": {"It": {"Value": case["value"]}}}))
    return values(template, case).value(case["value"])


@pytest.mark.parametrize("case", cases("cloudformation"))
def test_a_template(case: dict[str, Any]) -> None:
    if "refused" not in case:
        assert outcome(case) == case.get("order", case.get("expect"))
        return
    with pytest.raises(TemplateMalformed) as caught:
        outcome(case)
    assert caught.value.message == case["refused"]


@pytest.mark.parametrize(("name", "document"), list(documents("cloudformation")))
def test_the_cases_have_their_form(name: str, document: dict[str, Any]) -> None:
    schema = json.loads((VECTORS / "cloudformation" / "schema.json").read_bytes())
    jsonschema.validate(document, schema)
    assert name in {"templates", "values"}
