"""What IAM answers: `aws iam get-role`, `list-roles`, `get-account-authorization-details`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import ArnInvalid
from daypass.names import RoleArn
from daypass.trust.sources.found import RoleFacts, Where
from daypass.trust.sources.json_file import below, embedded, entries, members, number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import FoundPolicy, Path

_MEMBER = "AssumeRolePolicyDocument"


def is_answer(document: dict[str, JsonValue]) -> bool:
    """Whether a JSON file is one of these answers, or a single role out of one."""
    return _MEMBER in document or bool(list(_roles(document)))


def policies(name: str, text: str, document: dict[str, JsonValue]) -> Iterator[FoundPolicy]:
    """The trust policy of each role in the answer."""
    for path, role in _roles(document):
        role_name = text_of(role.get("RoleName")) or ""
        facts = RoleFacts(
            name=role_name or None,
            account=_account(role),
            max_session_duration=number_of(role.get("MaxSessionDuration")),
        )
        yield embedded(role[_MEMBER], Where(name, role_name), below(text, (*path, _MEMBER)), role=facts)


def _roles(document: dict[str, JsonValue]) -> Iterator[tuple[Path, dict[str, JsonValue]]]:
    if _MEMBER in document:
        yield (), document
    for member in ("Role", "Roles", "RoleDetailList"):
        value = document.get(member)
        for index, role in enumerate(entries(value)):
            if _MEMBER in members(role):
                yield (member, index) if isinstance(value, list) else (member,), members(role)


def _account(role: dict[str, JsonValue]) -> str | None:
    try:
        return RoleArn.parse(text_of(role.get("Arn")) or "").account
    except ArnInvalid:
        return None
