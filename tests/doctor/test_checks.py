"""Every check on facts as data: it finds its fault and nothing else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from daypass.doctor.checks import AREAS, BY_CODE, CHECKS
from daypass.doctor.finding import Severity
from daypass.doctor.judge import judge
from support.healthy import changed
from support.vectors import VECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = VECTORS / "doctor" / "checks.json"
_CASES: list[dict[str, Any]] = json.loads(_FILE.read_bytes())["cases"]
_LABORATORY: list[dict[str, Any]] = json.loads((VECTORS / "doctor" / "laboratory.json").read_bytes())["cases"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in _CASES])
def test_each_fault_is_named_and_no_other(case: dict[str, Any]) -> None:
    diagnosis = judge(changed(case["changes"]))
    assert sorted({each.code for each in diagnosis.findings}) == sorted(case["expect"])
    assert diagnosis.healthy is (not case["expect"])


def _named() -> Iterator[str]:
    for case in _CASES:
        yield from case["expect"]
    for case in _LABORATORY:
        yield from case["expect"]["findings"]


# What needs certificates, or a policy that the linter looks at, has tests of its own below and in test_chain.
_ELSEWHERE = {"chain_expires_soon", "chain_refused", "chain_self_signed", "chain_untrusted"}
_BELOW = {
    "trust_open",
    "trust_lint",
    "token_session_claims",
    "token_roles_claim",
    "jwks_uri_other_host",
    "jwks_uri_invalid",
    "connect_unknown",
    "role_session_long",
}


def test_every_check_is_shown_to_find_its_fault() -> None:
    shown = set(_named()) | _ELSEWHERE | _BELOW | {code for code in BY_CODE if code.startswith(("chain_", "thumb"))}
    assert set(BY_CODE) <= shown


def _codes(changes: dict[str, Any]) -> set[str]:
    return {each.code for each in judge(changed(changes)).findings}


def test_keys_on_another_host() -> None:
    """As Google's are. It is told only where thumbprints come into it."""
    own = changed({}).to_json()["hosts"][0]
    host = {**own, "host": "keys.example.com", "dns": {"name": "keys.example.com", "ipv4": ["93.184.215.14"]}}
    assert _codes({"hosts": [own, host]}) == set()
    host = {**host, "tls": {**own["tls"], "trusted": False}}
    assert _codes({"hosts": [own, host]}) == {"jwks_uri_other_host"}


def test_a_policy_that_lets_strangers_in_is_an_error_though_the_token_gets_in() -> None:
    github = "token.actions.githubusercontent.com"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::482916370154:oidc-provider/{github}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{github}:aud": "sts.amazonaws.com"},
                    "StringLike": {f"{github}:sub": "repo:*"},
                },
            }
        ],
    }
    changes: dict[str, Any] = {
        "issuer": None,
        "hosts": [],
        "discovery": [],
        "keys": [],
        "token": None,
        "account.providers": None,
        "account.role.trust_policy": json.dumps(policy),
    }
    assert "trust_open" in _codes(changes)


def test_a_weak_policy_is_a_warning() -> None:
    key = "account.role.trust_policy.{}.Statement.0.Condition"
    found = judge(changed({key: {"StringLike": {"idp.example.com:sub": "project:shop:*"}}})).findings
    assert {each.code for each in found} == {"trust_lint"}
    assert {each.severity for each in found} == {Severity.WARNING}


def test_claims_for_the_session_are_held_to_their_form() -> None:
    facts = changed({})
    claims = dict(facts.token.claims) if facts.token else {}
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"Team": "blue"}}}
    assert _codes({"token.claims": claims | tags}) == {"token_session_claims"}
    roles = {"https://aws.amazon.com/roles": ["arn:aws:iam::482916370154:role/other"]}
    assert _codes({"token.claims": claims | roles}) == {"token_roles_claim"}


def test_the_worst_comes_first_and_nothing_twice() -> None:
    changes: dict[str, Any] = {
        "token.padded": True,
        "token.signature": "invalid",
        "token.mistyped": ["a"],
        "hosts.0.port": 8443,
    }
    found = judge(changed(changes)).findings
    assert [each.code for each in found] == [
        "token_signature_wrong", "issuer_url_port", "token_padded", "token_claim_types",
    ]  # fmt: skip
    assert len(set(found)) == len(found)


def test_every_entry_of_the_catalogue_is_whole() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS) == sum(map(len, AREAS.values()))
    for check in CHECKS:
        assert check.code.replace("_", "").isalnum()
        assert check.code.islower()
        assert check.title[:1].islower() or check.title.split()[0].isupper(), check.code
        assert not check.title.endswith("."), check.code
        assert check.remedy.endswith((".", ":")), check.code
        assert check.why.endswith((".", ".`", ")`.", ")`")), check.code
        assert check.source, check.code
