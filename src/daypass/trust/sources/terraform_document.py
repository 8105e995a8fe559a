"""The `aws_iam_policy_document` data source, rendered as Terraform's AWS provider renders it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.sources.json_file import entries, members, text_of
from daypass.trust.unknown import unknown

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonObject, JsonValue

OTHER_DOCUMENTS: Final = (
    *("source_policy_documents", "override_policy_documents", "source_json", "override_json", "dynamic"),
)
"""Members that bring statements from elsewhere, so that what is rendered would not be the whole policy."""


def is_whole(block: dict[str, JsonValue]) -> bool:
    """Whether the data source says all there is in its own statements."""
    return not any(block.get(name) for name in OTHER_DOCUMENTS) and not any(
        "dynamic" in members(statement) for statement in entries(block.get("statement"))
    )


def render(block: dict[str, JsonValue]) -> JsonObject:
    """The policy document. Conditions of one operator and key are joined; `&{…}` is a policy variable."""
    document: JsonObject = {"Version": text_of(block.get("version")) or "2012-10-17"}
    if text_of(block.get("policy_id")):
        document["Id"] = block["policy_id"]
    document["Statement"] = [_statement(members(each)) for each in entries(block.get("statement"))]
    return document


def _statement(block: dict[str, JsonValue]) -> JsonObject:
    statement: JsonObject = {}
    if text_of(block.get("sid")):
        statement["Sid"] = block["sid"]
    statement["Effect"] = text_of(block.get("effect")) or "Allow"
    for name, member in (("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource")):
        if entries(block.get(name)):
            statement[member] = _values(block.get(name))
    for name, member in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if entries(block.get(name)):
            statement[member] = _principals(block.get(name))
    conditions: dict[str, JsonObject] = {}
    for each in map(members, entries(block.get("condition"))):
        under = conditions.setdefault(text_of(each.get("test")) or unknown("test"), {})
        key = text_of(each.get("variable")) or unknown("variable")
        under[key] = [*entries(under.get(key)), *entries(_values(each.get("values")))]
    if conditions:
        statement["Condition"] = {
            test: {key: _one(values) for key, values in keys.items()} for test, keys in conditions.items()
        }
    return statement


def _principals(value: JsonValue) -> JsonValue:
    named: JsonObject = {}
    for each in map(members, entries(value)):
        kind, names = text_of(each.get("type")) or unknown("type"), each.get("identifiers")
        if kind == "*":
            return "*"
        named[kind] = [*entries(named.get(kind)), *entries(_values(names))]
    return {kind: _one(names) for kind, names in named.items()}


def _values(value: JsonValue) -> JsonValue:
    return _one([each.replace("&{", "${") if isinstance(each, str) else each for each in entries(value)])


def _one(value: JsonValue) -> JsonValue:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
