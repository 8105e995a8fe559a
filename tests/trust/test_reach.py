"""Who can enter, what differs, and which tokens show it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from daypass.subjects.grammars import grammar_for, grammar_named
from daypass.trust import languages
from daypass.trust.callers import TokenBearer
from daypass.trust.decision import Request
from daypass.trust.diff import Verdict, diff
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.reach import who
from daypass.trust.search import admits
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.witness import Undecided, Witness, search, witness
from support.trust_policies import GITHUB, GITLAB, ISSUER, policy, provider, statement
from support.vectors import VECTORS, cases, documents


def parsed(document: dict[str, Any]) -> Policy:
    return Policy.parse(json.dumps(document))


@pytest.mark.parametrize("folder", ["reach", "reach/diff"])
def test_the_vectors_keep_their_schema(folder: str) -> None:
    schema = json.loads((VECTORS / folder / "schema.json").read_bytes())
    for _, document in documents(folder):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("case", cases("reach"))
def test_who_can_enter(case: dict[str, Any]) -> None:
    reach = who(parsed(case["policy"]), only=case.get("only"))
    expect = case["expect"]
    assert [
        {"subject": each.subject, "breadth": each.breadth, "words": each.words, "sample": each.sample.subject}
        for each in reach.entrances
    ] == expect["entrances"]
    assert reach.proved is expect.get("proved")
    assert (None if reach.counterexample is None else reach.counterexample.subject) == expect.get("counterexample")
    assert (reach.undecided is not None) is expect.get("undecided", False)


@pytest.mark.parametrize("case", cases("reach"))
def test_whoever_is_shown_does_enter(case: dict[str, Any]) -> None:
    each = parsed(case["policy"])
    reach = who(each, only=case.get("only"))
    shown = [entrance.sample for entrance in reach.entrances]
    for token in [*shown, *([reach.counterexample] if reach.counterexample else [])]:
        principal = Principal(PrincipalKind.FEDERATED, str(token.provider))
        request = Request(principal, "sts:AssumeRoleWithWebIdentity", token.context)
        assert evaluate(each, request).allowed
        assert token.claims["iss"] == token.provider.issuer_url


@pytest.mark.parametrize("case", cases("reach/diff"))
def test_what_changes(case: dict[str, Any]) -> None:
    old, new = parsed(case["old"]), parsed(case["new"])
    found = diff(old, new)
    assert found.verdict == case["expect"]["verdict"]
    for request, inside, outside in ((found.wider, new, old), (found.narrower, old, new)):
        if request is not None:
            assert admits(inside, request.caller, request.asked)
            assert not admits(outside, request.caller, request.asked)
    turned = {Verdict.WIDER: Verdict.NARROWER, Verdict.NARROWER: Verdict.WIDER}
    assert diff(new, old).verdict is turned.get(found.verdict, found.verdict)


def test_a_fork_of_the_same_repository_is_a_witness() -> None:
    each = policy(statement({"StringLike": {f"{GITHUB}:sub": "repo:tidewater/invoices:*"}}, issuer=GITHUB))
    found = witness(each, not_matching=["repo:tidewater/invoices:ref:*"])
    assert found is not None
    assert found.subject == "repo:tidewater/invoices:pull_request"
    assert found.realistic
    assert found.audience == "sts.amazonaws.com"


def test_a_witness_carries_what_the_policy_asks_for_besides() -> None:
    each = policy(
        statement({"StringEquals": {f"{GITLAB}:project_id": "60417", f"{GITLAB}:aud": "tidewater"}}, issuer=GITLAB)
    )
    found = witness(each)
    assert found is not None
    assert found.claims["project_id"] == "60417"
    assert found.audience == "tidewater"
    assert found.to_json()["claims"] == dict(found.claims)


def test_a_known_kind_of_issuer_can_be_named() -> None:
    pattern = "organization:org_a:project:prj_b:*"
    each = policy(statement({"StringLike": {f"{ISSUER}:sub": pattern}}))
    reach = who(each, grammar=grammar_named("daypass"))
    assert reach.entrances[0].words.endswith("of org_a/prj_b")
    assert reach.entrances[0].sample.subject.startswith("organization:org_a:project:prj_b:job:")


def test_only_the_provider_asked_about_is_looked_at() -> None:
    each = policy(statement({"StringEquals": {f"{ISSUER}:sub": "a"}}), statement(issuer=GITLAB))
    assert [entrance.subject for entrance in who(each, provider=provider()).entrances] == ["a"]
    assert [entrance.provider.issuer for entrance in who(each).entrances] == [ISSUER, GITLAB]


def test_who_needs_no_token_is_named() -> None:
    each = policy(
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "sts:AssumeRole"}
    )
    reach = who(each)
    assert reach.others == ("arn:aws:iam::444455556666:root",)
    assert "arn:aws:iam::444455556666:root" in reach.words()


def test_policy_variables_that_aws_fills_are_read() -> None:
    each = policy(statement({"StringEquals": {f"{ISSUER}:sub": "${aws:PrincipalAccount}"}}))
    assert [entrance.sample.subject for entrance in who(each).entrances] == ["111122223333"]


def test_policy_variables_of_the_token_are_not_decided() -> None:
    each = policy(statement({"StringEquals": {f"{ISSUER}:sub": f"${{{ISSUER}:email}}"}}))
    assert isinstance(search(each), Undecided)
    assert who(each, only="a*").proved is None


def test_a_bound_that_is_hit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "MAX_STATES", 1)
    each = policy(statement({"StringLike": {f"{ISSUER}:sub": ["*a*b", "*c*d"]}}))
    found = search(each)
    assert isinstance(found, Undecided)
    assert "more values apart" in found.reason


def test_letters_outside_the_basic_plane_are_two_units() -> None:
    each = policy(statement({"StringLike": {f"{ISSUER}:sub": "🔑?"}}))
    assert who(each, only="🔑?").proved
    found = search(each)
    assert isinstance(found, Witness)
    assert found.subject.startswith("🔑")


def test_final_sigma_is_not_decided() -> None:
    assert isinstance(search(policy(statement({"StringEqualsIgnoreCase": {f"{ISSUER}:sub": "ΟΔΟΣ"}}))), Undecided)


def test_the_kelvin_sign_is_a_k() -> None:
    each = policy(
        statement({"StringEqualsIgnoreCase": {f"{ISSUER}:sub": "k"}, "StringNotEquals": {f"{ISSUER}:sub": ["k", "K"]}})
    )
    found = search(each)
    assert isinstance(found, Witness)
    assert found.subject == "\N{KELVIN SIGN}"


def test_tags_that_contradict_their_keys_are_no_request() -> None:
    condition = {
        "StringEquals": {"aws:RequestTag/team": "billing"},
        "ForAllValues:StringEquals": {"aws:TagKeys": "unit"},
    }
    action = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    assert search(policy(statement(condition, action=action))) is None
    condition["ForAllValues:StringEquals"] = {"aws:TagKeys": "team"}
    found = search(policy(statement(condition, action=action)))
    assert isinstance(found, Witness)
    assert found.context.get("aws:RequestTag/team") == ("billing",)


def test_the_bearer_of_a_built_in_provider_is_looked_at() -> None:
    each = policy(
        {
            "Effect": "Allow",
            "Principal": {"Federated": "accounts.google.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"accounts.google.com:sub": "104417730982651120934"}},
        }
    )
    reach = who(each)
    assert [entrance.sample.subject for entrance in reach.entrances] == ["104417730982651120934"]
    assert reach.entrances[0].sample.realistic


def test_a_wide_policy_says_so_on_the_terminal() -> None:
    each = policy(statement({"StringLike": {f"{GITLAB}:sub": "project_path:tidewater*"}}, issuer=GITLAB))
    assert who(each, only="project_path:tidewater/*").words() == "\n".join(
        [
            "who can enter",
            "  anybody on gitlab.com that fits `project_path:tidewater*`",
            "    pattern   project_path:tidewater*",
            "    subject   project_path:tidewater-evil/billing/invoices:ref_type:branch:ref:main",
            "    audience  any that the provider has registered",
            (
                "disproved: not only `project_path:tidewater/*` can enter;"
                " `project_path:tidewater-evil/billing/invoices:ref_type:branch:ref:main` can"
            ),
        ]
    )


def test_a_grammar_is_known_by_the_issuer() -> None:
    assert grammar_for(TokenBearer.of(provider(GITLAB)).provider.issuer) is grammar_named("gitlab")
