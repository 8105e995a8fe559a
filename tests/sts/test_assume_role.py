"""AssumeRole answers as AWS does; and the laws of chained sessions."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.localaws import model, query
from daypass.localaws.faults import AwsError
from daypass.names import RoleArn
from daypass.sts.answers import Text
from daypass.sts.assume_role import texts
from daypass.sts.assume_role.caller import Caller
from daypass.sts.assume_role.decide import CHAIN_SECONDS, Granted, decide
from daypass.sts.assume_role.request import AssumeRoleRequest, read_request
from daypass.sts.decide import Role
from daypass.sts.refusal import Refusal
from daypass.trust.document import Policy
from support.assume_role_vectors import (
    MANAGED,
    ROLE_ID,
    AssumeRoleCase,
    assume_role_cases,
    build,
    caller_of,
    document,
    role_keys,
    role_of,
)
from support.vectors import VECTORS, documents

NAMES = st.sampled_from(["alice", "bob"])
TAGS = st.dictionaries(st.sampled_from(["team", "Team", "stage", "cost"]), st.sampled_from(["x", "y"]), max_size=3)


def answered(case: AssumeRoleCase) -> Granted | Refusal | AwsError:
    """The whole call, as the local AWS makes it."""
    operation = model.operation("sts", "AssumeRole")
    assert operation is not None
    read = query.read_input(operation, case.parameters)
    if isinstance(read, AwsError):
        return read
    request = read_request(read)
    if isinstance(request, Refusal):
        return request
    return decide(
        request,
        caller_of(case),
        role=role_of(case),
        keys=role_keys(case),
        managed_policies=MANAGED,
        observed=case.observed,
    )


@pytest.mark.parametrize("vector", assume_role_cases())
def test_the_answer_is_awss(vector: dict[str, Any]) -> None:
    case = build(vector)
    answer = answered(case)
    if isinstance(answer, AwsError):
        assert {"code": answer.code, "status": answer.http_status, "message": answer.message} == case.expect
        return
    if isinstance(answer, Refusal):
        found = {"code": answer.answer.code, "status": answer.answer.http_status, "message": answer.message}
        assert found == case.expect, answer.detail
        assert answer.detail
        return
    assert "granted" in case.expect, answer
    wanted = case.expect["granted"]
    assert answer == Granted(
        session_arn=wanted["session_arn"],
        assumed_role_id=f"{ROLE_ID}:ci-1",
        duration_seconds=wanted["duration_seconds"],
        packed_policy_size=wanted["packed_policy_size"],
        source_identity=wanted["source_identity"],
        tags=wanted["tags"],
        transitive_keys=tuple(wanted["transitive_tag_keys"]),
        policy=wanted.get("policy"),
        policy_arns=tuple(wanted.get("policy_arns", ())),
    )


def test_every_text_is_reached_by_a_vector() -> None:
    every: list[Any] = assume_role_cases()
    messages = {case.values[0]["expect"].get("message", "") for case in every}
    heads = {name: text.template.partition("{")[0] for name, text in vars(texts).items() if isinstance(text, Text)}
    assert {name for name, head in heads.items() if not any(told.startswith(head) for told in messages)} == set()


def test_the_vectors_have_their_schema() -> None:
    schema = json.loads((VECTORS / "sts_assume_role" / "schema.json").read_bytes())
    for name, vectors in documents("sts_assume_role"):
        jsonschema.validate(vectors, schema)
        ids = [case["id"] for case in vectors["cases"]]
        assert len(ids) == len(set(ids)), name


def role(number: int) -> Role:
    """A role that trusts everyone with everything, for twelve hours."""
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    trust = Policy.parse(document([{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": actions}]))
    return Role(RoleArn.parse(f"arn:aws:iam::111122223333:role/r{number}"), f"AROA{number}", trust, 43_200)


REQUESTS = st.builds(
    lambda number, seconds, tags, keep, source: (number, seconds, tags, tuple(k for k in tags if k in keep), source),
    st.integers(min_value=0, max_value=3),
    st.integers(min_value=900, max_value=43_200),
    TAGS,
    st.sets(st.sampled_from(["team", "Team", "stage", "cost"])),
    st.none() | NAMES,
)


@given(st.lists(REQUESTS, min_size=1, max_size=5))
def test_no_chain_outgrows_the_hour_or_loses_what_it_must_keep(chain: list[Any]) -> None:
    caller = Caller("aws", "111122223333", "arn:aws:iam::111122223333:root")
    for number, seconds, tags, transitive, source_identity in chain:
        target = role(number)
        request = AssumeRoleRequest(
            target.arn,
            "job",
            duration_seconds=seconds,
            source_identity=source_identity,
            tags=tags,
            transitive_keys=transitive,
        )
        granted = decide(request, caller, role=target, keys={})
        if isinstance(granted, Refusal):
            continue
        if caller.is_session:
            assert granted.duration_seconds <= CHAIN_SECONDS
        if caller.source_identity is not None:
            assert granted.source_identity == caller.source_identity
        for key, value in caller.transitive_tags.items():
            assert granted.tags[key] == value
            assert key in granted.transitive_keys
        caller = Caller(
            partition="aws",
            account="111122223333",
            arn=granted.session_arn,
            role=target.arn,
            role_id=target.role_id,
            source_identity=granted.source_identity,
            transitive_tags={key: granted.tags[key] for key in granted.transitive_keys},
        )
