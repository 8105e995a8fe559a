"""What to look at, for each issuer's own tokens."""

from __future__ import annotations

import json
import re

import pytest

from daypass.aws.causes import _DENIED, causes
from daypass.names import RoleArn
from daypass.subjects.registry import FORMATS
from support.vectors import VECTORS

ROLE = RoleArn.parse("arn:aws:iam::111122223333:role/deploy")
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def told(claims: dict[str, object], code: str = "AccessDenied", message: str = DENIED) -> list[str]:
    return list(causes(claims, aws_code=code, aws_message=message, role=ROLE))  # type: ignore[arg-type]  # JSON values


def test_the_names_are_those_of_token_formats() -> None:
    assert set(_DENIED) <= set(FORMATS)


@pytest.mark.parametrize("name", [name for name in FORMATS if (VECTORS / "formats" / f"{name}.json").exists()])
def test_every_formats_tokens_have_causes_without_gaps(name: str) -> None:
    for case in json.loads((VECTORS / "formats" / f"{name}.json").read_text())["cases"]:
        claims = case.get("expect", {}).get("claims")
        if not claims:
            continue
        found = told(claims)
        assert any(
            str(claims.get("iss", "ISSUER")).removeprefix("https://") + ":sub must match" in text for text in found
        )
        assert "add --wait" in found[-1]
        assert len(found) == len(set(found))
        assert not any(re.search(r"\{[a-z]+\}", text) for text in found)


GITHUB = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com"}


@pytest.mark.parametrize(
    ("sub", "first"),
    [
        ("repo:acme/shop:environment:production", "this job has an `environment:`"),
        ("repo:acme/shop:pull_request", "this run is for a pull request"),
        ("repo:acme@1/shop@2:ref:refs/heads/main", "repositories made, renamed"),
        (
            "repo:acme/shop:ref:refs/heads/main",
            "the trust policy's condition on token.actions.githubusercontent.com:sub",
        ),
    ],
)
def test_what_the_subject_itself_says_comes_first(sub: str, first: str) -> None:
    claims = json.loads((VECTORS / "formats" / "github.json").read_text())["cases"][0]["expect"]["claims"]
    assert told({**claims, **GITHUB, "sub": sub})[0].startswith(first)


def test_tags_and_roles_come_before_everything() -> None:
    claims = {"iss": "https://idp.example.com", "aud": "a", "sub": "s", "https://aws.amazon.com/tags": {}}
    found = told({**claims, "https://aws.amazon.com/roles": []})
    assert "sts:TagSession" in found[0]
    assert "roles claim" in found[1]


def test_no_provider_and_no_audience_get_the_command() -> None:
    claims: dict[str, object] = {"iss": "https://idp.example.com/a", "aud": ["x", "y"], "sub": "{account} {0}"}
    (first, *_) = told(claims, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://…")
    assert "--url https://idp.example.com/a --client-id-list x" in first
    (first, *_) = told(claims, "InvalidIdentityToken", "Incorrect token audience")
    assert "arn:aws:iam::111122223333:oidc-provider/idp.example.com/a --client-id x" in first


@pytest.mark.parametrize("code", ["ExpiredTokenException", "ValidationError", None, "InvalidIdentityToken"])
def test_an_answer_that_says_itself_what_it_means_gets_none(code: str) -> None:
    assert told({"iss": "https://x"}, code, "Token expired") == []


def test_a_command_without_wait_is_not_told_to_wait_by_it() -> None:
    for code, message in (("AccessDenied", DENIED), ("InvalidIdentityToken", "No OpenIDConnect provider found in …")):
        found = causes({"sub": "x"}, aws_code=code, aws_message=message, role=ROLE, waits=False)
        assert not any("--wait" in text for text in found)
        assert any("try again in a moment" in text for text in found)
