"""Whether two policies mean the same by their form alone: order of lists, and a text for a list of one. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from daypass.errors import DaypassError
from daypass.trust.diff import Verdict, diff
from daypass.trust.document import Policy
from daypass.trust.token_claims import LOGIN

if TYPE_CHECKING:
    from collections.abc import Sequence


def same_form(one: str, other: str) -> bool:
    """Whether two JSON texts differ in nothing but that."""
    try:
        return bool(normal(json.loads(one)) == normal(json.loads(other)))
    except ValueError:
        return False


def normal(value: Any) -> Any:
    """One form for documents that mean the same."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        found = sorted((normal(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
        unique = [each for index, each in enumerate(found) if index == 0 or each != found[index - 1]]
        return unique[0] if len(unique) == 1 else unique
    return value


def allows_no_more(old: str, new: str) -> bool:
    """Whether a permissions policy is an old one from which statements that allow were taken; no more is proved."""
    one, other = json.loads(old), json.loads(new)
    if not isinstance(one, dict) or not isinstance(other, dict) or one.get("Version") != other.get("Version"):
        return False
    before, after = _statements(one), _statements(other)
    gone = [each for each in before if each not in after]
    return all(each in before for each in after) and all(
        isinstance(each, dict) and each.get("Effect") == "Allow" for each in gone
    )


def admits_audience(trust: str, provider: str, audiences: Sequence[str]) -> bool:
    """Whether a trust policy admits a provider's tokens for any of these audiences; when it is not decided, it does.

    It does not when a statement that denies them would change nothing.
    """
    try:
        document = json.loads(trust)
        statements = document["Statement"]
        denied = {
            "Effect": "Deny",
            "Principal": {"Federated": provider},
            "Action": LOGIN,
            "Condition": {"StringEquals": {f"{provider.partition(':oidc-provider/')[2]}:aud": [*audiences]}},
        }
        without = {**document, "Statement": [*(statements if isinstance(statements, list) else [statements]), denied]}
        difference = diff(Policy.parse(json.dumps(without)), Policy.parse(trust))
    except (DaypassError, ValueError, KeyError, TypeError):
        return True
    return difference.verdict is not Verdict.EQUIVALENT


def _statements(document: dict[str, Any]) -> list[Any]:
    statements = document.get("Statement", [])
    return [normal(each) for each in (statements if isinstance(statements, list) else [statements])]
