"""Mend one part of a statement that does not match, with this token's own values and no pattern.

Every function gives the operations for one part, or None where a mend would open the statement to others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import ArnInvalid
from daypass.names import ProviderArn
from daypass.trust import tenancy, text_edit
from daypass.trust.context import subject
from daypass.trust.decision import Reason
from daypass.trust.operators import Comparison, Operator, Quantifier
from daypass.trust.recognisers import audiences as audience_mistakes
from daypass.trust.recognisers import keys, statements
from daypass.trust.statement import PrincipalKind
from daypass.trust.text_edit import Op, Operation
from daypass.trust.token_claims import LOGIN
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from daypass.trust.decision import ConditionResult, StatementResult
    from daypass.trust.document import Policy
    from daypass.trust.recognisers import Case
    from daypass.trust.statement import Condition, Statement
    from daypass.trust.text_edit import Path

Operations = tuple[Operation, ...]

_STRINGS: Final = (Comparison.EXACT, Comparison.IGNORING_CASE, Comparison.LIKE)
_VALUES: Final = (Reason.VALUE_DIFFERS, Reason.CASE_DIFFERS, Reason.WILDCARD_IN_EXACT_OPERATOR)
_PIN: Final = "StringEquals"


def repair(case: Case, policy: Policy, result: StatementResult) -> Operations | None:
    """The operations for the first part of a statement that does not match; None when none is safe."""
    if result.principal is not Reason.MATCHED:
        mended = _principal(case, policy, result)
        return None if mended is None else (*_pin(case, policy, result.index), *mended)
    if result.action is not Reason.MATCHED:
        mended = _action(case, policy, result)
        return None if mended is None else (*_pin(case, policy, result.index), *mended)
    for condition in result.conditions:
        if not condition.matched:
            return _condition(case, policy, result, condition)
    return None


def is_bounded(case: Case, statement: Statement) -> bool:
    """Whether a statement holds `sub` to one customer of the issuer: no absence accepted, nothing open before it."""
    return any(_bounds(case, condition) for condition in statement.conditions)


def _bounds(case: Case, condition: Condition) -> bool:
    operator = condition.parsed
    prefix, _, claim = condition.key.rpartition(":")
    meant = f"{case.issuer}:{claim}" if keys.mended_key(case.issuer or "", condition.key) else f"{prefix}:{claim}"
    if meant.lower() != f"{case.issuer}:sub".lower() or not condition.values:
        return False
    if operator.negated or operator.if_exists or operator.quantifier is not Quantifier.NONE:
        return False
    if operator.comparison in {Comparison.EXACT, Comparison.IGNORING_CASE}:
        return True
    if operator.comparison is not Comparison.LIKE or case.claims is None:
        return False
    grammar = tenancy.grammar_of(case.issuer or "", subject(case.claims) or "")
    if grammar is None or grammar.tenant is None:
        return not any(wildcard in value for value in condition.values for wildcard in "*?")
    for value in condition.values:
        asked = tenancy.asked(grammar, value)
        if asked is None or tenancy.tenant(grammar, asked[1]) is None:
            return False
    return True


def _principal(case: Case, policy: Policy, result: StatementResult) -> Operations | None:
    """This provider's ARN in place of nearly the same one."""
    if case.provider is None:
        return None
    if not (statements.another_account(case, result) or statements.nearly_the_provider(case, result)):
        return None
    path: Path = ("Statement", result.index, "Principal", "Federated")
    value = text_edit.value_at(policy.text, path)
    for index, entry in enumerate(value if isinstance(value, list) else [value]):
        if _nearly(str(entry), case.provider):
            place = (*path, index) if isinstance(value, list) else path
            return (Operation(Op.REPLACE, place, str(case.provider), entry),)
    return None


def _nearly(text: str, provider: ProviderArn) -> bool:
    try:
        named = ProviderArn.parse(text)
    except ArnInvalid:
        return False
    # A path is only ever added: without its path an enterprise's issuer is everybody's.
    ours, theirs = provider.issuer.lower().rstrip("/"), named.issuer.lower().removeprefix("https://").rstrip("/")
    return ours == theirs or ours.startswith(theirs + "/")


def _action(case: Case, policy: Policy, result: StatementResult) -> Operations | None:
    """The action that is asked, beside those there are; in place of a sole one that no web identity can use."""
    statement, action = policy.statements[result.index], case.decision.request.action
    if not statement.actions:
        return None
    if action == LOGIN and statements.wrong_action(case, result) is None:
        return None
    path: Path = ("Statement", result.index, "Action")
    value = text_edit.value_at(policy.text, path)
    alone = all(principal.kind is PrincipalKind.FEDERATED for principal in statement.principals)
    if isinstance(value, list):
        return (Operation(Op.ADD, (*path, "-"), action),)
    useless = alone and value == "sts:AssumeRole"
    return (Operation(Op.REPLACE, path, action if useless else [value, action], value),)


def _condition(case: Case, policy: Policy, result: StatementResult, condition: ConditionResult) -> Operations | None:
    operator = Operator.parse(condition.operator)
    if operator.negated or operator.quantifier is Quantifier.ALL or operator.comparison not in _STRINGS:
        return None
    if condition.reason is Reason.KEY_ABSENT:
        return _key(case, policy, result, condition)
    if condition.reason in _VALUES:
        return _value(case, policy, result, condition, operator)
    return None


def _key(case: Case, policy: Policy, result: StatementResult, condition: ConditionResult) -> Operations | None:
    """The right key's name; or for a claim that AWS does not look at, the exact `sub` in its place."""
    path: Path = ("Statement", result.index, "Condition", condition.operator, condition.key)
    right = keys.mended_key(case.issuer or "", condition.key)
    if right is not None:
        if _has_key(policy, result.index, condition.operator, right):
            return None
        return (*_pin(case, policy, result.index), Operation(Op.MOVE, path, right, condition.key))
    if keys.untested(case, condition) is None or case.claims is None:
        return None
    claim = condition.key.rpartition(":")[2]
    said = case.claims.get(claim)
    if not isinstance(said, str) or not any(_fits(said, value, condition) for value in condition.wanted):
        return None  # not the token that the policy was meant for
    own = subject(case.claims)
    exact = _exact_subjects(case, policy, result.index)
    if exact is not None and exact != (own,):
        return None
    pin = () if exact is not None else _exact_sub(case, policy, result.index)
    if pin is None:
        return None
    block = text_edit.value_at(policy.text, path[:-1])
    if isinstance(block, dict) and len(block) == 1 and condition.operator != _PIN:
        path = path[:-1]  # an operator without a key is not taken
    return (*pin, Operation(Op.REMOVE, path, None, text_edit.value_at(policy.text, path)))


def _fits(said: str, wanted: str, condition: ConditionResult) -> bool:
    if Operator.parse(condition.operator).comparison is Comparison.LIKE:
        return Pattern.parse(wanted).matches(said)
    return said == wanted


def _value(
    case: Case, policy: Policy, result: StatementResult, condition: ConditionResult, operator: Operator
) -> Operations | None:
    """The found value among the wanted; in place of one that no token can have."""
    claim = case.claim_of(condition)
    dead = condition.reason is not Reason.VALUE_DIFFERS
    if len(condition.found) != 1 or claim is None or (claim not in {"sub", "aud"} and not dead):
        return None
    if claim == "aud" and not _may_be_audience(case, condition):
        return None
    if claim != "sub" and not is_bounded(case, policy.statements[result.index]):
        return None
    own = _written(condition.found[0], operator, variables=policy.version == "2012-10-17")
    if own is None:
        return None
    path: Path = ("Statement", result.index, "Condition", condition.operator, condition.key)
    value = text_edit.value_at(policy.text, path)
    entries = value if isinstance(value, list) else [value]
    spoilt = next((index for index, entry in enumerate(entries) if dead and _spoilt(str(entry), condition)), None)
    if spoilt is not None:
        place = (*path, spoilt) if isinstance(value, list) else path
        return (Operation(Op.REPLACE, place, own, entries[spoilt]),)
    if isinstance(value, list):
        return (Operation(Op.ADD, (*path, "-"), own),)
    return (Operation(Op.REPLACE, path, [value, own], value),)


def _spoilt(entry: str, condition: ConditionResult) -> bool:
    """Whether this wanted value is the one that is nearly the found one and can match nothing."""
    found = condition.found[0]
    if condition.reason is Reason.CASE_DIFFERS:
        return Pattern.parse(entry.lower()).matches(found.lower())
    return "*" in entry and Pattern.parse(entry).matches(found)


def _may_be_audience(case: Case, condition: ConditionResult) -> bool:
    """Whether the provider takes the audience, or the policy means the same one in other words."""
    if case.client_ids is not None:
        return set(condition.found) <= set(case.client_ids)
    return bool(
        audience_mistakes.replaced_by_azp(case, condition)
        or audience_mistakes.url_form(case, condition)
        or condition.reason is Reason.CASE_DIFFERS
    )


def _written(value: str, operator: Operator, *, variables: bool) -> str | None:
    """The value as a policy writes it so that it means itself; None when it cannot."""
    special = "$*?" if operator.comparison is Comparison.LIKE else "$"
    if operator.comparison is not Comparison.LIKE and "${" not in value:
        return value
    if not any(character in value for character in special):
        return value
    if not variables:
        return None if operator.comparison is Comparison.LIKE else value
    return "".join(f"${{{character}}}" if character in special else character for character in value)


def _pin(case: Case, policy: Policy, index: int) -> Operations:
    """What keeps a statement that is about to come alive from admitting more than this token."""
    if case.decision.request.action != LOGIN or is_bounded(case, policy.statements[index]):
        return ()
    return _exact_sub(case, policy, index) or ()


def _exact_sub(case: Case, policy: Policy, index: int) -> Operations | None:
    """A condition that `sub` is exactly this token's; None where the document has no room for it."""
    own = None if case.claims is None else subject(case.claims)
    if own is None:
        return None
    key = f"{case.issuer}:sub"
    statement: Path = ("Statement", index)
    written = _written(own, Operator.parse(_PIN), variables=policy.version == "2012-10-17")
    entry = text_edit.value_at(policy.text, statement)
    conditions = entry.get("Condition") if isinstance(entry, dict) else None
    if not isinstance(conditions, dict):
        return (Operation(Op.ADD, (*statement, "Condition"), {_PIN: {key: written}}),)
    if _PIN not in conditions:
        if any(name.lower() == _PIN.lower() for name in conditions):
            return None
        return (Operation(Op.ADD, (*statement, "Condition", _PIN), {key: written}),)
    if _has_key(policy, index, _PIN, key):
        return None
    return (Operation(Op.ADD, (*statement, "Condition", _PIN, key), written),)


def _exact_subjects(case: Case, policy: Policy, index: int) -> tuple[str, ...] | None:
    """The subjects that a statement admits, when it names them; None when it does not."""
    for condition in policy.statements[index].conditions:
        if condition.operator == _PIN and condition.key.lower() == f"{case.issuer}:sub".lower():
            return condition.values
    return None


def _has_key(policy: Policy, index: int, operator: str, key: str) -> bool:
    return any(
        condition.operator == operator and condition.key.lower() == key.lower()
        for condition in policy.statements[index].conditions
    )
