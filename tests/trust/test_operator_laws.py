"""What holds for every operator: negation, absence, quantifiers, and the operators among each other."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.trust.compile import compile_policy
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.operators import NAMES, Comparison, Operator
from daypass.trust.statement import Principal, PrincipalKind

KEY = "aws:RequestTag/size"
MULTIVALUED = "aws:TagKeys"
REQUESTER = Principal(PrincipalKind.FEDERATED, "arn:aws:iam::111122223333:oidc-provider/idp.example.com")
ACTION = "sts:AssumeRoleWithWebIdentity"

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers().map(str)
DATES = st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds"))
# As a value of a policy `::ffff:192.0.2.1` is no address of either version: the vectors tell.
ADDRESSES = st.ip_addresses().filter(lambda found: getattr(found, "ipv4_mapped", None) is None).map(str)
ARNS = st.lists(st.text("ab*?-", max_size=4), min_size=5, max_size=7).map(lambda parts: "arn:" + ":".join(parts))
PLAIN = st.text(st.characters(exclude_characters="$*?", exclude_categories=["Cs", "Cc"]), max_size=12)
VALUES = {
    Comparison.EXACT: PLAIN,
    Comparison.IGNORING_CASE: PLAIN,
    Comparison.LIKE: PLAIN,
    Comparison.NUMBER: NUMBERS,
    Comparison.DATE: DATES,
    Comparison.BOOL: st.sampled_from(["true", "false", "TRUE", "yes"]),
    Comparison.BINARY: st.sampled_from(["", "ZGF5", "cGFz"]),
    Comparison.ADDRESS: ADDRESSES,
    Comparison.ARN: ARNS,
}
POSITIVE = {
    name.replace("Not", "", 1): name for name in NAMES if "Not" in name
}  # StringEquals -> StringNotEquals, IpAddress -> NotIpAddress
COMPARING = [name for name in NAMES if name != "Null"]

FEW = settings(max_examples=25)
"""For laws that are asked of each operator."""


def holds(operator: str, wanted: list[str], found: tuple[str, ...], *, key: str = KEY, effect: str = "Allow") -> bool:
    """Whether a statement with this one condition applies."""
    statement = {"Effect": effect, "Principal": "*", "Action": "*", "Condition": {operator: {key: wanted}}}
    policy = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    request = Request(REQUESTER, ACTION, Context({key: found}, frozenset({MULTIVALUED})))
    compiled = compile_policy(policy)
    assert compiled.allows(request) is (policy.statements[0].applies(request) and effect == "Allow")
    return policy.statements[0].applies(request)


def test_every_negated_operator_has_its_positive() -> None:
    assert set(POSITIVE) < set(NAMES)
    assert {name for name in NAMES if Operator.parse(name).negated} == set(POSITIVE.values())


@pytest.mark.parametrize("positive", sorted(POSITIVE))
@FEW
@given(data=st.data())
def test_a_negation_is_the_opposite_for_values_that_can_be_read(positive: str, data: st.DataObject) -> None:
    values = VALUES[Operator.parse(positive).comparison]
    wanted, found = data.draw(st.lists(values, min_size=1, max_size=3)), data.draw(values)
    assert holds(positive, wanted, (found,)) is not holds(POSITIVE[positive], wanted, (found,))


@pytest.mark.parametrize("operator", COMPARING)
@FEW
@given(data=st.data())
def test_a_value_is_found_in_a_list_that_has_it(operator: str, data: st.DataObject) -> None:
    values = VALUES[Operator.parse(operator).comparison]
    found, others = data.draw(values), data.draw(st.lists(values, max_size=2))
    if "Equals" in operator or "Like" in operator or "IpAddress" in operator:
        assert holds(operator, [*others, found], (found,)) is not Operator.parse(operator).negated
    elif operator != "Bool":
        assert not holds(operator, [found], (found,))


@pytest.mark.parametrize("operator", COMPARING)
@FEW
@given(data=st.data())
def test_if_exists_changes_nothing_but_absence(operator: str, data: st.DataObject) -> None:
    values = VALUES[Operator.parse(operator).comparison]
    wanted, found = data.draw(st.lists(values, max_size=2)), data.draw(values | PLAIN)
    assert holds(operator + "IfExists", wanted, (found,)) is holds(operator, wanted, (found,))
    assert holds(operator + "IfExists", wanted, ())


@pytest.mark.parametrize("operator", COMPARING)
@FEW
@given(data=st.data())
def test_absence_is_judged_by_the_operator_alone(operator: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(VALUES[Operator.parse(operator).comparison], min_size=1, max_size=2))
    assert holds(operator, wanted, ()) is Operator.parse(operator).negated
    assert holds("ForAllValues:" + operator, wanted, (), key=MULTIVALUED)
    assert not holds("ForAnyValue:" + operator, wanted, (), key=MULTIVALUED)


@pytest.mark.parametrize("operator", COMPARING)
@FEW
@given(data=st.data())
def test_quantifiers_ask_each_value(operator: str, data: st.DataObject) -> None:
    values = VALUES[Operator.parse(operator).comparison]
    wanted = data.draw(st.lists(values, min_size=1, max_size=2))
    found = tuple(data.draw(st.lists(values, min_size=1, max_size=3)))
    each = [holds(operator, wanted, (value,)) for value in found]
    assert holds("ForAllValues:" + operator, wanted, found, key=MULTIVALUED) is all(each)
    assert holds("ForAnyValue:" + operator, wanted, found, key=MULTIVALUED) is any(each)
    assert not holds(operator, wanted, found, key=MULTIVALUED)


@given(PLAIN, PLAIN)
def test_what_equals_is_like(wanted: str, found: str) -> None:
    assert holds("StringEquals", [wanted], (found,)) is holds("StringLike", [wanted], (found,)) is (wanted == found)
    if wanted == found:
        assert holds("StringEqualsIgnoreCase", [wanted], (found,))


@given(ARNS, st.text("ab*?:-", max_size=12) | ARNS)
def test_arn_equals_is_arn_like(wanted: str, found: str) -> None:
    assert holds("ArnEquals", [wanted], (found,)) is holds("ArnLike", [wanted], (found,))
    assert holds("ArnNotEquals", [wanted], (found,)) is holds("ArnNotLike", [wanted], (found,))


@given(NUMBERS, NUMBERS)
@example("1e999999999", "1e-999999999")
def test_numbers_are_in_one_order(one: str, other: str) -> None:
    less, same, more = (holds(f"Numeric{name}", [other], (one,)) for name in ("LessThan", "Equals", "GreaterThan"))
    assert [less, same, more].count(True) == 1
    assert holds("NumericLessThanEquals", [other], (one,)) is (less or same)
    assert holds("NumericGreaterThanEquals", [other], (one,)) is (more or same)


@given(DATES, DATES)
def test_dates_are_in_one_order(one: str, other: str) -> None:
    less, same, more = (holds(f"Date{name}", [other], (one,)) for name in ("LessThan", "Equals", "GreaterThan"))
    assert [less, same, more].count(True) == 1
    assert less is (one < other)
    assert holds("DateLessThanEquals", [other], (one,)) is (less or same)
    assert holds("DateGreaterThanEquals", [other], (one,)) is (more or same)


@pytest.mark.parametrize("operator", [name for name in COMPARING if name != "BinaryEquals"])
@FEW
@given(data=st.data())
def test_any_text_can_be_compared(operator: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(PLAIN | VALUES[Operator.parse(operator).comparison], max_size=2))
    found = (data.draw(PLAIN),)
    assert isinstance(holds(operator, wanted, found), bool)
    assert isinstance(holds(operator, wanted, found, effect="Deny"), bool)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
def test_what_comes_out_of_a_variable_is_never_a_pattern(text: str, found: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "*",
        "Condition": {"StringLike": {"idp.example.com:sub": "${aws:RequestTag/size}"}},
    }
    policy = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    context = Context({KEY: (text,), "idp.example.com:sub": (found,)})
    assert compile_policy(policy).allows(Request(REQUESTER, ACTION, context)) is (text == found)
