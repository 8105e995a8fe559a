"""A template, read: its sections, and what CloudFormation says of one that is not right.

AWS CloudFormation User Guide, "Template anatomy". Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import JsonMalformed, PolicyMalformed, TemplateMalformed
from daypass.trust.sources import json_file, yaml_file
from daypass.trust.sources.intrinsics import attribute_of, intrinsic, substituted, substitution_of
from daypass.trust.sources.json_file import entries, members, text_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.tokens.strict_json import JsonValue

_MOST_BYTES: Final = 51_200
_SECTIONS: Final = frozenset(
    {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"}
    | {"Transform", "Hooks", "Resources", "Outputs"}
)
PSEUDO_PARAMETERS: Final = frozenset(
    {"AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId"}
    | {"AWS::StackName", "AWS::URLSuffix"}
)
_NAMED: Final = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
_NEEDS_CAPABILITY: Final = frozenset(
    {*_NAMED, "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserToGroupAddition"}
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of `Resources`; `properties` with its intrinsic functions as they are written."""

    logical_id: str
    type: str
    properties: Mapping[str, JsonValue]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: JsonValue = None


@dataclass(frozen=True, slots=True)
class Template:
    """A template whose references lead somewhere. Sections hold their values as they are written."""

    text: str
    document: Mapping[str, JsonValue]
    resources: Mapping[str, Resource]

    def section(self, name: str) -> dict[str, JsonValue]:
        """A section by its name; empty without one."""
        return members(self.document.get(name))

    @property
    def description(self) -> str | None:
        """What the template says of itself."""
        return text_of(self.document.get("Description"))

    def capabilities(self) -> list[str]:
        """The capabilities that must be acknowledged ("Acknowledging IAM resources in CloudFormation templates")."""
        needing = [each for each in self.resources.values() if each.type in _NEEDS_CAPABILITY]
        if any(_NAMED.get(each.type) in each.properties for each in needing):
            return ["CAPABILITY_NAMED_IAM"]
        return ["CAPABILITY_IAM"] if needing else []

    def dependencies(self, logical_id: str) -> set[str]:
        """The resources that must be there before this one."""
        resource = self.resources[logical_id]
        named = (name for name, _ in references(dict(resource.properties)))
        return ({*named, *resource.depends_on} & self.resources.keys()) - {logical_id}


def parse(text: str) -> Template:
    """Read a template, JSON or YAML.

    Raises:
        TemplateMalformed: with CloudFormation's text.
    """
    if len(text.encode()) > _MOST_BYTES:
        raise TemplateMalformed(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length"
            f" less than or equal to {_MOST_BYTES}"
        )
    document = _document(text)
    if unknown := sorted(document.keys() - _SECTIONS):
        raise TemplateMalformed(f"Invalid template property or properties [{', '.join(unknown)}]")
    if "Transform" in document:
        raise TemplateMalformed("The local AWS runs no transforms: give it the template that the transform makes")
    if not members(document.get("Resources")):
        raise TemplateMalformed("Template format error: At least one Resources member must be defined.")
    resources = {name: _resource(name, value) for name, value in members(document["Resources"]).items()}
    template = Template(text, document, resources)
    _check_references(template)
    return template


def references(value: JsonValue) -> Iterator[tuple[str, str | None]]:
    """What a value refers to: a name, and the attribute when it is one that is asked for."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    function = intrinsic(value)
    if function is not None:
        yield from _referred(*function)
    elif isinstance(value, dict):
        for each in value.values():
            yield from references(each)


def _referred(name: str, argument: JsonValue) -> Iterator[tuple[str, str | None]]:
    if name == "Ref":
        yield str(argument), None
    elif name == "Fn::GetAtt":
        parts = attribute_of(argument)
        if parts is None:
            raise TemplateMalformed(
                "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the"
                " resource attribute"
            )
        yield parts
    elif name == "Fn::Sub":
        yield from _named_in_text(argument)
    else:
        yield from references(argument)


def _named_in_text(argument: JsonValue) -> Iterator[tuple[str, str | None]]:
    parts = substitution_of(argument)
    if parts is None:
        raise TemplateMalformed(
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string"
            " as first argument, and an optional second argument to specify a mapping of values to replace in the"
            " string"
        )
    found: list[str] = []

    def collect(name: str) -> str:
        found.append(name)
        return ""

    substituted(parts[0], collect)
    for name in found:
        if name not in parts[1]:
            logical_id, dot, attribute = name.partition(".")
            yield (logical_id, attribute) if dot else (name, None)
    yield from references(dict(parts[1]))


def _document(text: str) -> dict[str, JsonValue]:
    try:
        document = json_file.read(text) if text.lstrip().startswith("{") else yaml_file.value(yaml_file.compose(text))
    except JsonMalformed as fault:
        raise TemplateMalformed(f"Template format error: JSON not well-formed.{_place(fault.facts)}") from None
    except PolicyMalformed as fault:
        raise TemplateMalformed(f"Template format error: YAML not well-formed.{_place(fault.facts)}") from None
    if not isinstance(document, dict):
        raise TemplateMalformed("Template format error: unsupported structure.")
    return document


def _place(facts: Mapping[str, object]) -> str:
    return f" (line {facts['line']}, column {facts['column']})" if "line" in facts else ""


def _resource(name: str, value: JsonValue) -> Resource:
    if not re.fullmatch("[A-Za-z0-9]+", name):
        raise TemplateMalformed(f"Template format error: Resource name {name} is non alphanumeric.")
    given = members(value)
    kind = text_of(given.get("Type"))
    if kind is None:
        raise TemplateMalformed(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    deletion = text_of(given.get("DeletionPolicy")) or "Delete"
    replacement = text_of(given.get("UpdateReplacePolicy")) or "Delete"
    for policy in (deletion, replacement):
        if policy not in {"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}:
            raise TemplateMalformed(f"Template format error: Unrecognized DeletionPolicy {policy} for resource {name}")
    return Resource(
        logical_id=name,
        type=kind,
        properties=members(given.get("Properties")),
        depends_on=texts(given.get("DependsOn")),
        condition=text_of(given.get("Condition")),
        deletion_policy=deletion,
        update_replace_policy=replacement,
        metadata=given.get("Metadata"),
    )


def _check_references(template: Template) -> None:
    conditions = template.section("Conditions")
    for resource in template.resources.values():
        if resource.condition is not None and resource.condition not in conditions:
            raise TemplateMalformed(
                f"Template format error: Unresolved condition dependency {resource.condition} in the Resources block of"
                " the template"
            )
    for block, values in (
        ("Resources", [dict(each.properties) for each in template.resources.values()]),
        ("Outputs", list(template.section("Outputs").values())),
    ):
        known = PSEUDO_PARAMETERS | template.section("Parameters").keys() | template.resources.keys()
        missing = set()
        for name, attribute in references(values):  # type: ignore[arg-type]  # lists of JSON values are JSON values
            if attribute is not None and name not in template.resources:
                raise TemplateMalformed(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
            if name not in known:
                missing.add(name)
        if block == "Resources":
            depended = {name for each in template.resources.values() for name in each.depends_on}
            missing |= depended - template.resources.keys()
        if missing:
            raise TemplateMalformed(
                f"Template format error: Unresolved resource dependencies [{', '.join(sorted(missing))}] in the {block}"
                " block of the template"
            )


def order(template: Template, wanted: set[str]) -> list[str]:
    """Logical ids of `wanted` in an order in which each comes after what it depends on; else as in the template.

    Raises:
        TemplateMalformed: when they depend on each other in a circle.
    """
    waiting = {name: template.dependencies(name) & wanted for name in template.resources if name in wanted}
    ordered: list[str] = []
    while waiting:
        ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
        if not ready:
            raise TemplateMalformed(f"Circular dependency between resources: [{', '.join(sorted(waiting))}]")
        ordered.append(ready[0])
        del waiting[ready[0]]
    return ordered


def export_names(template: Template) -> Iterator[JsonValue]:
    """The values of `Fn::ImportValue` in resources and outputs, unresolved."""
    yield from _imports([dict(each.properties) for each in template.resources.values()])
    yield from _imports(template.section("Outputs"))


def _imports(value: JsonValue) -> Iterator[JsonValue]:
    function = intrinsic(value)
    if function is not None and function[0] == "Fn::ImportValue":
        yield function[1]
        return
    for each in value.values() if isinstance(value, dict) else entries(value) if isinstance(value, list) else ():
        yield from _imports(each)
