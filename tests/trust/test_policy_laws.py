"""What holds for every policy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.trust.compile import compile_policy
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.explain import words
from daypass.trust.mend import find
from daypass.trust.operators import NAMES
from daypass.trust.role_trust import check_role_trust
from daypass.trust.statement import Principal, PrincipalKind

if TYPE_CHECKING:
    from daypass.trust.decision import Decision

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/idp.example.com"
ACTION = "sts:AssumeRoleWithWebIdentity"
KNOWN = [
    *("42", "042", "1e2", "NaN", "true", "2026-09-12", "1789207200", "198.51.100.7", "198.51.100.0/24", "2001:db8::7"),
    *(PROVIDER, "arn:aws:iam::*:oidc-provider/*", "ZGF5", "*", ""),
    *("${aws:RequestTag/size}", "${aws:RequestTag/size, 'a'}*", "${aws:TagKeys}", "${x:absent}", "${*}"),
]
TEXTS = st.text("ab*?K:/ém", max_size=6) | st.sampled_from(KNOWN)
KEYS = st.sampled_from(
    [
        *("idp.example.com:sub", "idp.example.com:SUB", "idp.example.com:amr", "aws:TagKeys", "x:absent"),
        "aws:RequestTag/size",
    ]
)
OPERATORS = st.builds(
    lambda prefix, base, suffix: base if base == "Null" else prefix + base + suffix,
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(NAMES),
    st.sampled_from(["", "IfExists"]),
)
BLOCKS = st.dictionaries(
    OPERATORS,
    st.dictionaries(KEYS, TEXTS | st.lists(TEXTS, max_size=3), min_size=1, max_size=2),
    max_size=2,
)
PRINCIPALS = st.sampled_from(["*", {"Federated": PROVIDER}, {"AWS": "*"}, {"Federated": [PROVIDER, "x"]}])
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": PRINCIPALS,
        "Action": st.sampled_from([ACTION, "sts:*", "sts:AssumeRole", ["sts:TagSession", "STS:assume*"]]),
        "Condition": BLOCKS,
    }
)
REQUESTS = st.builds(
    Request,
    st.just(Principal(PrincipalKind.FEDERATED, PROVIDER)),
    st.sampled_from([ACTION, "sts:TagSession"]),
    st.builds(
        lambda subject, methods, sizes: Context(
            {"idp.example.com:sub": (subject,), "idp.example.com:amr": tuple(methods), "aws:RequestTag/size": sizes},
            frozenset({"idp.example.com:amr", "aws:TagKeys"}),
        ),
        TEXTS,
        st.lists(TEXTS, max_size=3),
        st.tuples() | st.tuples(TEXTS),
    ),
)
Statements = list[dict[str, Any]]


def parsed(statements: Statements) -> Policy | None:
    try:
        return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    except PolicyMalformed as refused:
        message = refused.message
    assert "differ only in letter case" in message or "is not base64" in message
    return None


def decided(statements: Statements, request: Request) -> Decision | None:
    policy = parsed(statements)
    return None if policy is None else evaluate(policy, request)


@given(st.lists(STATEMENTS, min_size=1, max_size=4), REQUESTS)
def test_every_policy_that_parses_can_be_evaluated_and_told(statements: Statements, request_: Request) -> None:
    decision = decided(statements, request_)
    if decision is not None:
        assert len(decision.statements) == len(statements)
        assert len(words(decision).splitlines()) >= 2
        assert json.loads(json.dumps(decision.to_json()))["allowed"] is decision.allowed
        assert all(bool(result.reasons) is not result.applies for result in decision.statements)


@given(st.lists(STATEMENTS, min_size=1, max_size=4), REQUESTS)
def test_the_compiled_policy_says_what_the_explained_one_says(statements: Statements, request_: Request) -> None:
    policy = parsed(statements)
    if policy is not None:
        assert compile_policy(policy).allows(request_) is evaluate(policy, request_).allowed


@given(st.lists(STATEMENTS, min_size=1, max_size=4), STATEMENTS, REQUESTS)
def test_another_deny_never_allows(statements: Statements, another: dict[str, Any], request_: Request) -> None:
    before = decided(statements, request_)
    after = decided([*statements, {**another, "Effect": "Deny"}], request_)
    if before is not None and after is not None:
        assert before.allowed or not after.allowed


@given(st.lists(STATEMENTS, min_size=1, max_size=4), STATEMENTS, REQUESTS)
def test_another_allow_never_denies(statements: Statements, another: dict[str, Any], request_: Request) -> None:
    before = decided(statements, request_)
    after = decided([*statements, {**another, "Effect": "Allow"}], request_)
    if before is not None and after is not None:
        assert after.allowed or not before.allowed


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.randoms(use_true_random=False), REQUESTS)
def test_the_order_of_statements_never_matters(statements: Statements, random: Any, request_: Request) -> None:
    mixed = list(statements)
    random.shuffle(mixed)
    one, other = decided(statements, request_), decided(mixed, request_)
    if one is not None and other is not None:
        assert one.allowed is other.allowed


@given(STATEMENTS, REQUESTS)
def test_one_more_condition_never_makes_a_statement_apply(statement: dict[str, Any], request_: Request) -> None:
    decision = decided([statement], request_)
    narrower = {**statement, "Condition": {**statement["Condition"], "StringEquals": {"x:absent": "a"}}}
    after = decided([narrower], request_)
    if decision is not None and after is not None:
        assert not after.statements[0].applies


@given(st.text(max_size=200) | st.text('{}[]",: a1\n\\“', max_size=60))
def test_any_text_is_a_policy_or_is_refused_with_its_place(text: str) -> None:
    try:
        Policy.parse(text)
    except (PolicyMalformed, PolicyUnsupported) as refused:
        place = refused.facts["line"], refused.facts["column"]
    else:
        return
    assert all(isinstance(number, int) and number >= 1 for number in place)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-9, 9)
    | st.sampled_from(["*", "Allow", ACTION, "${", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["Federated", "AWS", "StringEquals", "Null", "a:b", "Bool", "", "Version", "Effect"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=4,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Version": st.just("2012-10-17") | ANY,
            "Id": ANY,
            "Statement": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "Sid": ANY,
                        "Effect": st.just("Allow") | ANY,
                        "Principal": st.just("*") | ANY,
                        "Action": st.just(ACTION) | ANY,
                        "NotAction": ANY,
                        "Condition": ANY,
                        "Resource": ANY,
                    },
                ),
                max_size=2,
            )
            | ANY,
        },
    ),
    REQUESTS,
)
def test_any_json_is_a_policy_or_is_refused(document: dict[str, Any], request_: Request) -> None:
    try:
        policy = Policy.parse(json.dumps(document))
        check_role_trust(policy)
    except (PolicyMalformed, PolicyUnsupported) as refused:
        place = refused.facts["line"], refused.facts["column"]
    else:
        evaluate(policy, request_)
        return
    assert all(isinstance(number, int) and number >= 1 for number in place)


SOUND = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": [ACTION, "sts:TagSession"],
                "Condition": {"StringEquals": {"idp.example.com:sub": "a", "idp.example.com:aud": ["b", "c"]}},
            }
        ],
    },
    indent=2,
)


@given(st.sampled_from([found.start() for found in re.finditer(",", SOUND)]))
def test_a_lost_comma_is_found_where_it_was(place: int) -> None:
    broken = SOUND[:place] + SOUND[place + 1 :]
    try:
        json.loads(broken)
    except json.JSONDecodeError as fault:
        mend = find(broken, fault.pos)
    else:
        raise AssertionError("the text is sound without its comma")
    assert mend is not None
    assert (mend.offset, mend.text) == (place, SOUND)
