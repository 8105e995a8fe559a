"""What a refused login is told: the whole text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.explain import words
from daypass.trust.statement import Principal, PrincipalKind

ISSUER = "localhost:8443/t"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
FOUND = "organization:org_a:project:prj_x:workspace:wsp_y"
CONTEXT = Context({f"{ISSUER}:sub": (FOUND,), f"{ISSUER}:aud": ("sts.amazonaws.com",)}, frozenset({f"{ISSUER}:amr"}))


def told(condition: dict[str, Any], **changes: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
        **changes,
    }
    policy = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    principal = Principal(PrincipalKind.FEDERATED, PROVIDER)
    return words(evaluate(policy, Request(principal, "sts:AssumeRoleWithWebIdentity", CONTEXT)))


def test_another_workspace() -> None:
    wanted = "organization:org_a:project:prj_b:workspace:wsp_c"
    assert told({"StringEquals": {f"{ISSUER}:sub": wanted}}) == (
        "denied: no statement allows sts:AssumeRoleWithWebIdentity\n"
        "  statement 1 (Allow) does not apply\n"
        "    StringEquals localhost:8443/t:sub\n"
        "      wanted  organization:org_a:project:prj_b:workspace:wsp_c\n"
        "      found   organization:org_a:project:prj_x:workspace:wsp_y\n"
        "      the value is another one"
    )


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        ({"StringEquals": {f"{ISSUER}:sub": FOUND.upper()}}, "only the letter case differs, and it counts here"),
        ({"StringLike": {f"{ISSUER}:sub": "ORG*"}}, "only the letter case differs, and it counts here"),
        (
            {"StringEquals": {f"{ISSUER}:sub": "organization:*"}},
            "this operator takes * literally; StringLike matches patterns",
        ),
        ({"StringEquals": {f"https://{ISSUER}:sub": "x"}}, f"a key has no https://; write {ISSUER}:sub"),
        (
            {"StringEquals": {f"{ISSUER}/:sub": "x"}},
            f"a slash at the end makes it another issuer; write {ISSUER}:sub",
        ),
        ({"StringEquals": {"localhost:8443:sub": "x"}}, f"the issuer's path is missing; write {ISSUER}:sub"),
        (
            {"StringEquals": {"gitlab.com:sub": "x"}},
            f"this is not the issuer's prefix; its keys are {ISSUER}:…",
        ),
        (
            {"StringEquals": {f"{ISSUER}:repository": "x"}},
            "AWS makes no condition key of `repository` for this issuer, only of aud, oaud, sub, amr, email",
        ),
        ({"StringEquals": {f"{ISSUER}:email": "x"}}, "this token has nothing for it; it fills aud, sub"),
        ({"StringEquals": {"sts:SourceIdentity": "x"}}, "the request has no such key"),
        ({"StringEquals": {"aws:RequestTag/team": "x"}}, "the request has no such key"),
        ({"Null": {f"{ISSUER}:sub": "true"}}, "the key must be absent, and it is there"),
        ({"StringNotLike": {f"{ISSUER}:sub": "org*"}}, "the value is one of those that are ruled out"),
        ({"StringEquals": {f"{ISSUER}:sub": []}}, "the list of values is empty, and matches nothing"),
    ],
)
def test_a_condition_says_why(condition: dict[str, Any], line: str) -> None:
    text = told(condition)
    assert text.startswith("denied: ")
    assert text.splitlines()[-1].strip() == line


def test_all_that_is_wrong_is_told() -> None:
    text = told({}, Principal={"AWS": "*"}, Action="sts:AssumeRole", Sid="Login")
    assert text == (
        "denied: no statement allows sts:AssumeRoleWithWebIdentity\n"
        "  statement 1 `Login` (Allow) does not apply\n"
        f"    it speaks of another principal than {PROVIDER}\n"
        "    it speaks of another action than sts:AssumeRoleWithWebIdentity"
    )


def test_an_allowance_warns_of_conditions_that_guard_nothing() -> None:
    assert told({"StringNotEquals": {f"{ISSUER}:repository": "acme/secret"}}) == (
        "allowed: statement 1 allows sts:AssumeRoleWithWebIdentity\n"
        "  statement 1 (Allow) applies\n"
        "    StringNotEquals localhost:8443/t:repository\n"
        "      holds because the key is absent: it guards nothing here"
    )


def test_a_deny_is_named() -> None:
    text = told({}, Effect="Deny", Sid="Never")
    assert text.splitlines()[0] == "denied: statement 1 `Never` denies sts:AssumeRoleWithWebIdentity"


def test_a_value_cannot_draw_on_the_terminal() -> None:
    hostile = "a\u202eb\u2028allowed"
    text = told({"StringEquals": {f"{ISSUER}:sub": hostile, "x:\u202ey": "z"}})
    assert "\u202e" not in text
    assert "\u2028" not in text
    assert "a\\u202eb\\u2028allowed" in text


def test_one_screen_is_enough() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:TagSession"}
    policy = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": [statement] * 40}))
    principal = Principal(PrincipalKind.FEDERATED, PROVIDER)
    text = words(evaluate(policy, Request(principal, "sts:AssumeRoleWithWebIdentity", CONTEXT)))
    assert len(text.splitlines()) <= 24
    assert text.splitlines()[-1] == "  and 32 more statements"
