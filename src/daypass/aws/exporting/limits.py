"""What a tool would not take as it is written, however it is quoted: refused, and never written. Pure.

Each is text that a tool reads a second time, after its own language has been read.
"""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.blueprint import Open
from daypass.errors import ExportImpossible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daypass.aws.exporting.blueprint import Blueprint

_MOST_EXACT: Final = 2**53 - 1
"""The highest whole number up to which a double holds each one."""


def demand_text(of: Blueprint) -> None:
    """Refuse halves of characters, which no file can hold."""
    _demand(of, lambda text: not any("\ud800" <= char <= "\udfff" for char in text), "it holds half a character")


def demand_no_dynamic_reference(of: Blueprint) -> None:
    """Refuse `{{resolve:…}}`: CloudFormation puts a parameter or a secret in its place, and nothing escapes it.

    Source: "Get values stored in other services using dynamic references", CloudFormation user guide.
    """
    _demand(of, lambda text: "{{resolve:" not in text, "CloudFormation would put something else in its place")


def demand_no_intrinsic(of: Blueprint) -> None:
    """Refuse documents with members that CloudFormation takes for functions of its own: `Ref` and `Fn::…`.

    Source: "Intrinsic function reference", CloudFormation user guide.
    """
    demand_no_dynamic_reference(of)
    for role in of.roles:
        for document in (role.trust, *(content for _, content in role.inline_policies)):
            wrong = next((key for key in _keys(document) if key == "Ref" or key.startswith("Fn::")), None)
            if wrong is not None:
                raise _impossible(wrong, "CloudFormation would take it for a function")


def demand_no_token(of: Blueprint) -> None:
    """Refuse what the CDK takes for one of its own tokens, wherever it stands (aws-cdk-lib, core/lib/private).

    In either language the CDK is JavaScript: it drops members named `__proto__`, and its numbers are doubles, the
    highest of which are tokens too (ECMA-262, sections 13.2.5.5 and 6.1.6.1).
    """
    demand_no_intrinsic(of)
    _demand(
        of, lambda text: "${Token[" not in text and "#{Token[" not in text, "the CDK would put something else there"
    )
    for role in of.roles:
        for _, document in role.inline_policies:
            if "__proto__" in _keys(document):
                raise _impossible("__proto__", "JavaScript would leave out a member of that name")
            for number in _numbers(document):
                if abs(number) > _MOST_EXACT:
                    raise _impossible(str(number), "JavaScript would write another number")


def demand_composed(of: Blueprint) -> None:
    """Refuse text that Terraform would change: it brings every string into Unicode's form NFC.

    In an ARN a `$` before `{account}` is refused too: with the reference that comes there it would be an escaped one.
    Sources: "Types and Values" and "Strings and Templates", Terraform language documentation.
    """
    for role in of.roles:
        for arn in (*role.managed_policies, *([role.boundary] if role.boundary else ())):
            for part, after in itertools.pairwise(arn.parts):
                if isinstance(after, Open) and isinstance(part, str) and part.endswith("$"):
                    raise _impossible(arn.text, "Terraform would not put the account there")
    _demand(of, lambda text: unicodedata.is_normalized("NFC", text), "Terraform would write it with other characters")


def _demand(of: Blueprint, fine: Callable[[str], bool], reason: str) -> None:
    wrong = next((text for text in _texts(of) if not fine(text)), None)
    if wrong is not None:
        raise _impossible(wrong, reason)


def _impossible(text: str, reason: str) -> ExportImpossible:
    return ExportImpossible(
        f"`{text}` cannot be exported in this format: {reason}",
        advice="Choose another format, such as aws-cli, or another text.",
        text=text,
    )


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(each)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _numbers(each)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _texts(getattr(value, each.name))
