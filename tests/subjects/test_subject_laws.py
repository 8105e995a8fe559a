"""Laws of every subject that vendors' formats have: read back what was written, and nobody else has the same."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import ClaimUnavailable, RequestInvalid
from daypass.names import IssuerUrl
from daypass.subjects.claims import claims_for
from daypass.subjects.facts import WorkloadFacts, WorkloadKind
from daypass.subjects.formats import AudienceForm, Marking
from daypass.subjects.recognition import recognise_token
from daypass.subjects.registry import FORMATS
from daypass.subjects.shaped import ShapedSubject
from support.vectors import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.subjects.formats import TokenFormat

SHAPED = {name: each for name, each in FORMATS.items() if isinstance(each.subject, ShapedSubject)}
ISSUER = IssuerUrl.parse("https://id.example.com")

# Values that lean on separators, escapes and other formats' words, more often than chance would have them.
PIECES = [
    "a",
    "main",
    ":",
    "/",
    "@",
    "%",
    "%3A",
    "*",
    "?",
    " ",
    "ref",
    "ref_type:branch",
    ":ref:main",
    "1",
    "{",
    "}",
    "é",
]
hostile = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
usual = {name: document["defaults"]["facts"] for name, document in documents("formats")}


def read_by(token_format: TokenFormat) -> list[str]:
    """The attributes that its vectors give a workload, in any case."""
    document = next(document for name, document in documents("formats") if name == token_format.name)
    given_in = [document["defaults"]["facts"], *(case.get("facts_changed", {}) for case in document["cases"])]
    return sorted({name for each in given_in for name in each.get("attributes", {})})


def chosen_of(token_format: TokenFormat) -> st.SearchStrategy[list[str]]:
    subject = token_format.subject
    assert isinstance(subject, ShapedSubject)
    behind = st.lists(st.sampled_from([part.name for part in subject.parts] or [""]), unique=True, max_size=3)
    if subject.replaces:
        return behind.map(lambda names: names[:1])
    if not subject.parts:
        return st.just([])
    if not subject.first:
        return behind
    return st.tuples(st.sampled_from(subject.first), behind).map(
        lambda drawn: [drawn[0], *(name for name in drawn[1] if name != drawn[0])]
    )


def facts_of(token_format: TokenFormat, changed: Mapping[str, str], organization: str = "org_a") -> WorkloadFacts:
    members = usual[token_format.name]
    return WorkloadFacts(
        **members
        | {
            "workload_kind": WorkloadKind(members["workload_kind"]),
            "organization_id": organization,
            "attributes": members["attributes"] | dict(changed),
            "own_issuer": True,
        }
    )


def claims_of(token_format: TokenFormat, facts: WorkloadFacts, chosen: list[str]) -> dict[str, object] | None:
    fixed = token_format.audience_form in {AudienceForm.NONE, AudienceForm.THE_ISSUER}
    try:
        return claims_for(
            token_format,
            facts,
            subject_claims=chosen,
            audience=[str(ISSUER) if fixed else "a"],
            issuer=ISSUER,
            issued_at=datetime(2026, 9, 21, tzinfo=UTC),
            lifetime_seconds=300,
            jti="j",
        )
    except (ClaimUnavailable, RequestInvalid):
        return None


@pytest.mark.parametrize("name", SHAPED)
@given(data=st.data())
def test_different_facts_never_give_one_subject(name: str, data: st.DataObject) -> None:
    """Whatever the values: the subject is read back as what it was made of, so it tells its facts apart."""
    token_format = SHAPED[name]
    chosen = data.draw(chosen_of(token_format))
    changes = st.dictionaries(st.sampled_from(read_by(token_format)), hostile, max_size=3)
    made = []
    for _ in range(2):
        facts = facts_of(token_format, data.draw(changes))
        claims = claims_of(token_format, facts, chosen)
        if claims is None:
            return
        subject = str(claims["sub"])
        components = token_format.subject.parse(subject)
        assert components is not None
        # Each component is a fact, or a piece of one: nothing in the subject was nobody's.
        told = {*facts.attributes.values(), facts.organization_id, facts.project_id, facts.workload_id}
        for value in components.values():
            assert any(value in fact for fact in told)
        made.append((subject, dict(components)))
        found = recognise_token(claims)
        assert found is not None
        assert found.token_format is token_format
    (one, first), (other, second) = made
    assert (one == other) == (list(first.items()) == list(second.items()))


@pytest.mark.parametrize("name", SHAPED)
def test_what_its_vectors_give_it_is_read_back(name: str) -> None:
    """So that the law above is not kept by refusing everything."""
    token_format = SHAPED[name]
    claims = claims_of(token_format, facts_of(token_format, {}), [])
    assert claims is not None
    assert token_format.subject.parse(str(claims["sub"]))


@pytest.mark.parametrize("name", SHAPED)
def test_the_linter_knows_every_default_subject(name: str) -> None:
    """What is issued by default has a form of the grammars that trust policies are judged by."""
    token_format = SHAPED[name]
    if name == "gitlab-jwt-v1":
        return  # no `aud`, so no trust policy ever sees it
    claims = claims_of(token_format, facts_of(token_format, {}), [])
    assert claims is not None
    assert any(grammar.shape_of(str(claims["sub"])) is not None for grammar in token_format.issuers)


@pytest.mark.parametrize("name", SHAPED)
def test_a_subject_names_the_organization_exactly_when_it_changes_with_it(name: str) -> None:
    token_format = SHAPED[name]
    subjects = set()
    for organization in ("org_a", "org_b"):
        claims = claims_of(token_format, facts_of(token_format, {}, organization), [])
        assert claims is not None
        subjects.add(claims["sub"])
    assert (len(subjects) == 2) == token_format.subject.names_organization([])


@pytest.mark.parametrize("name", SHAPED)
def test_no_bounded_part_is_longer_than_it_says(name: str) -> None:
    token_format = SHAPED[name]
    claims = claims_of(token_format, facts_of(token_format, {}), [])
    longest = token_format.subject.longest([])
    assert claims is not None
    assert longest is None or len(str(claims["sub"])) <= longest


@pytest.mark.parametrize("name", FORMATS)
def test_every_part_says_whether_it_can_be_trusted_to_stay(name: str) -> None:
    subject = FORMATS[name].subject
    for part in subject.allowed:
        if not part.endswith("*"):
            assert subject.part(part).marking in Marking
    personal = {"email", "name", "creator_email", "creator_name", "actor"} & set(subject.allowed)
    assert {subject.part(part).marking for part in personal} <= {Marking.PERSONAL}


@pytest.mark.parametrize("chosen", [*permutations(["user_id", "context", "name"], 2), ("org_id", "user_id", "context")])
def test_gitpods_unescaped_values_are_told_apart_all_the_same(chosen: tuple[str, ...]) -> None:
    """`user_id` with the value `u:context:x` read as two pairs, and was the subject of `u` with the context `x:…`."""
    attributes = {"user_id": "user_id", "context": "context_url", "name": "user_name"}
    pieces = ["u", *(f":{key}:" for key in chosen[-2:]), f":{chosen[-1]}"]
    values = ["".join(each) for length in (1, 2, 3) for each in product(pieces, repeat=length)]
    made: dict[object, tuple[str, str]] = {}
    for pair in ((one, other) for one in values for other in values):
        changed = {attributes[key]: value for key, value in zip(chosen[-2:], pair, strict=True)}
        claims = claims_of(FORMATS["gitpod"], facts_of(FORMATS["gitpod"], changed), list(chosen))
        if claims is not None:
            assert made.setdefault(claims["sub"], pair) == pair
    assert len(made) > len(values)


def test_an_ordinary_context_between_other_keys_is_no_doubt() -> None:
    facts = facts_of(FORMATS["gitpod"], {"context_url": "https://github.com/a/b/tree/a:b", "user_id": "u"})
    claims = claims_of(FORMATS["gitpod"], facts, ["context", "user_id"])
    assert claims is not None
    assert claims["sub"] == "context:https://github.com/a/b/tree/a:b:user_id:u"
    forged = facts_of(FORMATS["gitpod"], {"context_url": "https://a/b", "user_id": "u:context:x"})
    assert claims_of(FORMATS["gitpod"], forged, ["org_id", "user_id", "context"]) is None
