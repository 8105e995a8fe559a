"""What has to be done so that a stack becomes what its template says. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daypass.localaws.cloudformation.parameters import as_text, resolved_values
from daypass.localaws.cloudformation.resolve import AFTER_APPLY, Made, Values
from daypass.localaws.cloudformation.state import Change
from daypass.trust.sources.json_file import entries, members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.cloudformation.kinds import Kind
    from daypass.localaws.cloudformation.state import Stack
    from daypass.localaws.cloudformation.template import Template
    from daypass.tokens.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stack is to become: a template, and what was given with it.

    `parameters` are texts, `stored` what Systems Manager keeps for those that ask it, `imported` identifiers of
    resources that are there already, by logical id.
    """

    template: Template
    parameters: Mapping[str, str]
    stored: Mapping[str, str]
    tags: tuple[tuple[str, str], ...] = ()
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    imported: Mapping[str, str] = field(default_factory=dict)

    def values(
        self, stack: Stack, exports: Mapping[str, str], made: Mapping[str, Made], unmade: str | None = None
    ) -> Values:
        """The template's values for a stack, beside the resources that are `made`."""
        pseudo: dict[str, JsonValue] = {
            "AWS::AccountId": stack.account,
            "AWS::NotificationARNs": list(self.notification_arns),
            "AWS::Partition": "aws",
            "AWS::Region": stack.region,
            "AWS::StackId": stack.stack_id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        given = resolved_values(self.template, self.parameters, self.stored)
        return Values(self.template, parameters=given, pseudo=pseudo, exports=exports, made=made, unmade=unmade)

    def properties(self, values: Values, kind: Kind, logical_id: str) -> dict[str, JsonValue]:
        """The properties of a resource, with the tags of the stack where it takes them; its own win."""
        properties = values.properties(logical_id)
        if not kind.tagged or not self.tags:
            return properties
        own = {as_text(members(tag).get("Key")) for tag in entries(properties.get("Tags"))}
        of_stack: list[JsonValue] = [{"Key": key, "Value": value} for key, value in self.tags if key not in own]
        return {**properties, "Tags": [*entries(properties.get("Tags")), *of_stack]}


def made_of(stack: Stack) -> dict[str, Made]:
    """The resources of a stack as others see them."""
    return {each.logical_id: Made(each.physical_id, each.attributes) for each in stack.resources}


def difference(kind: Kind, old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> tuple[tuple[str, bool], ...]:
    """The properties that differ, each with whether that makes a new resource necessary."""
    names = sorted(old.keys() | new.keys())
    return tuple((name, name in kind.create_only) for name in names if not same(old.get(name), new.get(name)))


def same(one: JsonValue, other: JsonValue) -> bool:
    """Whether two values are the same to CloudFormation, which takes `3600` and `"3600"` for one."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, list | dict) or isinstance(other, list | dict) or one is None or other is None:
        return one == other
    return as_text(one) == as_text(other)


def changes(stack: Stack, wanted: Wanted, kinds: Mapping[str, Kind], exports: Mapping[str, str]) -> tuple[Change, ...]:
    """What making the stack so would do to its resources, in the order of doing it.

    Raises:
        TemplateMalformed: with CloudFormation's text.
    """
    made, old = made_of(stack), {each.logical_id: each for each in stack.resources}
    values = wanted.values(stack, exports, made, AFTER_APPLY)
    found: list[Change] = []
    names = values.wanted()
    for name in names:
        resource = wanted.template.resources[name]
        before, kind = old.get(name), kinds[resource.type]
        if before is None:
            found.append(Change("Import" if name in wanted.imported else "Add", name, resource.type))
            continue
        new_type = before.type != resource.type
        changed = () if new_type else difference(kind, before.properties, wanted.properties(values, kind, name))
        replaced = new_type or any(recreated for _, recreated in changed)
        other_metadata = before.metadata != resource.metadata
        if changed or replaced or other_metadata:
            scope = (*(("Properties",) if changed else ()), *(("Metadata",) if other_metadata else ()))
            found.append(Change("Modify", name, resource.type, before.physical_id, replaced, changed, scope))
        if replaced:
            del made[name]
    removed = [each for each in reversed(stack.resources) if each.logical_id not in names]
    return (*found, *(Change("Remove", each.logical_id, each.type, each.physical_id) for each in removed))


def changes_nothing(stack: Stack, wanted: Wanted, found: tuple[Change, ...], exports: Mapping[str, str]) -> bool:
    """Whether neither resources nor outputs nor tags would be other than they are."""
    outputs = wanted.values(stack, exports, made_of(stack), AFTER_APPLY).outputs() if not found else []
    now = [(each.key, each.value, each.description, each.export) for each in stack.outputs]
    return not found and outputs == now and dict(wanted.tags) == dict(stack.tags)
