"""The claim `https://aws.amazon.com/roles`: the roles a token may be used for, whatever trusts it otherwise.

AWS reads it before the trust policy. Forms and texts were observed in September 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import ArnInvalid
from daypass.names import RoleArn
from daypass.sts import answers
from daypass.sts.refusal import Refusal, refuse
from daypass.trust.session import ROLES_CLAIM, has_roles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.strict_json import JsonValue


def check_roles_claim(claims: Mapping[str, JsonValue], role: RoleArn) -> Refusal | None:
    """Refuse a token that lists roles, and not this one. Names are compared whole: there are no wildcards."""
    if not has_roles(claims):
        return None
    value = claims[ROLES_CLAIM]
    if not isinstance(value, str | list):
        return refuse(answers.ROLES_MALFORMED, "the roles claim is neither text nor an array")
    entries = value.split(";") if isinstance(value, str) else value
    listed = {entry.strip() for entry in entries if isinstance(entry, str) and _is_role(entry.strip())}
    if not listed:
        return refuse(answers.ROLES_NONE_VALID, "the roles claim holds no role ARN")
    if str(role) not in listed:
        return refuse(answers.ROLE_NOT_LISTED, f"the token is for {', '.join(sorted(listed))}, not for {role}")
    return None


def _is_role(text: str) -> bool:
    try:
        RoleArn.parse(text)
    except ArnInvalid:
        return False
    return "*" not in text and "?" not in text
