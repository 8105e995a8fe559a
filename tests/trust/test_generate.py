"""The policy with the least that admits given tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.errors import RequestInvalid
from daypass.names import ProviderArn
from daypass.trust import generate as generation
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.hypothetical import hypothetical_context
from daypass.trust.lint.model import Severity
from daypass.trust.lint.run import lint_text
from daypass.trust.reach import Breadth, who
from daypass.trust.role_trust import check_role_trust
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.token_claims import actions_of
from support.trust_policies import GITHUB, GITLAB, ISSUER, provider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

from datetime import UTC, datetime

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def generate(tokens: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
    """The policy as whoever reads the JSON text sees it."""
    document: dict[str, Any] = json.loads(json.dumps(generation.generate(tokens, **options)))
    return document


def token(issuer: str = ISSUER, **claims: Any) -> dict[str, Any]:
    return {"iss": f"https://{issuer}", "aud": "sts.amazonaws.com", "sub": "job-a", **claims}


def gitlab(
    project: str = "tidewater/invoices", number: str = "60417", ref: str = "main", **claims: Any
) -> dict[str, Any]:
    sub = f"project_path:{project}:ref_type:branch:ref:{ref}"
    return token(GITLAB, sub=sub, project_path=project, project_id=number, **claims)


def admitted(document: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    policy = Policy.parse(json.dumps(document))
    arn = provider(str(claims["iss"]).removeprefix("https://"))
    context = hypothetical_context(claims, provider=arn, session_name="ci", now=NOW)
    principal = Principal(PrincipalKind.FEDERATED, str(arn))
    return all(evaluate(policy, Request(principal, action, context)).allowed for action, _ in actions_of(claims))


def test_one_token_gives_both_conditions_and_nothing_more() -> None:
    assert generate([token()], provider=provider()) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/idp.example.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {"idp.example.com:aud": "sts.amazonaws.com", "idp.example.com:sub": "job-a"}
                },
            }
        ],
    }


def test_the_id_of_the_project_is_asked_for_where_aws_reads_it() -> None:
    (statement,) = generate([gitlab()], provider=provider(GITLAB))["Statement"]
    assert statement["Condition"]["StringEquals"][f"{GITLAB}:project_id"] == "60417"
    self_managed = "gitlab.tidewater.example"
    (statement,) = generate([gitlab() | {"iss": f"https://{self_managed}"}], provider=provider(self_managed))[
        "Statement"
    ]
    assert list(statement["Condition"]["StringEquals"]) == [f"{self_managed}:aud", f"{self_managed}:sub"]


def test_tokens_of_one_project_are_one_statement_and_projects_are_not_mixed() -> None:
    tokens = [gitlab(), gitlab(ref="release"), gitlab("tidewater/orders", "70518")]
    document = generate(tokens, provider=provider(GITLAB))
    assert len(document["Statement"]) == 2
    assert all(admitted(document, each) for each in tokens)
    assert not admitted(document, gitlab("tidewater/orders", "60417"))
    assert not admitted(document, gitlab(ref="other"))


def test_a_github_token_by_names_is_bridged_to_the_form_with_ids() -> None:
    claims = token(
        GITHUB,
        sub="repo:tidewater/invoices:environment:production",
        repository_owner_id="73105",
        repository_id="50883127",
        repository="tidewater/invoices",
    )
    document = generate([claims], provider=provider(GITHUB))
    with_ids = claims | {"sub": "repo:tidewater@73105/invoices@50883127:environment:production"}
    assert admitted(document, claims)
    assert admitted(document, with_ids)
    assert generate([with_ids], provider=provider(GITHUB))["Statement"][0]["Condition"]["StringEquals"] == {
        f"{GITHUB}:aud": "sts.amazonaws.com",
        f"{GITHUB}:sub": with_ids["sub"],
        f"{GITHUB}:repository_id": "50883127",
    }


def test_any_ref_opens_the_ref_and_nothing_else() -> None:
    document = generate([gitlab()], provider=provider(GITLAB), any_ref=True)
    (statement,) = document["Statement"]
    assert statement["Condition"]["StringLike"] == {f"{GITLAB}:sub": "project_path:tidewater/invoices:*"}
    reach = who(Policy.parse(json.dumps(document)), only="project_path:tidewater/invoices:*")
    assert reach.proved
    assert [entrance.breadth for entrance in reach.entrances] == [Breadth.PROJECT]


def test_any_ref_is_refused_where_no_ref_is_known() -> None:
    with pytest.raises(RequestInvalid, match="no branch, tag or event"):
        generate([token()], provider=provider(), any_ref=True)
    account = token("oidc.eks.eu-central-1.amazonaws.com/id/0F", sub="system:serviceaccount:billing:invoices")
    with pytest.raises(RequestInvalid, match="no branch, tag or event"):
        generate([account], provider=provider("oidc.eks.eu-central-1.amazonaws.com/id/0F"), any_ref=True)


def test_tags_and_source_identity_are_allowed_only_when_a_token_brings_them() -> None:
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["billing"]}}}
    identity = {"https://aws.amazon.com/source_identity": "nils"}
    (statement,) = generate([token() | tags | identity], provider=provider())["Statement"]
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    assert statement["Condition"]["ForAllValues:StringEquals"] == {"aws:TagKeys": "team"}
    document = generate([token() | tags], provider=provider())
    assert admitted(document, token() | tags)
    assert not admitted(document, token() | tags | identity)
    assert not admitted(document, token() | {"https://aws.amazon.com/tags": {"principal_tags": {"unit": ["x"]}}})
    assert "sts:TagSession" not in generate([token()], provider=provider())["Statement"][0]["Action"]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        (token("idp.example.com/"), "the token is from"),
        ({"iss": "https://idp.example.com", "sub": "a"}, "has no `aud`"),
        ({"iss": "https://idp.example.com", "aud": "a"}, "has no `sub`"),
        (token(aud=["a", "b"]), "2 entries"),
        (token() | {"https://aws.amazon.com/tags": {"principal_tags": {"team": "billing"}}}, "not an array"),
    ],
)
def test_what_aws_would_not_take_is_refused(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestInvalid, match=why):
        generate([claims], provider=provider())


def test_no_token_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="at least one"):
        generate([], provider=provider())


@pytest.mark.parametrize("any_ref", [False, True])
@pytest.mark.parametrize(
    ("issuer", "claims"),
    [
        (GITLAB, gitlab()),
        (
            GITHUB,
            token(
                GITHUB,
                sub="repo:tidewater/invoices:ref:refs/heads/main",
                repository_owner_id="73105",
                repository_id="50883127",
            ),
        ),
    ],
    ids=["gitlab", "github"],
)
def test_what_is_generated_passes_lint(issuer: str, claims: dict[str, Any], any_ref: bool) -> None:  # noqa: FBT001
    document = generate([claims], provider=ProviderArn("aws", "298471650312", issuer), any_ref=any_ref)
    findings = lint_text(json.dumps(document))
    # Whoever asks for any ref is told that any ref may enter.
    told = {"DP036"} if any_ref else set()
    assert {finding.code for finding in findings if finding.severity > Severity.NOTE} == told
    assert not any(finding.severity is Severity.ERROR for finding in findings)


SUBJECTS = st.text("ab:*?${}/é\U0001f511", min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(SUBJECTS, min_size=1, max_size=4, unique=True))
def test_who_enters_is_exactly_who_was_given(subjects: list[str]) -> None:
    tokens = [token(sub=each) for each in subjects]
    document = generate(tokens, provider=provider())
    policy = Policy.parse(json.dumps(document))
    check_role_trust(policy)
    assert all(admitted(document, each) for each in tokens)
    reach = who(policy)
    assert {entrance.sample.subject for entrance in reach.entrances} == set(subjects)
    assert {entrance.breadth for entrance in reach.entrances} == {Breadth.EXACT}


JOBS = st.tuples(
    st.sampled_from(["a/b", "a/c", "d/b"]), st.sampled_from(["1", "2"]), st.text("xy/-", min_size=1, max_size=4)
)


@settings(max_examples=50, deadline=None)
@given(st.lists(JOBS, min_size=1, max_size=5), st.booleans())
def test_who_gives_back_the_projects_of_the_tokens(jobs: list[tuple[str, str, str]], any_ref: bool) -> None:  # noqa: FBT001
    tokens = [gitlab(*each) for each in jobs]
    document = generate(tokens, provider=provider(GITLAB), any_ref=any_ref)
    assert all(admitted(document, each) for each in tokens)
    reach = who(Policy.parse(json.dumps(document)))
    wanted = {f"project_path:{path}:*" for path, _, _ in jobs} if any_ref else {each["sub"] for each in tokens}
    assert {entrance.subject for entrance in reach.entrances} == wanted
    samples = [entrance.sample for entrance in reach.entrances]
    assert {(sample.subject.split(":")[1], sample.claims["project_id"]) for sample in samples} == {
        (path, number) for path, number, _ in jobs
    }
