"""Sizes, bytes and what a parsed policy keeps."""

from __future__ import annotations

import json

import pytest

from daypass.errors import PolicyMalformed
from daypass.trust.document import MAX_DOCUMENT_CHARACTERS, Policy
from daypass.trust.role_trust import RAISED_CHARACTERS, check_role_trust

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/idp.example.com"


def document(values: int = 1) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {"idp.example.com:sub": [f"project:{n:05}" for n in range(values)]}},
            },
        },
        indent=4,
    )


def test_white_space_does_not_count_for_a_role() -> None:
    text = document()
    check_role_trust(Policy.parse(text.replace("\n", "\n" * 500)))


def test_a_role_has_a_quota() -> None:
    policy = Policy.parse(document(140))
    check_role_trust(policy, max_characters=RAISED_CHARACTERS)
    with pytest.raises(PolicyMalformed) as refused:
        check_role_trust(policy)
    assert refused.value.facts["aws_code"] == "LimitExceeded"
    assert refused.value.facts["aws_message"] == "Cannot exceed quota for ACLSizePerRole: 2048"


def test_a_document_has_a_limit() -> None:
    text = document()
    room = MAX_DOCUMENT_CHARACTERS - len(text)
    assert Policy.parse(text + " " * room).statements
    with pytest.raises(PolicyMalformed, match="longer than 131072 characters"):
        Policy.parse(text + " " * (room + 1))


def test_bytes_are_utf8() -> None:
    text = document()
    assert Policy.parse(text.encode()) == Policy.parse(text)
    assert Policy.parse(text.encode()).text == text
    with pytest.raises(PolicyMalformed, match="not UTF-8"):
        Policy.parse(b"\xff" + text.encode())


def test_the_lost_comma_is_shown_with_both_lines() -> None:
    """A policy as printed in a well-known page, with a comma lost between two conditions."""
    text = (
        '{\n    "Version": "2012-10-17",\n    "Statement": [\n        {\n'
        '            "Condition": {\n                "StringEquals": {\n'
        '                    "idp.example.com:aud": "sts.amazonaws.com"\n'
        '                    "idp.example.com:sub": "https://git.example.com/acme/shop"\n'
        "                }\n            }\n        }\n    ]\n}\n"
    )
    with pytest.raises(PolicyMalformed) as refused:
        Policy.parse(text)
    assert refused.value.message == (
        'the policy is not JSON: a comma is missing after `"sts.amazonaws.com"`, line 7 column 63'
    )
    assert refused.value.advice == (
        'Add a comma after `"sts.amazonaws.com"`.\n'
        '7 |                     "idp.example.com:aud": "sts.amazonaws.com"\n'
        "  |                                                               ^\n"
        '8 |                     "idp.example.com:sub": "https://git.example.com/acme/shop"'
    )


def test_a_long_line_is_cut_around_the_fault() -> None:
    text = json.dumps({"Version": "2012-10-17", "Id": "x" * 500, "Statement": []}).replace('",', '"', 2)
    with pytest.raises(PolicyMalformed) as refused:
        Policy.parse(text)
    assert all(len(line) <= 120 for line in str(refused.value.facts["excerpt"]).splitlines())
