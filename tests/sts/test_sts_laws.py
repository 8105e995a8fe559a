"""Whatever a token says, the answer is an answer; and only what is signed is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daypass.names import ProviderArn, RoleArn
from daypass.sts.decide import Granted, Provider, Role, decide
from daypass.sts.refusal import Refusal
from daypass.sts.request import WebIdentityRequest, read_request
from daypass.sts.token import inspect_token
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from daypass.trust.document import Policy
from support.tokens import private_key

NOW = datetime(2026, 9, 12, 10, 0, tzinfo=UTC)
ISSUER = "https://idp.example.com"
PROVIDER = Provider(ProviderArn.parse("arn:aws:iam::111122223333:oidc-provider/idp.example.com"), ("a", "b"))
OPEN = Policy.parse(
    json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Federated": str(PROVIDER.arn)},
                "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
            },
        }
    )
)
ROLE = Role(RoleArn.parse("arn:aws:iam::111122223333:role/deploy"), "AROAEXAMPLE", OPEN)
KEYS = KeySet([private_key().public])

TIMES = st.sampled_from([int(NOW.timestamp()) + offset for offset in (-400, -299, 0, 299, 400)])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "b", str(ROLE.arn), "1789123688"])
    | st.text("az:é*", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["principal_tags", "a", "A"]), inner),
    max_leaves=4,
)
AMAZON = "https://aws.amazon.com/"
CLAIMS = st.fixed_dictionaries(
    {"iss": st.just(ISSUER), "sub": st.just("s") | JSON, "aud": st.just("a") | JSON, "iat": TIMES | JSON, "exp": TIMES},
    optional={
        "azp": st.just("b") | JSON,
        "nbf": TIMES | JSON,
        "amr": JSON,
        "email": JSON,
        AMAZON + "roles": JSON,
        AMAZON + "source_identity": JSON,
        AMAZON + "tags": JSON,
        AMAZON + "tags/principal_tags/team": JSON,
        AMAZON + "tags/transitive_tag_keys": JSON,
    },
)


def called(token: str) -> Granted | Refusal:
    request = read_request({"RoleArn": str(ROLE.arn), "RoleSessionName": "ci-1", "WebIdentityToken": token})
    assert isinstance(request, WebIdentityRequest)
    unverified = inspect_token(token)
    if isinstance(unverified, Refusal):
        return unverified
    return decide(request, unverified, provider=PROVIDER, keys=KEYS, role=ROLE, now=NOW)


@given(CLAIMS)
def test_every_signed_token_gets_an_answer(claims: dict[str, Any]) -> None:
    answer = called(mint(claims, private_key()).reveal())
    if isinstance(answer, Granted):
        assert answer.audience in PROVIDER.client_ids
        assert answer.packed_policy_size > 0
        assert answer.claims["sub"] == claims["sub"]
    else:
        assert answer.answer.http_status in {400, 403, 500}


@given(CLAIMS)
def test_nothing_is_granted_on_another_signature(claims: dict[str, Any]) -> None:
    stranger = private_key("ES256", "stranger")
    token = mint(claims, stranger).reveal()
    assert isinstance(called(token), Refusal)


@given(st.text(max_size=100) | st.text("abc.=-_{}", min_size=4, max_size=40))
def test_every_text_gets_an_answer(token: str) -> None:
    answer = inspect_token(token)
    assert isinstance(answer, Refusal)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("RoleArn", "RoleSessionName", "WebIdentityToken", "ProviderId", "Policy", "DurationSeconds"),
                *("PolicyArns", "PolicyArns.member.1.arn", "Action"),
            ]
        ),
        st.text(max_size=30) | st.sampled_from([str(ROLE.arn), "900", "www.amazon.com", "ci-1"]),
    )
)
def test_all_parameters_get_an_answer(parameters: dict[str, str]) -> None:
    answer = read_request(parameters)
    if isinstance(answer, WebIdentityRequest):
        assert "ProviderId" not in parameters
        assert answer.policy == parameters.get("Policy")
        assert answer.policy_arns == tuple(parameters[name] for name in parameters if name.startswith("PolicyArns"))
