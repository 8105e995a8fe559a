"""The policies that rules' pages show: a sound one, and ways to change it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from daypass.trust.lint.model import Example, Known

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonObject, JsonValue

ACCOUNT: Final = "210987654321"
PROVIDER: Final = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
GITHUB: Final = "token.actions.githubusercontent.com"
GITLAB: Final = "gitlab.com"
OWN: Final = "idp.tidewater.example"
MAIN: Final = "repo:tidewater/invoices:ref:refs/heads/main"
PIPELINE: Final = "project_path:tidewater/invoices:ref_type:branch:ref:main"
ONA_UUID: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a1"


def statement(
    *,
    issuer: str = GITHUB,
    sub: JsonValue = MAIN,
    operator: str = "StringEquals",
    aud: str | None = "sts.amazonaws.com",
    more: JsonObject | None = None,
    **members: JsonValue,
) -> JsonObject:
    """One statement: `sub` under `operator`, None for no condition on it; `more` are further operator blocks."""
    condition: dict[str, JsonObject] = {}
    if aud is not None:
        condition.setdefault("StringEquals", {})[f"{issuer}:aud"] = aud
    if sub is not None:
        condition.setdefault(operator, {})[f"{issuer}:sub"] = sub
    for name, keys in (more or {}).items():
        if isinstance(keys, dict):
            condition.setdefault(name, {}).update(keys)
    result: JsonObject = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER + issuer},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    if condition:
        result["Condition"] = dict(condition)
    return result | members


def policy(*statements: JsonValue, known: Known | None = None, **members: JsonValue) -> Example:
    """A policy of these statements."""
    document: JsonObject = {"Version": "2012-10-17", "Statement": list(statements)}
    document = {name: value for name, value in (document | members).items() if value is not None}
    return Example(json.dumps(document, indent=2), known or Known())


def text(written: str) -> Example:
    """A policy as it is written, when it is not JSON."""
    return Example(written)


SOUND: Final = policy(statement())
"""One branch of one repository, with its audience."""
