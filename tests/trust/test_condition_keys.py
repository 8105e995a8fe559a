"""The keys that AWS fills for a web identity, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from daypass.names import ProviderArn
from daypass.trust.context import web_identity_context
from daypass.trust.session import ClaimFault, SessionTags, read_source_identity, read_tags
from support.tokens import verified

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

PROVIDER = ProviderArn.parse("arn:aws:iam::111122223333:oidc-provider/idp.example.com/t")
NOW = datetime(2026, 9, 12, 12, 0, tzinfo=timezone(timedelta(hours=2)))
TAGS = "https://aws.amazon.com/tags"


def test_all_the_keys_of_a_request() -> None:
    claims = verified(
        {
            "iss": "https://idp.example.com/t",
            "sub": 42,
            "aud": ["api", "web"],
            "azp": "cli",
            "amr": ["pwd", "mfa"],
            "email": "dev@example.com",
            "repository": "acme/app",
            TAGS: {"principal_tags": {"team": ["a"]}, "transitive_tag_keys": ["team"]},
            TAGS + "/principal_tags/env": "prod",
            "https://aws.amazon.com/source_identity": "dev",
        }
    )
    context = web_identity_context(
        claims,
        provider=PROVIDER,
        session_name="ci-1",
        now=NOW,
        source_ip="192.0.2.7",
        region="us-east-1",
        user_agent="x",
    )
    assert dict(context.values) == {
        "idp.example.com/t:sub": ("42",),
        "idp.example.com/t:aud": ("cli",),
        "idp.example.com/t:oaud": ("api", "web"),
        "idp.example.com/t:amr": ("pwd", "mfa"),
        "idp.example.com/t:email": ("dev@example.com",),
        "sts:RoleSessionName": ("ci-1",),
        "sts:RoleAuthorizedByIdp": ("false",),
        "sts:SourceIdentity": ("dev",),
        "sts:TransitiveTagKeys": ("team",),
        "aws:RequestTag/team": ("a",),
        "aws:RequestTag/env": ("prod",),
        "aws:TagKeys": ("team", "env"),
        "aws:CurrentTime": ("2026-09-12T10:00:00Z",),
        "aws:EpochTime": (str(int(datetime(2026, 9, 12, 10, tzinfo=UTC).timestamp())),),
        "aws:SecureTransport": ("true",),
        "aws:SourceIp": ("192.0.2.7",),
        "aws:RequestedRegion": ("us-east-1",),
        "aws:UserAgent": ("x",),
        "aws:FederatedProvider": (str(PROVIDER),),
        "aws:PrincipalAccount": ("111122223333",),
        "aws:PrincipalType": ("User",),
        "aws:userid": (str(PROVIDER),),
    }
    assert context.get("IDP.example.com/t:SUB") == ("42",)
    assert context.is_multivalued("AWS:tagkeys")


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({TAGS: []}, "is not an object"),
        ({TAGS: {"principal_tags": []}}, "`principal_tags` is not an object"),
        ({TAGS: {"principal_tags": {"team": "a"}}}, "is not an array with one text"),
        ({TAGS: {"principal_tags": {"team": []}}}, "is not an array with one text"),
        ({TAGS: {"principal_tags": {"team": ["a", "b"]}}}, "is not an array with one text"),
        ({TAGS: {"principal_tags": {"team": [1]}}}, "is not an array with one text"),
        ({TAGS + "/principal_tags/team": ["a"]}, "is not text"),
        ({TAGS + "/principal_tags/": "a"}, "has 0 characters"),
        ({TAGS + "/principal_tags/" + "k" * 129: "a"}, "has 129 characters"),
        ({TAGS + "/principal_tags/k": "v" * 257}, "has 257 characters"),
        ({TAGS + "/principal_tags/AWS:x": "v"}, "starts with `aws:`"),
        ({TAGS + "/principal_tags/a*": "v"}, "a character that tags cannot have"),
        ({TAGS: {"principal_tags": {"Team": ["a"], "team": ["b"]}}}, "comes twice"),
        ({TAGS: {"principal_tags": {"team": ["a"]}}, TAGS + "/principal_tags/TEAM": "b"}, "comes twice"),
        ({TAGS + f"/principal_tags/k{index}": "v" for index in range(51)}, "there are 51 tags"),
        ({TAGS: {"transitive_tag_keys": "team"}}, "is not an array"),
        ({TAGS: {"transitive_tag_keys": [1]}}, "not text"),
        ({TAGS: {"transitive_tag_keys": ["team"]}}, "is not among the tags"),
        (
            {TAGS + "/principal_tags/team": "a", TAGS + "/transitive_tag_keys": ["team", "TEAM"]},
            "is not among the tags, or comes twice",
        ),
    ],
)
def test_tags_of_another_form_are_refused(claims: dict[str, object], detail: str) -> None:
    found = read_tags(verified(claims))
    assert isinstance(found, ClaimFault)
    assert detail in found.detail


def test_tags_at_their_limits_are_read() -> None:
    claims: dict[str, JsonValue] = {f"{TAGS}/principal_tags/{index:0>128}": "é" * 256 for index in range(50)}
    found = read_tags(claims)
    assert isinstance(found, SessionTags)
    assert len(found.principal_tags) == 50


@pytest.mark.parametrize("value", ["a", "a" * 65, "a b", "é1", "aws:x", "ab\n", None, 12, ["ab"]])
def test_a_source_identity_of_another_form_is_refused(value: JsonValue) -> None:
    claims = {"https://aws.amazon.com/source_identity": value}
    assert isinstance(read_source_identity(claims), ClaimFault)
