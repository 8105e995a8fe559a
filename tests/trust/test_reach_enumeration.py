"""Proofs against enumeration: over a tiny alphabet every request is tried, and nothing may differ."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.trust.callers import TokenBearer
from daypass.trust.diff import Verdict, diff
from daypass.trust.languages import Aim, Language, classes
from daypass.trust.reach import who
from daypass.trust.search import Found, Undecided, admits, find
from daypass.trust.wildcard import Pattern
from daypass.trust.witness import Witness, search
from support.trust_policies import ISSUER, asked, policy, provider, statement

if TYPE_CHECKING:
    from daypass.trust.callers import Asked
    from daypass.trust.document import Policy

LETTERS = "ab:c"
"""Three that the patterns name, and one that stands for all others."""
BEARER = TokenBearer.of(provider())


def texts(longest: int) -> list[str]:
    return ["".join(letters) for length in range(longest + 1) for letters in product(LETTERS, repeat=length)]


@cache
def requests() -> list[tuple[str, Asked]]:
    """Every request with a short subject, a few audiences, and with and without `email` and `amr`."""
    return [
        (subject, asked(values))
        for subject in texts(3)
        for audience in ("a", "c")
        for email in ((), ("a",))
        for amr in ((), ("a",), ("a", "c"))
        if (
            values := {
                f"{ISSUER}:sub": (subject,),
                f"{ISSUER}:aud": (audience,),
                **({f"{ISSUER}:email": email} if email else {}),
                **({f"{ISSUER}:amr": amr} if amr else {}),
            }
        )
    ]


PATTERNS = st.text("ab:*?", max_size=4)
VALUES = st.lists(PATTERNS, max_size=3) | PATTERNS
STRINGS = st.sampled_from(
    [
        *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        *("StringLike", "StringLike", "StringNotLike", "StringLikeIfExists", "StringNotEqualsIfExists"),
        *("ForAllValues:StringLike", "ForAnyValue:StringLike", "ForAllValues:StringNotLike"),
        *("ForAnyValue:StringNotEquals", "ForAnyValue:StringEquals"),
    ]
)
KEYS = st.sampled_from([f"{ISSUER}:{claim}" for claim in ("sub", "sub", "sub", "aud", "email", "amr", "unknown")])
BLOCKS = st.dictionaries(STRINGS, st.dictionaries(KEYS, VALUES, min_size=1, max_size=2), max_size=3)
NULLS = st.dictionaries(KEYS, st.sampled_from(["true", "false"]), max_size=1).map(
    lambda found: {"Null": found} if found else {}
)
STATEMENTS = st.builds(
    lambda effect, block, null: statement({**block, **null}, effect=effect),
    st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
    BLOCKS,
    NULLS,
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=4).map(lambda statements: policy(*statements))


def admitted(each: Policy) -> list[str]:
    return [subject for subject, request in requests() if admits(each, BEARER, request)]


@settings(max_examples=100, deadline=None)
@given(POLICIES)
def test_a_proof_that_nobody_enters_is_right_and_a_token_found_does_enter(each: Policy) -> None:
    found = find(each, BEARER)
    assert not isinstance(found, Undecided)
    if found is None:
        assert admitted(each) == []
    else:
        assert admits(each, BEARER, found.asked)


@settings(max_examples=100, deadline=None)
@given(POLICIES, PATTERNS)
@example(policy(statement({"StringLike": {f"{ISSUER}:sub": "a*"}})), "a:*")
def test_only_is_proved_or_disproved_as_enumeration_says(each: Policy, only: str) -> None:
    reach = who(each, only=only)
    fits = Pattern.parse(only).matches
    assert reach.undecided is None
    if reach.proved:
        assert all(map(fits, admitted(each)))
    else:
        assert reach.counterexample is not None
        assert not fits(reach.counterexample.subject)
        assert admits(each, BEARER, _again(reach.counterexample))


@settings(max_examples=100, deadline=None)
@given(POLICIES, POLICIES)
def test_a_difference_is_one_and_none_is_missed(old: Policy, new: Policy) -> None:
    found = diff(old, new)
    assert found.verdict is not Verdict.UNDECIDED
    for request, inside, outside in ((found.wider, new, old), (found.narrower, old, new)):
        if request is not None:
            assert admits(inside, request.caller, request.asked)
            assert not admits(outside, request.caller, request.asked)
        else:
            assert not any(
                admits(inside, BEARER, asked) and not admits(outside, BEARER, asked) for _, asked in requests()
            )


@settings(max_examples=100, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_policy_is_equivalent_to_itself_in_any_order(statements: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(statements)
    random.shuffle(shuffled)
    assert diff(policy(*statements), policy(*shuffled)).verdict is Verdict.EQUIVALENT


@settings(max_examples=50, deadline=None)
@given(POLICIES)
def test_every_entrance_is_shown_by_a_token_and_nobody_enters_elsewhere(each: Policy) -> None:
    reach = who(each)
    for entrance in reach.entrances:
        assert admits(each, BEARER, _again(entrance.sample))
    if not reach.entrances:
        assert admitted(each) == []
        assert search(each) is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PATTERNS, max_size=3), min_size=1, max_size=4))
def test_no_kind_of_text_is_missed(languages: list[list[str]]) -> None:
    compiled = [[Pattern.parse(pattern) for pattern in patterns] for patterns in languages]

    def kind(text: str) -> tuple[bool, ...]:
        return tuple(any(pattern.matches(text) for pattern in patterns) for patterns in compiled)

    found = {each.inside: each.sample for each in classes([Aim(Language.like(patterns)) for patterns in compiled])}
    assert {kind(text) for text in texts(4)} <= set(found)
    assert all(kind(sample) == inside for inside, sample in found.items())


def _again(witness: Witness) -> Asked:
    """The witness' request, made anew from its claims."""
    found = BEARER.asked(
        {
            key.lower(): values
            for key, values in witness.context.values.items()
            if key.startswith(ISSUER) and key.rpartition(":")[2] in {"sub", "aud", "email", "amr", "oaud"}
        },
        ("sts:AssumeRoleWithWebIdentity",),
    )
    assert found is not None
    assert (
        found.context.values.items()
        >= {key: values for key, values in witness.context.values.items() if key.startswith(ISSUER)}.items()
    )
    return found


def test_the_enumeration_sees_something() -> None:
    assert len(admitted(policy(statement({"StringLike": {f"{ISSUER}:sub": "a*"}})))) > 100
    assert isinstance(find(policy(statement()), BEARER), Found)
