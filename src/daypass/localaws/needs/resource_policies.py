"""Policies of resources: what a request would store of them.

They are not evaluated. In the account that owns the resource an Allow in one only adds to what roles have, so leaving
it out says no too often, never yes. A Deny is another matter, and so is the policy of a key, which alone lets the
account's own policies count: such a request is refused rather than stored and forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.errors import JsonMalformed
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.localaws.needs.model import Body

_WITH_RESOURCES: Final = frozenset({"secretsmanager", "ssm", "kms", "dynamodb", "dynamodbstreams", "sqs", "s3"})
# Operations that store a policy, and the member with its text.
_STORED: Final = {
    ("secretsmanager", "PutResourcePolicy"): "ResourcePolicy",
    ("kms", "PutKeyPolicy"): "Policy",
    ("kms", "CreateKey"): "Policy",
    ("kms", "ReplicateKey"): "Policy",
    ("dynamodb", "PutResourcePolicy"): "Policy",
    ("dynamodb", "CreateTable"): "ResourcePolicy",
    ("ssm", "PutResourcePolicy"): "Policy",
}


def stored(service: str, operation: str, body: Body) -> str | None:
    """The text of the policy that a request would store, None when it stores none."""
    if service not in _WITH_RESOURCES:
        # Wherever another service takes a policy, it is a text with statements.
        return next((one for one in _texts(body) if one.lstrip().startswith("{") and '"Statement"' in one), None)
    if service == "sqs":
        attributes = body.get("Attributes")
        text = attributes.get("Policy") if isinstance(attributes, dict) else None
    else:
        member = _STORED.get((service, operation))
        text = None if member is None else body.get(member)
    return text if isinstance(text, str) and text else None


def _texts(value: object) -> Iterator[str]:
    """Every text in the members of a request."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def not_to_be_ignored(service: str, text: str, account: str) -> str | None:
    """Why a policy may not be stored without being evaluated, or None."""
    try:
        document = strict_json.parse(text.encode(), max_bytes=64 * 1024, max_members=10_000, duplicates="last")
    except JsonMalformed:
        return None  # the service behind says what it thinks of it
    listed = document.get("Statement") if isinstance(document, dict) else None
    statements = [one for one in (listed if isinstance(listed, list) else [listed]) if isinstance(one, dict)]
    if any(one.get("Effect") != "Allow" for one in statements):
        return "a Deny in the policy of a resource"
    if service == "kms" and not any(_delegates(one, account) for one in statements):
        return "a key policy that does not leave access to the account's own policies"
    return None


def _delegates(statement: dict[str, Any], account: str) -> bool:
    """Whether the statement lets the account's policies decide (KMS Developer Guide, "Default key policy")."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else None
    principals = named if isinstance(named, list) else [named]
    actions = statement.get("Action")
    return (
        any(one in {f"arn:aws:iam::{account}:root", account} for one in principals)
        and "kms:*" in (actions if isinstance(actions, list) else [actions])
        and "Condition" not in statement
    )
