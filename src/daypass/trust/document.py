"""A trust policy: parsed once, compiled, and then only read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self, TypeVar

from daypass.errors import JsonMalformed, PolicyMalformed, PolicyUnsupported
from daypass.tokens import strict_json
from daypass.trust import aws_texts, mend
from daypass.trust.locate import locate, position
from daypass.trust.reading import Fault, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.statement import Statement

_Read = TypeVar("_Read")

MAX_DOCUMENT_CHARACTERS: Final = 131_072
"""The longest document that the IAM API takes."""

_MAX_MEMBERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Policy:
    """A trust policy that can be evaluated. `text` is the document as it was written."""

    version: str
    id: str | None
    statements: tuple[Statement, ...]
    text: str = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Parse a trust policy (IAM User Guide, "Grammar of the IAM JSON policy language").

        What IAM asks of a role's trust policy beyond the grammar is `role_trust.check_role_trust`.

        Raises:
            PolicyMalformed: AWS would not take it. Facts: `line` and `column` (from 1), `aws_message` (AWS's own
                text, None where it is not known) and, when it is not JSON, `excerpt`: the lines around the fault.
            PolicyUnsupported: AWS would take it and it cannot be evaluated here. Facts: `line`, `column`.
        """
        text, (version, policy_id, statements) = read_text(text, read)
        return cls(version=version, id=policy_id, statements=statements, text=text)


def read_text(text: str | bytes, reader: Callable[[JsonValue], _Read]) -> tuple[str, _Read]:
    """The text of a policy of any kind, and what `reader` makes of its JSON; `reader` raises `reading.Fault`.

    Raises:
        PolicyMalformed: as `Policy.parse`.
        PolicyUnsupported: as `Policy.parse`.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            raise PolicyMalformed("the policy is not UTF-8", aws_message=aws_texts.INVALID_JSON) from None
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise PolicyMalformed(f"the policy is longer than {MAX_DOCUMENT_CHARACTERS} characters", aws_message=None)
    try:
        value = strict_json.parse(text, max_bytes=4 * MAX_DOCUMENT_CHARACTERS, max_members=_MAX_MEMBERS)
    except JsonMalformed as fault:
        raise _not_json(text, fault) from None
    try:
        return text, reader(value)
    except Fault as fault:
        raise malformed(text, fault) from None


def malformed(text: str, fault: Fault) -> PolicyMalformed | PolicyUnsupported:
    """The public error of a fault, with its place in the text."""
    line, column = position(text, locate(text, fault.path))
    message = f"{fault.message}, line {line} column {column}"
    if fault.known:
        return PolicyUnsupported(message, advice=fault.advice, line=line, column=column)
    return PolicyMalformed(message, advice=fault.advice, line=line, column=column, aws_message=fault.aws)


def _not_json(text: str, fault: JsonMalformed) -> PolicyMalformed:
    offset, reason = int(str(fault.facts["offset"])), str(fault.facts["reason"])
    found = mend.find(text, offset)
    offset, reason = (offset, reason) if found is None else (found.offset, found.missing)
    line, column = position(text, offset)
    shown = mend.excerpt(text, offset)
    return PolicyMalformed(
        f"the policy is not JSON: {reason}, line {line} column {column}",
        advice=f"{found.advice if found else 'Look here:'}\n{shown}",
        line=line,
        column=column,
        excerpt=shown,
        aws_message=aws_texts.INVALID_JSON,
    )
