"""Laws of permissions, for any policies and any request."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.permissions.decision import Request
from daypass.permissions.document import PermissionsPolicy
from daypass.permissions.evaluate import Attached, Policies, allows, evaluate
from daypass.trust.context import Context

_ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "S3:GETOBJECT", "s3:PutObject", "sqs:*"])
_RESOURCES = st.sampled_from(
    [
        "*",
        "arn:aws:s3",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/${aws:PrincipalTag/team}",
        "arn:aws:s3:::*/x",
        "arn:aws:sqs",
    ]
)
_CONDITIONS = st.sampled_from(
    [
        {},
        {"StringEquals": {"aws:PrincipalTag/team": "x"}},
        {"StringNotEquals": {"aws:PrincipalTag/team": "x"}},
        {"Null": {"aws:SourceIdentity": "true"}},
        {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    ]
)


def statements(*effects: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda effect, not_action, action, not_resource, resource, condition: {
            "Effect": effect,
            "NotAction" if not_action else "Action": action,
            "NotResource" if not_resource else "Resource": resource,
            "Condition": condition,
        },
        st.sampled_from(effects),
        st.booleans(),
        st.lists(_ACTIONS, min_size=1, max_size=2),
        st.booleans(),
        st.lists(_RESOURCES, min_size=1, max_size=2),
        _CONDITIONS,
    )


def parsed(some: list[dict[str, Any]]) -> Attached:
    return Attached("p", PermissionsPolicy.parse(json.dumps({"Version": "2012-10-17", "Statement": some})))


POLICY = st.lists(statements("Allow", "Deny"), min_size=1, max_size=3).map(parsed)
LAYER = st.lists(POLICY, max_size=2).map(tuple)
POLICIES = st.builds(Policies, LAYER, st.none() | LAYER, st.none() | LAYER)
REQUESTS = st.builds(
    Request,
    st.sampled_from(["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]),
    st.sampled_from(["*", "arn:aws:s3:::b/x", "arn:aws:s3:::b", "arn:aws:sqs:us-east-1:111122223333:q", None]),
    st.dictionaries(
        st.sampled_from(["aws:PrincipalTag/team", "aws:SourceIdentity"]),
        st.sampled_from(["x", "*", "b/x"]).map(lambda value: (value,)),
    ).map(Context),
)
EVERYTHING = parsed([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
NOTHING = parsed([{"Effect": "Deny", "Action": "*", "Resource": "*"}])


@given(POLICIES, REQUESTS)
def test_the_fast_answer_is_the_explained_one(policies: Policies, request_: Request) -> None:
    assert allows(policies, request_) is evaluate(policies, request_).allowed


@given(POLICIES, REQUESTS)
def test_a_deny_wins_wherever_it_is(policies: Policies, request_: Request) -> None:
    for changed in (
        replace(policies, identity=(*policies.identity, NOTHING)),
        replace(policies, boundary=(*(policies.boundary or ()), NOTHING)),
        replace(policies, session=(*(policies.session or ()), NOTHING)),
    ):
        assert not allows(changed, request_)


@given(POLICIES, LAYER, REQUESTS)
def test_session_and_boundary_only_take_away(
    policies: Policies, layer: tuple[Attached, ...], request_: Request
) -> None:
    free = replace(policies, session=None)
    assert not allows(replace(policies, session=layer), request_) or allows(free, request_)
    free = replace(policies, boundary=None)
    assert not allows(replace(policies, boundary=layer), request_) or allows(free, request_)


@given(POLICIES, st.lists(statements("Allow"), min_size=1, max_size=2).map(parsed), REQUESTS)
def test_an_allow_more_takes_nothing_away(policies: Policies, more: Attached, request_: Request) -> None:
    if allows(policies, request_):
        assert allows(replace(policies, identity=(*policies.identity, more)), request_)


@given(POLICIES, st.lists(statements("Deny"), min_size=1, max_size=2).map(parsed), REQUESTS)
def test_a_deny_more_gives_nothing(policies: Policies, more: Attached, request_: Request) -> None:
    if not allows(policies, request_):
        assert not allows(replace(policies, identity=(*policies.identity, more)), request_)


@given(POLICIES, REQUESTS)
def test_layers_that_allow_everything_change_nothing(policies: Policies, request_: Request) -> None:
    bare = replace(policies, boundary=None, session=None)
    assert allows(replace(bare, boundary=(EVERYTHING,), session=(EVERYTHING,)), request_) is allows(bare, request_)


@given(POLICIES, REQUESTS)
def test_letter_case_of_an_action_has_no_meaning(policies: Policies, request_: Request) -> None:
    assert allows(policies, replace(request_, action=request_.action.upper())) is allows(policies, request_)


@given(st.text(), st.text())
def test_no_text_breaks_it(document: str, resource: str) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": resource}
    for text in (document, json.dumps({"Version": "2012-10-17", "Statement": statement})):
        with contextlib.suppress(PolicyMalformed, PolicyUnsupported):
            policy = PermissionsPolicy.parse(text)
            allows(Policies((Attached("p", policy),)), Request("s3:GetObject", resource, Context({})))
