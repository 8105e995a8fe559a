"""What an organization may choose for its subjects, and what it must switch on by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daypass.errors import RequestInvalid, SubjectTooLong, SubjectUnsafe
from daypass.subjects.registry import FORMATS, format_named
from daypass.subjects.safety import demand_nobody_elses, demand_short, demand_switched_on, warnings


@pytest.mark.parametrize(
    ("name", "chosen", "claim", "marking"),
    [
        ("daypass", ["organization", "project", "ref"], "ref", "tenant_chosen"),
        ("daypass", ["organization", "project", "deployment_environment"], "deployment_environment", "tenant_chosen"),
        ("gitpod", ["org_id", "email"], "email", "personal"),
        ("gitpod", ["org_id", "name"], "name", "personal"),
        ("gitlab", ["project_id", "ref"], "ref", "tenant_chosen"),
        ("gitlab", ["project_path"], "project_path", "tenant_chosen"),
        ("github", ["repo", "workflow"], "workflow", "tenant_chosen"),
        ("github", ["repo", "actor"], "actor", "personal"),
        ("github", ["name_only_repo", "context"], "name_only_repo", "tenant_chosen"),
        ("ona-v3", ["creator_email"], "creator_email", "personal"),
        ("ona-v3", ["idp_claims.department"], "idp_claims.department", "personal"),
        ("ona-v3", ["environment_initializers.context_url"], "environment_initializers.context_url", "tenant_chosen"),
    ],
)
def test_what_people_choose_is_switched_on_by_name(name: str, chosen: list[str], claim: str, marking: str) -> None:
    token_format = format_named(name)
    token_format.subject.check(chosen)
    for switched_on in ([], ["another"], [claim.upper()]):
        with pytest.raises(SubjectUnsafe) as refusal:
            demand_switched_on(token_format, chosen, switched_on)
        assert (refusal.value.facts["claim"], refusal.value.facts["marking"]) == (claim, marking)
    demand_switched_on(token_format, chosen, [claim])


@pytest.mark.parametrize("name", FORMATS)
def test_ids_need_no_switch(name: str) -> None:
    chosen = {
        "daypass": ["organization", "project", "kind", "ref_type"],
        "gitlab": ["project_id", "ref_protected", "deployment_tier"],
        "github": ["repo", "context"],
        "ona-v3": ["environment_id", "creator_id"],
        "buildkite": ["pipeline_id"],
    }.get(name, [])
    format_named(name).subject.check(chosen)
    demand_switched_on(format_named(name), chosen, [])


@pytest.mark.parametrize("name", FORMATS)
def test_two_tenants_of_one_issuer_never_get_one_subject(name: str) -> None:
    """Threat: a subject of names on a shared issuer is whoever's first to choose the names."""
    token_format = format_named(name)
    demand_nobody_elses(token_format, [], own_issuer=True)
    if name in {"daypass", "gitpod", "ona-v2", "ona-v3"}:
        demand_nobody_elses(token_format, [], own_issuer=False)
        return
    with pytest.raises(SubjectUnsafe, match="another organization could have the same"):
        demand_nobody_elses(token_format, [], own_issuer=False)


def test_buildkite_by_id_does_not_name_our_organization_either() -> None:
    with pytest.raises(SubjectUnsafe):
        demand_nobody_elses(format_named("buildkite"), ["organization_id"], own_issuer=False)


def test_a_length_that_is_known_to_be_too_long_is_refused() -> None:
    token_format = format_named("daypass")
    usual = ["organization", "project", "workload"]
    assert token_format.subject.longest(usual) == len(
        f"organization:{'o' * 24}:project:{'p' * 24}:environment:{'e' * 24}"
    )
    demand_short(token_format, usual)
    narrow = replace(token_format, subject_limit=100)
    with pytest.raises(SubjectTooLong) as refusal:
        demand_short(narrow, usual)
    assert (refusal.value.facts["length"], refusal.value.facts["limit"]) == (107, 100)
    demand_short(narrow, usual, 255)
    demand_short(narrow, [])
    assert any("can have 107 characters" in said for said in warnings(narrow, []))
    assert token_format.subject.longest([*usual, "ref"]) is None
    demand_short(token_format, [*usual, "ref"])
    assert any("Nothing bounds" in said for said in warnings(token_format, [*usual, "ref"]))
    assert warnings(token_format, usual) == ()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("evil", ["{0.__class__}", "${x}", "{{7*7}}", "%(x)s", "__class__", "idp_claims.", "", "*"])
def test_nothing_is_evaluated(name: str, evil: str) -> None:
    """Threat: template languages with evaluation reach what was never offered."""
    first = [*getattr(FORMATS[name].subject, "first", ())][:1]
    with pytest.raises(RequestInvalid):
        FORMATS[name].subject.check([*first, evil])


@pytest.mark.parametrize("name", FORMATS)
def test_ten_thousand_components_are_refused(name: str) -> None:
    with pytest.raises(RequestInvalid):
        FORMATS[name].subject.check(
            ["idp_claims.x" + "y" * at for at in range(10_000)] if name == "ona-v3" else ["x"] * 10_000
        )


@pytest.mark.parametrize(
    "chosen", ["workflow", "actor", "ref", "job_workflow_ref", "head_ref", "event_name", "context"]
)
def test_what_an_attacker_chooses_never_comes_first_at_github(chosen: str) -> None:
    """Threat: a customised subject that begins with a branch or a workflow is anybody's."""
    with pytest.raises(RequestInvalid, match="begin with"):
        FORMATS["github"].subject.check([chosen, "repo"])


@pytest.mark.parametrize("chosen", ["ref", "ref_type", "ref_protected", "deployment_tier", "environment_protected"])
def test_what_an_attacker_chooses_never_comes_first_at_gitlab(chosen: str) -> None:
    with pytest.raises(RequestInvalid, match="begin with"):
        FORMATS["gitlab"].subject.check([chosen, "project_id"])


def test_a_format_of_names_says_so() -> None:
    said = warnings(format_named("gitlab"), [])
    assert any("does not hold the organization's id" in each for each in said)
