"""CloudFormation: everything that names a stack is about its ARN (Service Authorization Reference, CloudFormation)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.localaws.needs.model import TAG_KEYS, Keys, Need

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
    resource = "*" if action in _NO_RESOURCE else _resource(given, account, region, stacks)
    keys: Keys = {key: (given[name],) for name, key in _KEYS.items() if name in given}
    tags = {name.split(".")[2]: value for name, value in given.items() if _is_tag_key(name)}
    keys |= {f"aws:RequestTag/{key}": (given.get(f"Tags.member.{index}.Value", ""),) for index, key in tags.items()}
    if tags:
        keys["aws:TagKeys"] = tuple(tags.values())
    stack = stacks.find(account, region, resource)
    if stack is not None:
        keys |= {f"aws:ResourceTag/{key}": (value,) for key, value in stack.tags}
    return (Need(f"cloudformation:{action}", resource, resource, keys, TAG_KEYS),)


def _resource(given: Mapping[str, str], account: str, region: str, stacks: CloudFormationState) -> str:
    """The ARN of the stack; of one that is not there, with `*` for its id, as CloudFormation names it in refusals."""
    change_set = stacks.change_sets.get(given.get("ChangeSetName", ""))
    name = given.get("StackName") or (change_set.stack_id if change_set else "")
    if not name:
        return "*"
    stack = stacks.find(account, region, name)
    if stack is not None:
        return stack.stack_id
    return name if name.startswith("arn:") else f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"


def _is_tag_key(name: str) -> bool:
    return name.startswith("Tags.member.") and name.endswith(".Key")
