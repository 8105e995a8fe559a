"""Every vector of permissions, by both ways to judge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from daypass.errors import PolicyMalformed
from daypass.permissions.decision import Request
from daypass.permissions.document import PermissionsPolicy
from daypass.permissions.evaluate import Attached, Policies, allows, evaluate
from daypass.permissions.explain import message, words
from daypass.trust.context import Context
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from daypass.permissions.decision import Authorization

USER = "arn:aws:sts::111122223333:assumed-role/r/s"


def attached(policies: list[list[dict[str, Any]]] | None, version: str) -> tuple[Attached, ...] | None:
    if policies is None:
        return None
    texts = [json.dumps({"Version": version, "Statement": statements}) for statements in policies]
    return tuple(Attached(f"policy {index}", PermissionsPolicy.parse(text)) for index, text in enumerate(texts))


def came_out(authorization: Authorization) -> str:
    if authorization.allowed:
        return "allowed"
    if authorization.denied_by:
        return f"denied by {authorization.denied_by[0].layer}"
    return f"no {authorization.silent[0]}"


@pytest.mark.parametrize("document", [pytest.param(each, id=name) for name, each in documents("permissions")])
def test_the_vectors_keep_their_schema(document: dict[str, Any]) -> None:
    jsonschema.validate(document, json.loads((VECTORS / "permissions" / "schema.json").read_bytes()))


@pytest.mark.parametrize("case", cases("permissions"))
def test_the_answer_is_awss(case: dict[str, Any]) -> None:
    version = case.get("version", "2012-10-17")
    policies = Policies(
        attached(case["identity"], version) or (),
        attached(case.get("boundary"), version),
        attached(case.get("session"), version),
    )
    context = Context({key: tuple(values) for key, values in case.get("context", {}).items()})
    request = Request(case["action"], case["resource"], context)
    authorization = evaluate(policies, request)
    assert came_out(authorization) == case["expect"], words(authorization)
    assert allows(policies, request) is authorization.allowed
    assert json.dumps(authorization.to_json())
    if not authorization.allowed:
        told = message(authorization, USER, resource=request.resource or "*")
        assert told.startswith(f"User: {USER} is not authorized to perform: {case['action']} on resource: ")
        explicitly = f" with an explicit deny in {_article(case['expect'])}"
        assert told.endswith((explicitly, f" because {case['expect']} allows the {case['action']} action"))


def _article(expect: str) -> str:
    layer = expect.removeprefix("denied by ")
    return f"an {layer}" if layer.startswith("i") else f"a {layer}"


@pytest.mark.parametrize("resource", ["b", "arn", "", "arn:aws:s?:::b", "arn:aws:${aws:userid}:::b", "s3:::b"])
def test_resources_that_are_none(resource: str) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": resource}
    with pytest.raises(PolicyMalformed):
        PermissionsPolicy.parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))
