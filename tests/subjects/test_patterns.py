"""Subjects from words: a wildcard stays in the part that it was written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.errors import RequestInvalid
from daypass.subjects.grammars import GRAMMARS, grammar_named
from daypass.subjects.patterns import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.subjects.patterns import SubjectPattern
    from daypass.subjects.shapes import Component, Grammar, Shape

ORGANIZATION = "018f5c27-6d3e-4b90-9c42-10e2f3a4b5c6"
PROJECT = "c6a1d7e0-22b4-4f0e-8a53-0d9b1e7f4c21"
USER = "5b0d2f9e-7c3a-4e18-b6d4-91f0a2c8e735"


def matches(pattern: SubjectPattern, subject: str) -> bool:
    """As `StringLike` does."""
    written = "".join(
        "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in text) if wild else re.escape(text)
        for text, wild in pattern.parts
    )
    return re.fullmatch(written, subject, re.DOTALL) is not None


def patterns(name: str, **words: str) -> tuple[SubjectPattern, ...]:
    return spoken(grammar_named(name), {word: (value,) for word, value in words.items()}).patterns


def test_a_branch_named_after_the_end_of_a_subject_is_not_taken_for_main() -> None:
    """`user/*/vcs-origin/…/vcs-ref/refs/heads/main` would end both."""
    (pattern,) = patterns(
        "circleci",
        organization=ORGANIZATION,
        project=PROJECT,
        vcs_origin="github.com/tidewater/shop",
        vcs_ref="refs/heads/main",
    )
    origin = "vcs-origin/github.com/tidewater/shop/vcs-ref"
    begun = f"org/{ORGANIZATION}/project/{PROJECT}/user/{USER}/{origin}/refs/heads"
    assert matches(pattern, f"{begun}/main")
    assert not matches(pattern, f"{begun}/x/{origin}/refs/heads/main")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gitpod", {"repository": "github.com/tidewater/*"}),  # .../shop/pull/7, which anybody may open
        ("gitpod", {"repository": "github.com/tidewater/*", "kind": "workspace"}),
        ("gitpod", {"host": "git*", "owner": "tidewater", "repository": "shop"}),
        ("spiffe", {"trust_domain": "prod*", "path": "deploy"}),  # spiffe://prod.example/guests/deploy
        ("jenkins", {"host": "ci*", "job": "deploy"}),  # https://ci.example/job/guests/job/deploy
        ("circleci", {"organization": ORGANIZATION, "project": PROJECT, "vcs_ref": "refs/heads/main"}),
        ("buildkite", {"id": "0*"}),
        ("github", {"repository": "a/b", "owner_id": "7*", "repository_id": "55"}),
        ("ona", {"organization_id": "a", "project_id": "b*"}),
        ("daypass", {"organization": "org_a", "project": "prj*", "kind": "job"}),
    ],
)
def test_a_wildcard_that_could_run_into_another_part_is_refused(name: str, words: Mapping[str, str]) -> None:
    with pytest.raises(RequestInvalid):
        patterns(name, **words)


@pytest.mark.parametrize(
    ("name", "words", "admitted"),
    [
        ("gitlab", {"project": "g/*", "branch": "main"}, "project_path:g/a/b:ref_type:branch:ref:main"),
        ("github", {"repository": "a/*", "environment": "prod"}, "repo:a/b:environment:prod"),
        ("kubernetes", {"namespace": "ci-*", "service_account": "runner"}, "system:serviceaccount:ci-1:runner"),
        ("spiffe", {"trust_domain": "prod.example", "path": "ci/*"}, "spiffe://prod.example/ci/a"),
    ],
)
def test_a_wildcard_that_cannot_is_taken(name: str, words: Mapping[str, str], admitted: str) -> None:
    assert any(matches(pattern, admitted) for pattern in patterns(name, **words))


def _texts(grammar: Grammar) -> st.SearchStrategy[str]:
    fixed = [part for shape in grammar.shapes for part in shape.parts if isinstance(part, str)]
    return st.lists(st.sampled_from([*fixed, "a", "b", "1", "/", ":"]), min_size=1, max_size=4).map("".join)


def _fits(component: Component) -> Callable[[str], bool]:
    return lambda value: all(c in "*?" or component.takes(c) for c in value)


def _some(shape: Shape) -> st.SearchStrategy[list[Component]]:
    scope = [each for each in shape.components if each.name in shape.scope]
    others = [each for each in shape.components if each.name not in shape.scope]
    if not others:
        return st.just(scope)
    return st.lists(st.sampled_from(others), unique_by=lambda each: each.name).map(lambda more: [*scope, *more])


@settings(max_examples=400)
@given(st.data())
def test_whoever_is_admitted_is_what_the_words_say(data: st.DataObject) -> None:
    """Whatever others choose for what is left open, pieces of subjects too: who fits has the values that were named."""
    grammar = data.draw(st.sampled_from(GRAMMARS))
    shape = data.draw(st.sampled_from(grammar.shapes))
    values = st.sampled_from(["a", "b", "1", "a/b", "a*", "*b", "a?", "1*"])
    words = {each.name: (data.draw(values.filter(_fits(each))),) for each in data.draw(_some(shape))}
    try:
        found = spoken(grammar, words).patterns
    except RequestInvalid:
        return
    texts = _texts(grammar)
    for pattern in found:
        # From the pattern, and not from components: almost no subject drawn at random fits one.
        subject = "".join(
            "".join({"*": data.draw(texts), "?": "1"}.get(c, c) for c in text) if wild else text
            for text, wild in pattern.parts
        )
        for whose in grammar.shapes:
            own = _of(whose, subject)
            if own is None:
                continue
            assert "pull request" not in whose.leaf or "pull request" in pattern.shape.leaf
            for name, value in pattern.named:
                asked = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in value)
                assert name not in own or re.fullmatch(asked, own[name], re.DOTALL)


def _of(shape: Shape, subject: str) -> Mapping[str, str] | None:
    """The values of a workload whose subject this is; None where there can be none."""
    own = shape.parse(subject)
    try:
        return own if own is not None and shape.format(own) == subject else None
    except RequestInvalid:
        return None
