"""Platforms that put tokens into variables: GitLab, CircleCI, Bitbucket, HCP Terraform."""

from __future__ import annotations

import pytest

from daypass.ambient import find
from daypass.errors import TokenSourceIncomplete
from support.ambient import AWS, token

SERVER = "https://gitlab.northwind.example"
GITLAB = {"GITLAB_CI": "true", "CI_SERVER_URL": SERVER}


def gitlab(audience: object = AWS, **claims: object) -> str:
    return token(audience, **{"iss": SERVER, "sub": "project_path:a/b:ref_type:branch:ref:main", **claims})


def place(environ: dict[str, str], **options: object) -> str:
    found = find(**{"audience": [AWS], "environ": environ, **options})  # type: ignore[arg-type]  # options of `find`
    assert found is not None
    assert found.token.reveal() == environ[found.place.removeprefix("the variable ")]
    return found.place.removeprefix("the variable ")


@pytest.mark.parametrize("name", ["AWS_ID_TOKEN", "GITLAB_OIDC_TOKEN", "MY_TOKEN", "x", "Z9_", "ID_TOKEN_1"])
def test_gitlabs_token_is_found_under_any_name(name: str) -> None:
    assert place(GITLAB | {name: gitlab(), "OTHER": "eyJ.not.a-token", "SECRET": "hunter2"}) == name


def test_gitlabs_token_for_this_audience_is_taken() -> None:
    environ = GITLAB | {"A": gitlab("vault.example.com"), "B": gitlab(AWS), "C": gitlab("https://gitlab.com")}
    assert place(environ) == "B"
    assert place(environ, audience=["vault.example.com"]) == "A"


@pytest.mark.parametrize(
    ("more", "chosen"),
    [
        ({"Z": gitlab(), "AWS_ID_TOKEN": gitlab()}, "AWS_ID_TOKEN"),
        ({"B": gitlab(), "A": gitlab()}, "A"),
        ({"A": gitlab([AWS, "vault"]), "B": gitlab([AWS])}, "B"),
        ({"CI_JOB_JWT_V2": gitlab(), "Z": gitlab()}, "Z"),
        ({"CI_JOB_JWT_V2": gitlab()}, "CI_JOB_JWT_V2"),
    ],
)
def test_of_several_that_fit_the_choice_is_always_the_same(more: dict[str, str], chosen: str) -> None:
    assert place(GITLAB | more) == chosen
    assert place(dict(reversed((GITLAB | more).items()))) == chosen


def test_gitlab_with_an_issuer_of_its_own_is_known_by_its_claims() -> None:
    elsewhere = gitlab(iss="https://bucket.example.com", project_path="a/b", pipeline_id="1")
    assert place(GITLAB | {"T": elsewhere}) == "T"


@pytest.mark.parametrize(
    "more",
    [
        {"T": token(iss="https://token.actions.githubusercontent.com")},
        {"CI_JOB_TOKEN": gitlab()},
        {"CI_JOB_JWT": gitlab()},
        {"T": gitlab(aud=None)},
        {"T": gitlab() + "x.y"},
        {"T": "eyJ" + "a" * 30_000},
        {"T": "eyJhbGciOiJub25lIn0.W10.x"},
    ],
)
def test_what_is_no_id_token_of_this_gitlab_is_left_alone(more: dict[str, str]) -> None:
    with pytest.raises(TokenSourceIncomplete, match="has no ID token") as broken:
        find([AWS], GITLAB | more)
    assert "  id_tokens:\n    AWS_ID_TOKEN:\n      aud: sts.amazonaws.com" in (broken.value.advice or "")
    assert "eyJ" not in str(broken.value) + str(broken.value.advice) + str(broken.value.facts)


def test_a_token_for_somebody_else_is_told_and_not_sent() -> None:
    environ = GITLAB | {"T": gitlab("https://gitlab.com")}
    with pytest.raises(TokenSourceIncomplete, match=r"T is for `https://gitlab\.com`") as broken:
        find([AWS], environ)
    assert "aud: sts.amazonaws.com" in (broken.value.advice or "")
    assert "--audience" in (broken.value.advice or "")


def test_the_only_audience_is_taken_when_nobody_named_one() -> None:
    """As GitLab's own page has it: `aud: https://gitlab.com`, and the IAM provider with that audience."""
    environ = GITLAB | {"T": gitlab("https://gitlab.com")}
    assert place(environ, insisted=False) == "T"
    with pytest.raises(TokenSourceIncomplete, match="U is for `vault`"):
        find([AWS], environ | {"U": gitlab("vault")}, insisted=False)


def test_a_variable_by_hand_is_taken_as_it_is() -> None:
    assert place(GITLAB | {"T": "anything", "U": gitlab()}, source="gitlab:T") == "T"
    with pytest.raises(TokenSourceIncomplete, match="NOPE is not set") as broken:
        find([AWS, "b"], GITLAB, source="gitlab:NOPE")
    assert "    NOPE:\n      aud: [sts.amazonaws.com, b]" in (broken.value.advice or "")


def test_circlecis_token_has_its_own_audience() -> None:
    environ = {"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": "old", "CIRCLE_OIDC_TOKEN_V2": token("org-uuid")}
    assert place(environ, insisted=False) == "CIRCLE_OIDC_TOKEN_V2"
    del environ["CIRCLE_OIDC_TOKEN_V2"]
    assert place(environ, insisted=False) == "CIRCLE_OIDC_TOKEN"
    with pytest.raises(TokenSourceIncomplete) as broken:
        find([AWS], {"CIRCLECI": "true"}, insisted=False)
    assert "fork" in (broken.value.advice or "")
    assert "context" in (broken.value.advice or "")


def test_bitbuckets_token_needs_a_line_in_the_step() -> None:
    environ = {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_STEP_OIDC_TOKEN": token("ari:cloud:bitbucket::workspace/x")}
    assert place(environ) == "BITBUCKET_STEP_OIDC_TOKEN"
    with pytest.raises(TokenSourceIncomplete) as broken:
        find([AWS], {"BITBUCKET_BUILD_NUMBER": "1"})
    assert (broken.value.advice or "").endswith("bitbucket-pipelines.yml:\n  oidc: true")


def test_hcp_terraforms_token_may_have_a_tag() -> None:
    environ = {"TFC_RUN_ID": "run-1", "TFC_WORKLOAD_IDENTITY_TOKEN": token("a")}
    assert place(environ) == "TFC_WORKLOAD_IDENTITY_TOKEN"
    environ |= {"TFC_WORKLOAD_IDENTITY_TOKEN_AWS": token("b"), "TFC_WORKLOAD_IDENTITY_TOKEN_PROD": token("c")}
    assert place(environ) == "TFC_WORKLOAD_IDENTITY_TOKEN_AWS"
    assert place(environ, source="hcp-terraform:PROD") == "TFC_WORKLOAD_IDENTITY_TOKEN_PROD"
    with pytest.raises(TokenSourceIncomplete) as broken:
        find([AWS], environ, source="hcp-terraform:TEST")
    assert (broken.value.advice or "").endswith("TFC_WORKLOAD_IDENTITY_AUDIENCE_TEST=sts.amazonaws.com")
