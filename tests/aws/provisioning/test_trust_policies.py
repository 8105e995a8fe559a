"""Trust policies from words: what they hold, that they pass our own lint, and that nobody else gets in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.aws.provisioning.desired import DesiredProvider, DesiredRole, Entrance
from daypass.aws.provisioning.trust_policies import provider_arn, trust_policy
from daypass.errors import RequestInvalid
from daypass.names import IssuerUrl
from daypass.subjects.grammars import GRAMMARS
from daypass.subjects.patterns import words_of
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.lint.model import Known, Severity
from daypass.trust.lint.run import lint_text
from daypass.trust.statement import Principal, PrincipalKind
from support.trust_policies import LOGIN, asked, provider
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from daypass.subjects.shapes import Component

ACCOUNT = "210987654321"
FAMILIES = {grammar.shapes: grammar for grammar in reversed(GRAMMARS)}.values()
ACCEPTED = [each for each in cases("entrances") if "conditions" in each.values[0]["expect"]]  # type: ignore[index]  # a parameter is any object


def made(issuer: str, *entrances: Entrance, audiences: tuple[str, ...] = ("sts.amazonaws.com",)) -> Any:
    url = IssuerUrl.parse(issuer)
    provider = DesiredProvider(url, audiences)
    return trust_policy(DesiredRole("deploy", entrances, url), provider, ACCOUNT)


def of_case(case: dict[str, Any]) -> Any:
    words = tuple((name, tuple(values)) for name, values in case["words"].items())
    return made(case["issuer"], Entrance(case["format"], words))


def test_the_vectors_keep_their_schema() -> None:
    schema = json.loads((VECTORS / "entrances" / "schema.json").read_bytes())
    for _, document in documents("entrances"):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("case", cases("entrances"))
def test_words_become_conditions(case: dict[str, Any]) -> None:
    if "refused" in case["expect"]:
        with pytest.raises(RequestInvalid) as refused:
            of_case(case)
        assert refused.value.message == case["expect"]["refused"]
        return
    found = of_case(case)
    (statement,) = json.loads(found.text)["Statement"]
    assert statement["Condition"] == case["expect"]["conditions"]
    assert list(found.notes) == case["expect"]["notes"]


@pytest.mark.parametrize("case", ACCEPTED)
def test_our_own_lint_finds_no_error(case: dict[str, Any]) -> None:
    """Warnings stay: who leaves the branch open is told so, and may mean it."""
    issuer = IssuerUrl.parse(case["issuer"]).without_scheme
    found = lint_text(of_case(case).text, Known(issuers={issuer: case["format"]}))
    assert [each for each in found if each.severity is Severity.ERROR] == []


def test_every_family_of_tokens_has_a_vector() -> None:
    used = {case["format"] for _, document in documents("entrances") for case in document["cases"]}
    by_name = {grammar.name: grammar.shapes for grammar in GRAMMARS}
    without = {grammar.name for grammar in FAMILIES if grammar.shapes not in {by_name[name] for name in used}}
    assert without == {"google", "jenkins"}  # one component each: an account, a job of a host


def test_the_same_role_has_the_same_bytes() -> None:
    words = (("project", ("a/b",)), ("branch", ("main", "dev")))
    one = made("https://gitlab.com", Entrance("gitlab", words), Entrance(subject="x"), audiences=("b", "a"))
    other = made(
        "https://gitlab.com",
        Entrance("gitlab", (("branch", ("dev", "main")), words[0])),
        Entrance(subject="x"),
        audiences=("a", "b"),
    )
    assert one.text == other.text


def test_entrances_that_differ_in_the_subject_alone_share_a_statement_and_ids_never_do() -> None:
    def of(project: str, project_id: str) -> Entrance:
        return Entrance("gitlab", (("project", (project,)), ("project_id", (project_id,)), ("branch", ("main",))))

    assert len(json.loads(made("https://gitlab.com", of("a/b", "1"), of("a/c", "1")).text)["Statement"]) == 1
    assert len(json.loads(made("https://gitlab.com", of("a/b", "1"), of("a/c", "2")).text)["Statement"]) == 2


def test_session_tags_are_allowed_by_their_keys_alone() -> None:
    text = made("https://idp.example.com", Entrance(subject="a", session_tags=("Project",))).text
    (statement,) = json.loads(text)["Statement"]
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    assert statement["Condition"]["ForAllValues:StringEquals"] == {"aws:TagKeys": "Project"}


def test_a_policy_variable_in_a_subject_stands_for_itself() -> None:
    text = made("https://idp.example.com", Entrance(subject="a:${aws:username}:*")).text
    assert json.loads(text)["Statement"][0]["Condition"]["StringLike"] == {
        "idp.example.com:sub": "a:${$}{aws:username}:*"
    }


def test_the_partition_is_in_the_provider() -> None:
    url = IssuerUrl.parse("https://idp.example.com/t")
    arn = provider_arn(DesiredProvider(url, ("a",)), ACCOUNT, "aws-cn")
    assert str(arn) == f"arn:aws-cn:iam::{ACCOUNT}:oidc-provider/idp.example.com/t"


def _values(component: Component) -> st.SearchStrategy[str]:
    letters = [c for c in (component.allowed or "abcxyz09._-/:@#") if component.takes(c) and c not in "*?"]
    return st.text(letters, min_size=1, max_size=min(6, component.longest or 6))


@given(st.data())
def test_the_subject_that_words_were_taken_from_gets_in_and_another_projects_does_not(data: st.DataObject) -> None:
    grammar = data.draw(st.sampled_from([*FAMILIES]))
    shape = data.draw(st.sampled_from([each for each in grammar.shapes if each.scope]))
    values = {component.name: data.draw(_values(component)) for component in shape.components}
    if grammar.shape_of(shape.format(values)) is not shape:
        return  # it reads as another form
    words = {name: (value,) for name, value in values.items()} | {
        "kind": (shape.name.replace(" ", "_").replace("-", "_"),)
    }
    issuer = "https://idp.example.com"
    try:
        text = made(issuer, Entrance(grammar.name, tuple(words.items()))).text
    except RequestInvalid:
        # A component before this one can take a `/` that is in the value, or the form needs a word's other meaning.
        assert any("/" in value for value in values.values())
        return
    policy = Policy.parse(text)
    assert _enters(policy, shape.format(values))
    changed = data.draw(st.sampled_from(shape.scope))
    component = next(each for each in shape.components if each.name == changed)
    other = data.draw(_values(component))
    if other != values[changed]:
        assert not _enters(policy, shape.format({**values, changed: other}))


def _enters(policy: Policy, subject: str) -> bool:
    arn = str(provider("idp.example.com")).replace("111122223333", ACCOUNT)
    keys = {"idp.example.com:aud": ("sts.amazonaws.com",), "idp.example.com:sub": (subject,)}
    found = Request(Principal(PrincipalKind.FEDERATED, arn), LOGIN, asked(keys).context)
    return evaluate(policy, found).allowed


def test_every_word_is_told_when_one_is_not_known() -> None:
    for grammar in FAMILIES:
        with pytest.raises(RequestInvalid) as refused:
            made("https://idp.example.com", Entrance(grammar.name, (("qqqqqq", ("x",)),)))
        assert all(word in str(refused.value.advice) for word in words_of(grammar))
