"""From JSON values to the parts of a policy, each held to the grammar.

`read` is for trust policies. What they share with identity policies is `read_document`, `members`, `effect`, `actions`,
`conditions` and `texts`. Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, TypeVar

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.trust import aws_texts
from daypass.trust.judge import compile_condition
from daypass.trust.operators import Comparison, Operator
from daypass.trust.statement import Action, Condition, Effect, Principal, PrincipalKind, Statement
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from daypass.tokens.strict_json import JsonValue

Path = tuple[str | int, ...]
_Statement = TypeVar("_Statement")

OLD_VERSION: Final = "2008-10-17"
"""What a policy without `Version` is; `${…}` has no meaning in it."""
VERSION: Final = "2012-10-17"

_POLICY_MEMBERS: Final = ("Version", "Id", "Statement")
_STATEMENT_MEMBERS: Final = ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition")
_PRINCIPAL_MEMBERS: Final = ("AWS", "Federated", "Service", "CanonicalUser")
_PROHIBITED: Final = {
    "Resource": aws_texts.RESOURCE,
    "NotResource": aws_texts.RESOURCE,
    "NotPrincipal": aws_texts.NOT_PRINCIPAL,
}


class Fault(Exception):
    """What is wrong, and where; `Policy.parse` makes the public error of it."""

    def __init__(
        self, path: Path, message: str, *, aws: str = aws_texts.SYNTAX, advice: str | None = None, known: bool = False
    ) -> None:
        super().__init__(message)
        self.path, self.message, self.aws, self.advice, self.known = path, message, aws, advice, known


def read(document: JsonValue) -> tuple[str, str | None, tuple[Statement, ...]]:
    """Version, id and statements of a trust policy.

    Raises:
        Fault: at the first thing that is wrong.
    """
    return read_document(document, _statement)


def read_document(
    document: JsonValue, statement: Callable[[dict[str, JsonValue], Path, int, bool], _Statement]
) -> tuple[str, str | None, tuple[_Statement, ...]]:
    """Version, id and statements of a policy of any kind.

    Args:
        document: the policy.
        statement: reads one: members, path, index, and whether policy variables have a meaning.

    Raises:
        Fault: at the first thing that is wrong.
    """
    if not isinstance(document, dict):
        raise Fault((), "a policy is an object")
    check_members(document, _POLICY_MEMBERS, (), "a policy")
    version = document.get("Version", OLD_VERSION)
    if version not in (OLD_VERSION, VERSION):
        raise Fault(
            ("Version",),
            "the version of a policy is `2012-10-17` or `2008-10-17`",
            aws=aws_texts.VERSION,
            advice=f'Write "Version": "{VERSION}".',
        )
    statements = document.get("Statement")
    if not statements or not isinstance(statements, dict | list):
        raise Fault(("Statement",), "a policy has a `Statement`: an object, or an array of objects")
    entries = statements if isinstance(statements, list) else [statements]
    return (
        str(version),
        read_text(document, "Id", ()),
        tuple(
            statement(_object(entry, ("Statement", index)), ("Statement", index), index, version == VERSION)
            for index, entry in enumerate(entries)
        ),
    )


def _object(entry: JsonValue, path: Path) -> dict[str, JsonValue]:
    if not isinstance(entry, dict):
        raise Fault(path, "a statement is an object")
    return entry


def _statement(entry: dict[str, JsonValue], path: Path, index: int, variables: bool) -> Statement:  # noqa: FBT001
    for name, aws in _PROHIBITED.items():
        if name in entry:
            raise Fault((*path, name), f"a trust policy has no `{name}`", aws=aws, advice=f"Remove `{name}`.")
    check_members(entry, _STATEMENT_MEMBERS, path, "a statement")
    effect = read_effect(entry, path)
    actions, not_actions = read_actions(entry, path)
    return Statement(
        index=index,
        sid=read_text(entry, "Sid", path),
        effect=effect,
        principals=_principals(entry, path),
        actions=actions,
        not_actions=not_actions,
        conditions=read_conditions(entry, path, variables=variables, deny=effect is Effect.DENY),
    )


def read_effect(entry: Mapping[str, JsonValue], path: Path) -> Effect:
    """The effect of a statement.

    Raises:
        Fault: it is neither.
    """
    effect = entry.get("Effect")
    if effect not in tuple(Effect):
        raise Fault((*path, "Effect"), "the effect of a statement is `Allow` or `Deny`, in these letters")
    return Effect(str(effect))


def read_actions(entry: Mapping[str, JsonValue], path: Path) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """`Action` and `NotAction` of a statement; one of them is filled.

    Raises:
        Fault: both or none is there, or one is no action.
    """
    if "Action" in entry and "NotAction" in entry:
        raise Fault((*path, "NotAction"), "a statement has `Action` or `NotAction`, not both")
    if "Action" not in entry and "NotAction" not in entry:
        raise Fault(path, "a statement has an `Action`", aws=aws_texts.NO_ACTION)
    return _actions(entry, "Action", path), _actions(entry, "NotAction", path)


def read_conditions(
    entry: Mapping[str, JsonValue], path: Path, *, variables: bool, deny: bool
) -> tuple[Condition, ...]:
    """The conditions of a statement, compiled.

    Raises:
        Fault: one is not in order.
    """
    return tuple(_conditions(entry, path, variables=variables, deny=deny))


def _principals(entry: Mapping[str, JsonValue], path: Path) -> tuple[Principal, ...]:
    if "Principal" not in entry:
        raise Fault(path, "a statement of a trust policy has a `Principal`", aws=aws_texts.NO_PRINCIPAL)
    path = (*path, "Principal")
    value = entry["Principal"]
    if value == "*":
        return (Principal(PrincipalKind.ANYONE, "*"),)
    if not isinstance(value, dict):
        raise Fault(path, 'a principal is "*" or an object such as {"Federated": "arn:…"}')
    if not value:
        raise Fault(path, "a principal names somebody", aws=aws_texts.EMPTY_PRINCIPAL)
    check_members(value, _PRINCIPAL_MEMBERS, path, "a principal")
    return tuple(
        Principal(PrincipalKind(kind), name)
        for kind, names in value.items()
        for name in read_texts(names, (*path, kind), "a principal")
    )


def _actions(entry: Mapping[str, JsonValue], name: str, path: Path) -> tuple[Action, ...]:
    if name not in entry:
        return ()
    path = (*path, name)
    texts = read_texts(entry[name], path, "an action", aws=aws_texts.NO_ACTION)
    for text in texts:
        vendor, colon, rest = text.partition(":")
        if text != "*" and not (vendor and colon and rest):
            raise Fault(
                path,
                f"`{text}` is not an action: it has no service before a colon",
                aws=aws_texts.ACTION_FORM,
                advice="An action is written `sts:AssumeRoleWithWebIdentity`.",
            )
    return tuple(Action(text, Pattern.parse(text.lower())) for text in texts)


def _conditions(entry: Mapping[str, JsonValue], path: Path, *, variables: bool, deny: bool) -> Iterator[Condition]:
    path = (*path, "Condition")
    blocks = entry.get("Condition", {})
    if not isinstance(blocks, dict):
        raise Fault(path, "`Condition` is an object with operators as members")
    _check_case(blocks, path)
    for name, block in blocks.items():
        operator = _operator(name, (*path, name))
        if not isinstance(block, dict) or not block:
            raise Fault((*path, name), f"`{name}` is an object with condition keys as members")
        _check_case(block, (*path, name))
        for key, value in block.items():
            yield _condition(operator, key, value, (*path, name, key), variables=variables, deny=deny)


def _operator(name: str, path: Path) -> Operator:
    try:
        return Operator.parse(name)
    except PolicyMalformed as fault:
        raise Fault(path, fault.message, advice=fault.advice) from None


def _condition(operator: Operator, key: str, value: JsonValue, path: Path, *, variables: bool, deny: bool) -> Condition:
    prefix, colon, name = key.rpartition(":")
    if not (prefix and colon and name):
        raise Fault(
            path,
            f"`{key}` is not a condition key: it has no service or issuer before a colon",
            aws=aws_texts.ACTION_FORM,
            advice="A key is written `sts:RoleSessionName` or `idp.example.com/path:sub`.",
        )
    number = operator.comparison is Comparison.NUMBER
    values = tuple(_value(each, path, number=number) for each in (value if isinstance(value, list) else [value]))
    variables = variables and operator.takes_variables
    try:
        test = operator.compile(values, variables=variables)
    except (PolicyMalformed, PolicyUnsupported) as fault:
        known = isinstance(fault, PolicyUnsupported)
        raise Fault(path, fault.message, advice=fault.advice, known=known) from None
    holds = compile_condition(operator, key, test, has_values=bool(values), deny=deny)
    return Condition(operator.name, key, values, variables, operator, test, holds)


def _value(value: JsonValue, path: Path, *, number: bool) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float() if number:
            return str(value)
        case float():
            # Whether AWS compares 1.10 as "1.10" or as "1.1" is not known.
            raise Fault(path, "a number with a fraction is not read as a value yet", known=True)
        case _:
            raise Fault(path, "the value of a condition is a text, or an array of texts")


def read_texts(value: JsonValue, path: Path, what: str, *, aws: str = aws_texts.SYNTAX) -> tuple[str, ...]:
    """One text, or those of an array that is not empty.

    Raises:
        Fault: it is neither; `what` names it, and `aws` is what AWS says.
    """
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise Fault(path, f"{what} is a text, or an array of texts", aws=aws)
    return tuple(str(text) for text in texts)


def read_text(members: Mapping[str, JsonValue], name: str, path: Path) -> str | None:
    """A member that is a text, None without it.

    Raises:
        Fault: it is there and no text.
    """
    value = members.get(name)
    if name in members and not isinstance(value, str):
        raise Fault((*path, name), f"`{name}` is a text")
    return None if value is None else str(value)


def check_members(members: Mapping[str, JsonValue], known: tuple[str, ...], path: Path, what: str) -> None:
    """Hold an object to the members it may have; `what` names it.

    Raises:
        Fault: at the first that it may not.
    """
    _check_case(members, path)
    for name in members:
        if name not in known:
            by_case = {one.lower(): one for one in known}
            near = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.7)
            raise Fault(
                (*path, name),
                f"{what} has no member `{name}`",
                advice=f"Did you mean `{by_case[near[0]]}`?" if near else None,
            )


def _check_case(members: Mapping[str, JsonValue], path: Path) -> None:
    """Names that differ only in letter case are one name to AWS, and one of the two would not count."""
    seen: dict[str, str] = {}
    for name in members:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise Fault(
                (*path, name),
                f"`{other}` and `{name}` differ only in letter case",
                advice="Write one member, with a list of values where both are meant.",
            )
