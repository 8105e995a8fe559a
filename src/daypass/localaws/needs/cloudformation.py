"""CloudFormation: everything that names a stack is about its ARN (Service Authorization Reference, CloudFormation)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.localaws.needs.model import TAG_KEYS, Keys, Need
from daypass.localaws.needs.query import own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.cloudformation.state import CloudFormationState

_NO_RESOURCE: Final = frozenset(
    {"ListStacks", "ListExports", "ListImports", "ValidateTemplate", "DescribeStackDriftDetectionStatus"}
)
_KEYS: Final = {
    "ChangeSetName": "cloudformation:ChangeSetName",
    "RoleARN": "cloudformation:RoleArn",
    "TemplateURL": "cloudformation:TemplateUrl",
}


def needs(
    action: str, given: Mapping[str, str], *, account: str, region: str, stacks: CloudFormationState
) -> tuple[Need, ...]:
    """The permissions for an operation; `given` are its parameters as on the wire."""
    given = own("cloudformation", action, given)
    resources = ("*",) if action in _NO_RESOURCE else _resources(given, account, region, stacks)
    keys: Keys = {key: (given[name],) for name, key in _KEYS.items() if name in given}
    tags = {name.split(".")[2]: value for name, value in given.items() if _is_tag_key(name)}
    keys |= {f"aws:RequestTag/{key}": (given.get(f"Tags.member.{index}.Value", ""),) for index, key in tags.items()}
    if tags:
        keys["aws:TagKeys"] = tuple(tags.values())
    needed = []
    for resource in resources:
        stack = stacks.find(account, region, resource)
        of_stack = {} if stack is None else {f"aws:ResourceTag/{key}": (value,) for key, value in stack.tags}
        needed.append(Need(f"cloudformation:{action}", resource, resource, {**keys, **of_stack}, TAG_KEYS))
    return tuple(needed)


def _resources(given: Mapping[str, str], account: str, region: str, stacks: CloudFormationState) -> tuple[str, ...]:
    """The ARNs of the stacks: the one that is named, and the one of the change set, which may be another.

    Of one that is not there, with `*` for its id, as CloudFormation names it in refusals.
    """
    change_set = stacks.change_sets.get(given.get("ChangeSetName", ""))
    names = (given.get("StackName"), change_set.stack_id if change_set else None)
    found: list[str] = []
    for name in filter(None, names):
        stack = stacks.find(account, region, name)
        missing = name if name.startswith("arn:") else f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"
        found.append(missing if stack is None else stack.stack_id)
    return tuple(dict.fromkeys(found)) or ("*",)


def _is_tag_key(name: str) -> bool:
    return name.startswith("Tags.member.") and name.endswith(".Key")
