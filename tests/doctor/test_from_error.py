"""The sentence that somebody's tool printed, and which error it is."""

from __future__ import annotations

import json
import random
import string
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.doctor import from_error
from daypass.doctor.checks import BY_CODE
from daypass.doctor.from_error import Recognised, Standing, Unknown, recognise, weigh
from daypass.doctor.judge import judge
from daypass.doctor.known_errors import aws_text, fields, known_errors, literals
from daypass.localaws.iam import providers
from daypass.sts import answers
from daypass.trust import aws_texts
from support.laboratory import specimens
from support.laboratory.doctor import account, examined
from support.laboratory.sts import NO_THUMBPRINT
from support.vectors import VECTORS

if TYPE_CHECKING:
    from daypass.doctor.from_error import Weighed
    from daypass.doctor.known_errors import KnownError
    from support.laboratory import Laboratory

PRINTED = json.loads((VECTORS / "doctor" / "printed_errors.json").read_bytes())["cases"]
ERRORS = [pytest.param(error, id=error.id) for error in known_errors()]
IDS = [error.id for error in known_errors()]


def filled(text: str) -> str:
    """A text as it is printed, with something in its fields."""
    return text.format_map({name: f"https://{name}.example" for name in fields(text)})


@pytest.mark.parametrize("case", PRINTED, ids=lambda case: case["id"])
def test_what_tools_print(case: dict[str, Any]) -> None:
    found, expect = recognise(case["text"]), case["expect"]
    if expect["error"] is None:
        assert isinstance(found, Unknown)
        assert next((error.id for error in found.nearest), None) == expect["nearest"]
        return
    assert isinstance(found, Recognised)
    assert found.error.id == expect["error"]
    assert {name: found.said.get(name) for name in expect.get("said", {})} == expect.get("said", {})


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_recognised_by_each_of_its_own_texts(error: KnownError) -> None:
    for text in error.texts:
        if sum(map(len, literals(text))) < 8:
            continue  # AWS's text is nothing but what was given to it
        found = recognise(f"prefix: {filled(text)} (request id 1)")
        assert isinstance(found, Recognised)
        assert found.error is error


@pytest.mark.parametrize("error", ERRORS)
def test_line_breaks_and_frames_do_not_matter(error: KnownError) -> None:
    broken = "\u2502 " + filled(error.texts[0]).replace(" ", "\n\u2502   ")
    found = recognise(broken)
    assert isinstance(found, Recognised)
    assert found.error is error


def test_every_text_of_sts_that_is_aws_own_is_known() -> None:
    known = {text for error in known_errors() for text in error.texts}
    own_words = {
        text.template: name
        for name, text in vars(answers).items()
        if isinstance(text, answers.Text)
        and not text.source.startswith("ours")
        and sum(map(len, literals(text.template))) > 15
    }
    assert [name for template, name in own_words.items() if template not in known] == []


def test_every_text_of_iam_about_trust_policies_is_known() -> None:
    known = {text for error in known_errors() for text in error.texts}
    assert [name for name, text in vars(aws_texts).items() if name.isupper() and text not in known] == []


def test_what_iam_says_of_an_issuer_is_what_the_local_iam_says() -> None:
    known = {text for error in known_errors() for text in error.texts}
    assert {providers._NO_CONNECTION, providers._NO_CONFIGURATION} <= known


def test_ids_are_unique_and_every_error_has_causes() -> None:
    assert len(set(IDS)) == len(IDS)
    assert [error.id for error in known_errors() if not error.causes or not error.texts] == []


def test_causes_name_checks_that_there_are() -> None:
    named = {code for error in known_errors() for cause in error.causes for code in cause.found_by}
    assert sorted(named - BY_CODE.keys()) == []


@pytest.mark.parametrize("name", ["sts.NOT_AUTHORIZED", "trust.INVALID_JSON", "shared.MESSAGE", "permissions.DENIED"])
def test_texts_come_from_where_they_are_used(name: str) -> None:
    assert any(aws_text(name) in error.texts for error in known_errors())


@given(st.text(max_size=3000))
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(recognise(text), Recognised | Unknown)


def test_a_long_text_is_answered_at_once() -> None:
    """Of a pattern with several fields none may be tried at every place of a hostile text (CWE-1333)."""
    import time

    hostile = "1 validation error detected: Value at ' failed " * 2000 + "User: is not authorized to perform: " * 2000
    noise = "".join(random.Random(7).choices(string.ascii_letters + " '", k=60_000))
    began = time.process_time()
    for text in (hostile, noise, "Token expired: current date/time " * 3000):
        recognise(text)
    assert time.process_time() - began < 3.0


def weighed_case(laboratory: Laboratory, name: str, text: str) -> list[Weighed]:
    """The causes of a printed error, after the doctor has looked at a case of the laboratory."""
    specimen = laboratory.start(next(vector for vector in specimens() if vector["id"] == name))
    facts = examined(laboratory, specimen, account(specimen, NO_THUMBPRINT))
    found = recognise(text)
    assert isinstance(found, Recognised)
    return list(weigh(found, facts, judge(facts)))


DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
NO_KEY = aws_text("sts.NO_VERIFICATION_KEY")
NOT_VALIDATED = aws_text("sts.NOT_VALIDATED")
NO_PROVIDER = "No OpenIDConnect provider found in your account for https://x.example"
NO_CONNECTION = "Could not connect to openid configuration of provider: https://x.example"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("sub-not-matching", DENIED, "The token's `sub` is not one that the trust policy lets in"),
        ("policy-wildcard-in-equals", DENIED, "A pattern with * or ? stands in StringEquals"),
        ("policy-typo-in-key", DENIED, "The condition's key does not begin with the provider's host"),
        ("policy-other-claim", DENIED, "The condition's key does not begin with the provider's host"),
        ("policy-wrong-action", DENIED, "The trust policy's Principal is not this provider, or its Action"),
        ("policy-other-provider", DENIED, "The trust policy's Principal is not this provider"),
        ("role-missing", DENIED, "There is no role of this ARN"),
        ("token-tags-not-allowed", DENIED, "The token carries session tags"),
        ("expired-leaf", NO_KEY, "The server's certificate is not valid for AWS"),
        ("busy-429", NO_KEY, "AWS asks too often"),
        ("issuer-slash", NO_KEY, "The discovery document is wrong"),
        ("token-kid-unknown", NO_KEY, "No key of the set has the token's `kid`"),
        ("keys-101", NO_KEY, "AWS takes none of the keys"),
        ("tcp-refused", NO_KEY, "The discovery document or the `jwks_uri` cannot be reached"),
        ("discovery-403", NO_KEY, "A firewall or proxy"),
        ("client-id-missing", NOT_VALIDATED, "The token's audience is not among"),
        ("token-tampered", NOT_VALIDATED, "The signature is not that of the key"),
        ("key-ops", NOT_VALIDATED, "The key has `key_ops`"),
        ("chain-reversed", NO_CONNECTION, "The server's certificate chain is out of order"),
        ("provider-with-slash", NO_PROVIDER, "The provider's URL differs"),
    ],
)  # fmt: skip
def test_the_cause_that_is_so_comes_first(laboratory: Laboratory, name: str, text: str, words: str) -> None:
    """The sentence says one of many things; the probes say which."""
    causes = weighed_case(laboratory, name, text)
    assert causes[0].cause.why.startswith(words)
    assert causes[0].standing is Standing.FOUND
    assert [each.standing for each in causes].count(Standing.FOUND) == 1


def test_what_was_looked_at_and_not_found_comes_last(laboratory: Laboratory) -> None:
    causes = weighed_case(laboratory, "client-id-missing", NOT_VALIDATED)
    assert [each.standing for each in causes] == [Standing.FOUND] + [Standing.NOT_FOUND] * (len(causes) - 1)


def test_what_nobody_could_look_at_stays_open(laboratory: Laboratory) -> None:
    causes = weighed_case(laboratory, "tcp-refused", NO_KEY)
    assert Standing.OPEN in {each.standing for each in causes}


def test_without_an_examination_every_cause_is_open_in_the_order_of_likelihood() -> None:
    found = recognise("Incorrect token audience")
    assert isinstance(found, Recognised)
    weighed = weigh(found, None, None)
    assert [each.cause for each in weighed] == list(found.error.causes)
    assert {each.standing for each in weighed} == {Standing.OPEN}


def test_the_issuer_in_a_sentence_is_taken() -> None:
    found = recognise("No OpenIDConnect provider found in your account for https://gitlab.example.com")
    assert isinstance(found, Recognised)
    assert found.issuer == "https://gitlab.example.com"


def test_a_text_is_cut() -> None:
    assert isinstance(recognise("Incorrect token audience" + "x" * from_error.MAX_CHARACTERS), Unknown)
    assert isinstance(recognise("x " * from_error.MAX_CHARACTERS + "Incorrect token audience"), Recognised)


@pytest.mark.parametrize("error", [each for each in known_errors() if "…" not in each.title], ids=lambda each: each.id)
def test_the_heading_of_an_entry_is_recognised(error: KnownError) -> None:
    found = recognise(f"{error.title}\n")
    assert isinstance(found, Recognised)
    assert found.error.id == error.id
