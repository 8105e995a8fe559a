"""Explanations: every mistake is recognised, the whole tree is told, and an edit lets in this token and no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.names import ProviderArn, RoleArn
from daypass.trust import diff as diffs
from daypass.trust import token_claims
from daypass.trust.attempt import Attempt, likely_provider
from daypass.trust.diff import diff
from daypass.trust.document import Policy
from daypass.trust.edit import Edit, Refusal, smallest_edit
from daypass.trust.explain import narrate
from daypass.trust.lint.model import Severity
from daypass.trust.lint.run import lint_text
from daypass.trust.role_trust import check_role_trust
from daypass.trust.steps import Explanation, Kind, Verdict, explain
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 9, 12, 10, 0, tzinfo=UTC)


def attempted(case: dict[str, Any], policy: Policy, claims: dict[str, Any]) -> Attempt:
    role = RoleArn.parse(case["role"]) if "role" in case else None
    issuer = case["claims"].get("iss")
    provider = ProviderArn.parse(case["provider"]) if "provider" in case else likely_provider(policy, issuer, role=role)
    return Attempt.imagine(claims, provider=provider, now=NOW, client_ids=case.get("client_ids"), role=role)


def explained(case: dict[str, Any]) -> Explanation:
    policy = Policy.parse(json.dumps(case["policy"], indent=2))
    return explain(policy, attempted(case, policy, case["claims"]))


def siblings(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Tokens that differ in one thing that the policy asks for, and are somebody else's."""
    claims = case["claims"]
    subject = str(claims["sub"])
    for other in (f"{subject}x", f"x{subject}", subject.swapcase(), subject.replace("/", "-evil/", 1), "*", ""):
        yield {**claims, "sub": other}
    if ":aud" in json.dumps(case["policy"]):
        for audience in ("", "*", "https://vault.example.com", f"{claims.get('aud')}x"):
            yield {**{name: value for name, value in claims.items() if name != "azp"}, "aud": audience}
    yield {**claims, "iss": "https://other.example.com"}


@pytest.mark.parametrize("case", cases("trust_explain"))
def test_a_mistake_is_recognised_and_what_helps_is_told(case: dict[str, Any]) -> None:
    explanation = explained(case)
    remedy = smallest_edit(explanation)
    found = {
        "allowed": explanation.allowed,
        "hints": sorted({hint.code for hint in explanation.hints}),
        "edit": None if remedy is None else "safe" if isinstance(remedy, Edit) else remedy.code,
    }
    wanted = {name: value for name, value in case["expect"].items() if name != "operations"}
    assert found == {**wanted, "hints": sorted(wanted["hints"])}, narrate(explanation, remedy)
    if "operations" in case["expect"]:
        assert remedy is not None
        assert remedy.to_json()["operations"] == case["expect"]["operations"]


CASES: list[dict[str, Any]] = [case for _, document in documents("trust_explain") for case in document["cases"]]
EDITED = [case for case in CASES if case["expect"]["edit"] == "safe"]
EACH_EDITED = pytest.mark.parametrize("case", EDITED, ids=[case["id"] for case in EDITED])


@EACH_EDITED
def test_an_edit_lets_the_token_in_and_nobody_else(case: dict[str, Any]) -> None:
    before = explained(case)
    remedy = smallest_edit(before)
    assert isinstance(remedy, Edit)
    after = Policy.parse(remedy.after)
    check_role_trust(after)
    assert explain(after, attempted(case, before.policy, case["claims"])).allowed
    for claims in siblings(case):
        was = explain(before.policy, attempted(case, before.policy, claims)).allowed
        now = explain(after, attempted(case, before.policy, claims)).allowed
        assert was or not now, claims


def test_every_recogniser_has_a_vector() -> None:
    import inspect

    from daypass.trust import recognisers, steps

    modules = [
        recognisers.keys,
        recognisers.values,
        recognisers.audiences,
        recognisers.subjects,
        recognisers.statements,
        steps,
    ]
    source = "".join(inspect.getsource(module) for module in modules)
    expected = {code for case in CASES for code in case["expect"]["hints"]}
    missing = {code for code in expected if f'"{code}"' not in source and not code.startswith("subject_of_")}
    assert not missing
    import re

    assert set(re.findall(r'Hint\(\s*"([a-z_]+)"', source)) - expected <= {"issuer_letter_case", "issuer_path"}


def test_the_vectors_have_their_schema() -> None:
    schema = json.loads((VECTORS / "trust_explain" / "schema.json").read_bytes())
    for name, document in documents("trust_explain"):
        jsonschema.validate(document, schema)
        ids = [case["id"] for case in document["cases"]]
        assert len(ids) == len(set(ids)), name


@EACH_EDITED
def test_an_edit_widens_the_policy_by_the_tokens_own_class_alone(case: dict[str, Any]) -> None:
    before = explained(case)
    remedy = smallest_edit(before)
    assert isinstance(remedy, Edit)
    found = diff(before.policy, Policy.parse(remedy.after))
    assert found.verdict is not diffs.Verdict.NARROWER, found.words()
    if found.wider is None:
        return
    admitted = [found.wider.request.context.get(f"{before.attempt.provider.issuer}:sub")]
    assert admitted == [(case["claims"]["sub"],)], found.words()


@EACH_EDITED
def test_an_edit_brings_no_new_finding(case: dict[str, Any]) -> None:
    before = explained(case)
    remedy = smallest_edit(before)
    assert isinstance(remedy, Edit)
    old = {finding.code for finding in lint_text(before.policy.text) if finding.severity >= Severity.ERROR}
    new = {finding.code for finding in lint_text(remedy.after) if finding.severity >= Severity.ERROR}
    assert new <= old


NAMES = st.sampled_from(["acme", "acme", "Acme", "other"])  # few, so that a token often nearly fits
REFS = st.text("abX/-", min_size=1, max_size=4)
SUBJECTS = st.builds(
    "project_path:{}/{}:ref_type:{}:ref:{}".format, NAMES, NAMES, st.sampled_from(["branch", "tag"]), REFS
)
PATTERNS = SUBJECTS | st.builds("project_path:{}/*".format, NAMES) | SUBJECTS.map(str.upper) | st.just("*")
KEYS = st.sampled_from(["gitlab.com:sub", "https://gitlab.com:sub", "gitlab.com/:sub"])
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow"] * 7 + ["Deny"]),
        "Principal": st.sampled_from(
            [
                {"Federated": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"},
                {"Federated": ["arn:aws:iam::444455556666:oidc-provider/gitlab.com"]},
            ]
        ),
        "Action": st.sampled_from([token_claims.LOGIN, "sts:AssumeRole", [token_claims.LOGIN, "sts:TagSession"]]),
        "Condition": st.dictionaries(
            st.sampled_from(
                ["StringEquals", "StringEquals", "StringLike", "StringNotEquals", "ForAnyValue:StringLike"]
            ),
            st.dictionaries(KEYS, PATTERNS | st.lists(PATTERNS, max_size=3), min_size=1, max_size=2),
            max_size=2,
        ),
    }
)
TOKENS = st.fixed_dictionaries(
    {"iss": st.just("https://gitlab.com"), "sub": SUBJECTS, "aud": st.just("sts.amazonaws.com")},
    optional={"https://aws.amazon.com/tags": st.just({"principal_tags": {"team": ["a"]}})},
)


@given(st.lists(STATEMENTS, min_size=1, max_size=3), TOKENS, SUBJECTS, st.sampled_from([None, 1, "\t"]))
def test_every_edit_really_lets_the_token_in(
    statements: list[dict[str, Any]], claims: dict[str, Any], other: str, indent: Any
) -> None:
    policy = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=indent))
    provider = ProviderArn.parse("arn:aws:iam::111122223333:oidc-provider/gitlab.com")
    explanation = explain(policy, Attempt.imagine(claims, provider=provider, now=NOW))
    remedy = smallest_edit(explanation)
    assert (remedy is None) is explanation.allowed
    json.dumps(explanation.to_json())
    assert narrate(explanation, remedy)
    if isinstance(remedy, Refusal):
        assert remedy.to_json()["safe"] is False
    if isinstance(remedy, Edit):
        after = Policy.parse(remedy.after)
        assert explain(after, Attempt.imagine(claims, provider=provider, now=NOW)).allowed
        assert apply_patch(json.loads(policy.text), remedy.to_json()["operations"]) == json.loads(remedy.after)
        tenant = str(claims["sub"]).partition("/")[0].lower()
        stranger = Attempt.imagine({**claims, "sub": other}, provider=provider, now=NOW)
        if not other.lower().startswith(tenant + "/") and not explain(policy, stranger).allowed:
            assert not explain(after, stranger).allowed


def apply_patch(document: Any, operations: Any) -> Any:
    """RFC 6902, as much of it as edits use: a second implementation to hold the text editor to."""
    for operation in operations:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in str(operation["path"]).split("/")[1:]]
        place = document
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place[step]
        last: Any = int(steps[-1]) if isinstance(place, list) and steps[-1] != "-" else steps[-1]
        match operation["op"]:
            case "remove":
                del place[last]
            case "move":
                place[last] = place.pop(str(operation["from"]).rpartition("/")[2].replace("~1", "/").replace("~0", "~"))
            case "add" if last == "-":
                place.append(operation["value"])
            case _:
                place[last] = operation["value"]
    return document


def test_the_whole_explanation() -> None:
    case = next(case for case in CASES if case["id"] == "environment-replaces-ref")
    explanation = explained(case)
    assert narrate(explanation, smallest_edit(explanation)) == (
        "denied: no statement allows sts:AssumeRoleWithWebIdentity\n"
        "\n"
        "token     ok: iss | sub | aud\n"
        "provider  ok: https://token.actions.githubusercontent.com\n"
        "audience  not checked: the provider's client ids are not known\n"
        "policy    no: no statement allows sts:AssumeRoleWithWebIdentity\n"
        "  statement 1 (Allow) does not apply\n"
        "    StringEquals token.actions.githubusercontent.com:sub\n"
        "      wanted  repo:acme/app:ref:refs/heads/main\n"
        "      found   repo:acme/app:environment:production\n"
        "      the job has an environment, which takes the place of the branch in the subject\n"
        "\n"
        "if it should get in, the smallest safe edit:\n"
        "  change /Statement/0/Condition/StringEquals/token.actions.githubusercontent.com:sub\n"
        '    - "repo:acme/app:ref:refs/heads/main"\n'
        '    + ["repo:acme/app:ref:refs/heads/main", "repo:acme/app:environment:production"]\n'
        "it admits the subject repo:acme/app:environment:production, on the other conditions of statement 1"
    )


def test_each_value_has_its_own_verdict() -> None:
    issuer = "idp.example.com/t"
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"},
            "Action": "sts:*",
            "Condition": {
                "StringLike": {f"{issuer}:sub": ["a*", "b", "*c"]},
                "ForAllValues:StringEquals": {f"{issuer}:amr": ["mfa"]},
            },
        },
    }
    claims = {"iss": f"https://{issuer}", "sub": "abc", "aud": "x", "amr": ["mfa", "pwd"]}
    explanation = explained({"policy": policy, "claims": claims})
    values = [step for each in explanation.steps for step in each.walk() if step.kind is Kind.VALUE]
    assert [(step.title, step.verdict) for step in values] == [
        ("a*", Verdict.YES),
        ("b", Verdict.NO),
        ("*c", Verdict.YES),
        ("mfa", Verdict.YES),
        ("pwd", Verdict.NO),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CLAIMS = st.dictionaries(
    st.sampled_from(
        [
            *("iss", "sub", "aud", "azp", "amr", "email", "iat", "exp", "nbf", "pipeline_source", "event_name"),
            *("https://aws.amazon.com/tags", "https://aws.amazon.com/roles", "https://aws.amazon.com/source_identity"),
        ]
    )
    | st.text(max_size=8),
    JSON | st.sampled_from(["https://gitlab.com", "project_path:a/b:ref_type:branch:ref:c", "\x1b[2J\u202e"]),
)


@given(claims=CLAIMS, judge_times=st.booleans(), client_ids=st.none() | st.lists(st.text(max_size=5), max_size=2))
def test_no_claims_are_too_strange(*, claims: dict[str, Any], judge_times: bool, client_ids: list[str] | None) -> None:
    text = json.dumps(EDITED[0]["policy"])
    policy = Policy.parse(text)
    issuer = claims.get("iss")
    role = RoleArn.parse("arn:aws:iam::111122223333:role/deploy")
    attempt = Attempt.imagine(
        claims,
        provider=likely_provider(policy, issuer if isinstance(issuer, str) else None, role=role),
        now=NOW,
        client_ids=client_ids,
        role=role,
        judge_times=judge_times,
    )
    explanation = explain(policy, attempt)
    remedy = smallest_edit(explanation)
    told = narrate(explanation, remedy)
    assert all(line.isprintable() for line in told.split("\n"))
    json.dumps(explanation.to_json() | {"edit": None if remedy is None else remedy.to_json()})


def test_deep_and_long_claims_are_told_in_a_screen() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    claims = {"iss": "https://idp.example.com/t", "sub": "s" * 100_000, "aud": ["a"] * 5_000, "amr": deep, "azp": "x"}
    case = {"policy": EDITED[0]["policy"], "claims": claims}
    told = narrate(explained(case), smallest_edit(explained(case)))
    assert len(told) < 5_000


def test_the_longest_policy_is_explained_in_time() -> None:
    statement = EDITED[0]["policy"]["Statement"][0]
    many = {"Version": "2012-10-17", "Statement": [{**statement, "Sid": f"s{index}"} for index in range(180)]}
    started = perf_counter()
    case = {"policy": many, "claims": {"iss": "https://idp.example.com/t", "sub": "x", "aud": "y"}}
    explanation = explained(case)
    smallest_edit(explanation)
    assert perf_counter() - started < 5


def test_an_edit_of_audience_and_subject_tells_whom_the_audience_lets_in_too() -> None:
    issuer = "idp.example.com"
    provider = ProviderArn.parse(f"arn:aws:iam::111122223333:oidc-provider/{issuer}")
    condition = {"StringEquals": {f"{issuer}:aud": "API", f"{issuer}:sub": ["other", "MINE"]}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": str(provider)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    claims = {"iss": f"https://{issuer}", "sub": "mine", "aud": "api"}
    attempt = Attempt.imagine(claims, provider=provider, now=datetime(2026, 9, 1, tzinfo=UTC))
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    edit = smallest_edit(explain(Policy.parse(text), attempt))

    assert isinstance(edit, Edit)
    assert edit.admits == "the subject mine, and the audience api, for the subjects that statement 1 names"
