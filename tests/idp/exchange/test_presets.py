"""What is known of each platform, and which of its jobs are strangers'."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import RequestInvalid
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.contexts import CONTEXTS, RECOGNISERS, untrusted_contexts
from daypass.idp.exchange.presets import PRESETS, preset_named
from daypass.idp.exchange.terms_document import read_terms, terms_document
from daypass.subjects.formats import Certainty
from daypass.subjects.registry import FORMATS
from support.registry import StoppedClock

GITLAB = "https://gitlab.northwind.example"


def terms(**changes: Any) -> dict[str, Any]:
    usual = {
        "preset": "gitlab",
        "issuer": GITLAB,
        "audience": "https://id.northwind.example",
        "rules": [{"claim": "project_id", "equals": "52017"}],
        "audiences": ["sts.amazonaws.com"],
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def test_there_is_one_for_every_token_format_and_for_aws() -> None:
    assert PRESETS.keys() == FORMATS.keys() | {"aws"}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_makes_terms_that_are_read_again(name: str) -> None:
    preset = preset_named(name)
    audience = {} if preset.has_audience else {"audience": None, "accept_without_audience": True}
    issuer = GITLAB if name.startswith("gitlab") else "https://issuer.northwind.example"
    made = read_terms(terms(preset=name, issuer=issuer, **audience))
    assert (made.identity, dict(made.attributes), made.algorithms) == (
        preset.identity,
        dict(preset.attributes),
        preset.algorithms,
    )
    assert read_terms(terms_document(made)) == made


@pytest.mark.parametrize(
    ("preset", "issuer"),
    [
        ("kubernetes", "https://token.actions.githubusercontent.com"),
        ("github", "https://gitlab.com"),
        ("aws", "https://gitlab.com"),
        ("jenkins", "https://agent.buildkite.com"),
        ("nobody", GITLAB),
    ],
)
def test_threats_46_another_platform_s_preset_does_not_switch_contexts_off(preset: str, issuer: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        read_terms(terms(preset=preset, issuer=issuer))
    assert refused.value.facts["members"] == ["preset"]


def test_no_audience_is_only_for_tokens_that_have_none() -> None:
    with pytest.raises(RequestInvalid, match="always have an audience"):
        read_terms(terms(audience=None, accept_without_audience=True))
    with pytest.raises(RequestInvalid, match="not a context"):
        read_terms(terms(contexts=["everything"]))


@pytest.mark.parametrize(
    ("preset", "claims", "expected"),
    [
        ("gitlab", {"project_id": "1", "job_project_id": "1", "pipeline_source": "merge_request_event"}, None),
        ("gitlab", {"project_id": "2", "job_project_id": "1"}, "merge_request_from_fork"),
        ("gitlab", {"project_id": "1", "pipeline_source": "merge_request_event"}, "merge_request_from_fork"),
        ("gitlab-jwt-v1", {"project_id": "1", "pipeline_source": "merge_request_event"}, "merge_request_from_fork"),
        ("github", {"event_name": "pull_request_target"}, "pull_request_target"),
        ("github", {"event_name": "pull_request"}, "pull_request"),
        ("github", {"event_name": "workflow_run"}, "workflow_run"),
        ("github", {"event_name": "push"}, None),
        ("github", {"event_name": ["pull_request"]}, None),
        ("azure-devops", {"rpo_ref": "refs/pull/7/merge"}, "pull_request"),
        ("azure-devops", {"rpo_ref": "refs/heads/pull/7"}, None),
        ("circleci", {"oidc.circleci.com/vcs-ref": "refs/heads/pull/7"}, "pull_request_from_fork"),
        ("circleci", {"oidc.circleci.com/ssh-rerun": True}, "ssh_rerun"),
        ("circleci", {"oidc.circleci.com/ssh-rerun": False, "oidc.circleci.com/vcs-ref": "refs/heads/main"}, None),
        ("buildkite", {"build_branch": "stranger:main"}, "pull_request_from_fork"),
        ("buildkite", {"build_branch": "main"}, None),
        (None, {"event_name": "pull_request_target"}, "pull_request_target"),
        (None, {"rpo_ref": "refs/pull/7/merge"}, "pull_request"),
    ],
)
def test_threats_46_untrusted_contexts(preset: str | None, claims: dict[str, Any], expected: str | None) -> None:
    found = untrusted_contexts(preset, claims)
    assert found == (frozenset() if expected is None else {expected})
    assert found <= set(CONTEXTS)


def test_where_the_facts_about_contexts_stand_is_said() -> None:
    for recogniser in RECOGNISERS:
        assert recogniser.presets <= set(PRESETS)
        assert recogniser.standing.source
        assert bool(recogniser.standing.doubts) is (recogniser.standing.certainty is Certainty.PARTLY)


PAIRS = [
    (("a.b", "c"), ("a", "b.c")),
    (("a%2Eb", "c"), ("a.b", "c")),
    (("1", "x"), ("1%", "x")),
    (("A", "x"), ("a", "x")),
    (("~", "x"), ("%7E", "x")),
    (("x" * 40, "y"), ("x" * 41, "y")),
    (("x" * 40 + ".y", "z"), ("x" * 40, "y.z")),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_threats_62_identities_that_look_alike(one: tuple[str, str], other: tuple[str, str]) -> None:
    connection = Connection("con_a", "org_a", "prj_a", "x", read_terms(terms(identity=["a", "b"])), StoppedClock().now)
    ids = {connection.workload_id({"a": a, "b": b}) for a, b in (one, other)}
    assert len(ids) == 2


values = st.text(min_size=1, max_size=40) | st.integers(0, 10**40) | st.booleans()


@given(one=st.tuples(values, values), other=st.tuples(values, values))
def test_threats_62_two_identities_are_never_one_workload(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    connection = Connection("con_a", "org_a", "prj_a", "x", read_terms(terms(identity=["a", "b"])), StoppedClock().now)
    ids = [connection.workload_id({"a": a, "b": b}) for a, b in (one, other)]
    written = [tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in pair) for pair in (one, other)]
    assert (ids[0] == ids[1]) == (written[0] == written[1])
    assert all(len(each) <= len("con_a.") + 27 and each.isascii() for each in ids)
