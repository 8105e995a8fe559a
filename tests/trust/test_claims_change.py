"""What a trust policy makes of a token before and after a change of its claims."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from daypass.trust.claims_change import claims_change
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

NOW = datetime(2026, 9, 21, 12, 0, 0, tzinfo=UTC)
HOST = "id.northwind.example"
OLD: dict[str, JsonValue] = {"iss": f"https://{HOST}", "sub": "https://git.example/a/b", "aud": "sts.amazonaws.com"}
NEW: dict[str, JsonValue] = OLD | {"sub": "organization:org_a:project:prj_b:job:job_c"}


def statement(effect: str, operator: str, subject: str, **other: Any) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{HOST}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {operator: {f"{HOST}:sub": subject}},
        **other,
    }


def policy(*statements: dict[str, Any]) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def indexes(asked: Policy, before: dict[str, JsonValue] | None, after: dict[str, JsonValue] | None) -> tuple[Any, ...]:
    change = claims_change(asked, before, after, now=NOW)
    return (
        change.allowed_before,
        change.allowed_after,
        [result.index for result in change.stops],
        [result.index for result in change.begins],
    )


def test_statements_that_stop_and_begin_to_match_are_told_apart() -> None:
    asked = policy(
        statement("Allow", "StringEquals", str(OLD["sub"])),
        statement("Allow", "StringLike", "organization:org_a:*"),
        statement("Allow", "StringLike", "*"),
    )
    assert indexes(asked, OLD, NEW) == (True, True, [0], [1])
    assert indexes(asked, OLD, OLD) == (True, True, [], [])


def test_a_deny_that_stops_to_match_lets_somebody_in() -> None:
    asked = policy(
        statement("Allow", "StringLike", "*"),
        statement("Deny", "StringLike", "https://git.example/*"),
    )
    assert indexes(asked, OLD, NEW) == (False, True, [1], [])


def test_no_token_matches_nothing() -> None:
    asked = policy(statement("Allow", "StringLike", "*"))
    assert indexes(asked, OLD, None) == (True, False, [0], [])
    assert indexes(asked, None, NEW) == (False, True, [], [0])
    assert indexes(asked, {"sub": "x"}, None) == (False, False, [], [])


def test_a_policy_of_another_issuer_has_no_say() -> None:
    principal = {"Federated": "arn:aws:iam::111122223333:oidc-provider/other.example"}
    asked = policy(statement("Allow", "StringLike", "https://*", Principal=principal))
    assert indexes(asked, OLD, NEW) == (False, False, [], [])


def test_other_claims_than_the_subject_count_too() -> None:
    """The audience takes another form: two entries that AWS would not read."""
    asked = policy(statement("Allow", "StringLike", "*"))
    assert indexes(asked, OLD, OLD | {"aud": ["sts.amazonaws.com", "b"]})[:2] == (True, False)
