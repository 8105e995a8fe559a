"""Change sets: what an update would do, and doing it. The AWS CLI's `deploy` and CDK work through them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.cloudformation.call import KINDS, asked, name_fault, refused
from daypass.localaws.cloudformation.parameters import HIDDEN, hidden
from daypass.localaws.cloudformation.plan import Wanted, changes, changes_nothing
from daypass.localaws.cloudformation.stacks import check, new_stack, not_updatable, paged
from daypass.localaws.cloudformation.state import ChangeSet, StackEvent
from daypass.localaws.cloudformation.template import parse
from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from daypass.localaws.cloudformation.call import Call
    from daypass.localaws.cloudformation.state import Change, Stack

_NO_CHANGES: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
_REVIEW: Final = "REVIEW_IN_PROGRESS"


async def create_change_set(call: Call) -> dict[str, Any] | AwsError:
    """CreateChangeSet. It is whole when the answer comes."""
    stack_name, name = call.given["StackName"], call.given["ChangeSetName"]
    kind = call.given.get("ChangeSetType", "UPDATE")
    if fault := name_fault("changeSetName", name):
        return fault
    stack = call.find(stack_name)
    if stack is not None and stack.status == "DELETE_COMPLETE":
        stack = None
    new = stack is None or stack.status == _REVIEW
    if fault := _wrong_kind(kind, stack, stack_name, new=new):
        return fault
    if stack is not None and _find(call, name, stack.stack_id) is not None:
        return AwsError("AlreadyExistsException", 400, f"ChangeSet {name} already exists")
    wanted = await asked(call, None if new else stack)
    if isinstance(wanted, AwsError):
        return wanted
    if stack is None:
        stack = new_stack(call, stack_name, _REVIEW, "")
    exports = call.exports(stack.stack_id)
    check(call, stack, wanted)
    found = changes(stack, wanted, KINDS, exports)
    if kind == "IMPORT" and (fault := _import_fault(wanted, found)):
        return fault
    empty = changes_nothing(stack, wanted, found, exports) and not new
    made = ChangeSet(
        change_set_id=call.arn("changeSet", name),
        name=name,
        stack_id=stack.stack_id,
        kind=kind,
        status="FAILED" if empty else "CREATE_COMPLETE",
        execution_status="UNAVAILABLE" if empty else "AVAILABLE",
        created_at=call.clock(),
        role_arn=call.given.get("RoleARN"),
        template=wanted.template.text,
        parameters=wanted.parameters,
        stored=wanted.stored,
        tags=wanted.tags,
        capabilities=wanted.capabilities,
        notification_arns=wanted.notification_arns,
        changes=found,
        imported=wanted.imported,
        description=call.given.get("Description"),
        reason=_NO_CHANGES if empty else "",
        on_failure=call.given.get("OnStackFailure"),
    )
    if stack.stack_id not in call.state.stacks:
        begun = StackEvent(
            event_id=made.change_set_id.rpartition("/")[2],
            logical_id=stack.name,
            physical_id=stack.stack_id,
            type="AWS::CloudFormation::Stack",
            at=stack.created_at,
            status=_REVIEW,
            reason="User Initiated",
        )
        call.state.stacks[stack.stack_id] = replace(stack, events=(begun,))
    call.state.change_sets[made.change_set_id] = made
    return {"Id": made.change_set_id, "StackId": stack.stack_id}


async def describe_change_set(call: Call) -> dict[str, Any] | AwsError:
    """DescribeChangeSet."""
    found = _named(call)
    if isinstance(found, AwsError):
        return found
    template = parse(found.template)
    page = paged("Changes", [_shown(each) for each in found.changes], call)
    return {
        **_summary(call, found),
        "NotificationARNs": list(found.notification_arns),
        "Parameters": [
            {
                "ParameterKey": key,
                "ParameterValue": HIDDEN if hidden(template, key) else value,
                **({"ResolvedValue": found.stored[key]} if key in found.stored else {}),
            }
            for key, value in found.parameters.items()
        ],
        "Capabilities": list(found.capabilities),
        "Tags": [{"Key": key, "Value": value} for key, value in found.tags],
        "OnStackFailure": found.on_failure,
        **page,
    }


async def execute_change_set(call: Call) -> dict[str, Any] | AwsError:
    """ExecuteChangeSet. The stack is what it was to become, or taken back, when the answer comes."""
    found = _named(call)
    if isinstance(found, AwsError):
        return found
    if found.execution_status != "AVAILABLE":
        return AwsError(
            "InvalidChangeSetStatus",
            400,
            f"ChangeSet [{found.change_set_id}] cannot be executed in its current execution status of"
            f" [{found.execution_status}]",
        )
    stack = call.state.stacks[found.stack_id]
    new = stack.status == _REVIEW
    if not new and (fault := not_updatable(stack)):
        return fault
    wanted = Wanted(
        template=parse(found.template),
        parameters=found.parameters,
        stored=found.stored,
        tags=found.tags,
        capabilities=found.capabilities,
        notification_arns=found.notification_arns,
        imported=found.imported,
    )
    # With one of them carried out, the others tell of a stack that is not there any more.
    for other in [each for each in call.state.change_sets.values() if each.stack_id == stack.stack_id]:
        del call.state.change_sets[other.change_set_id]
    disabled = bool(call.given.get("DisableRollback")) or found.on_failure == "DO_NOTHING"
    call.state.stacks[stack.stack_id] = replace(
        stack,
        change_set_id=found.change_set_id,
        disable_rollback=disabled,
        role_arn=found.role_arn or stack.role_arn,
        template=found.template if new else stack.template,
    )
    deployment = call.deployment(stack.stack_id)
    if new:
        await deployment.create(wanted, "DO_NOTHING" if disabled else found.on_failure or "ROLLBACK")
    else:
        await deployment.update(wanted)
    return {}


async def delete_change_set(call: Call) -> dict[str, Any] | AwsError:
    """DeleteChangeSet: one that is not there is no fault. A stack in review stays."""
    found = _named(call)
    if isinstance(found, ChangeSet):
        del call.state.change_sets[found.change_set_id]
        return {}
    return {} if found.code == "ChangeSetNotFound" else found


async def list_change_sets(call: Call) -> dict[str, Any] | AwsError:
    """ListChangeSets of a stack."""
    name = call.given["StackName"]
    stack = call.find(name)
    if stack is None:
        return refused(f"Stack [{name}] does not exist")
    found = [each for each in call.state.change_sets.values() if each.stack_id == stack.stack_id]
    return paged("Summaries", [_summary(call, each) for each in found], call)


def _wrong_kind(kind: str, stack: Stack | None, name: str, *, new: bool) -> AwsError | None:
    if kind == "UPDATE":
        if stack is None:
            return refused(f"Stack [{name}] does not exist")
        if stack.status == _REVIEW:
            return refused(f"Stack:{stack.stack_id} is in {_REVIEW} state and can not be updated.")
    if kind == "CREATE" and not new:
        return refused(f"Stack [{name}] already exists and cannot be created again with the changeSet [CREATE].")
    if stack is None:
        return name_fault("stackName", name)
    return None if new else not_updatable(stack)


def _import_fault(wanted: Wanted, found: tuple[Change, ...]) -> AwsError | None:
    if not wanted.imported:
        return refused("Resources to import must be specified for a change set of type IMPORT")
    if strange := sorted(wanted.imported.keys() - wanted.template.resources.keys()):
        return refused(f"Resources [{', '.join(strange)}] is missing from the template")
    unkept = [name for name in wanted.imported if wanted.template.resources[name].deletion_policy == "Delete"]
    written = re.compile(r"DeletionPolicy")
    if unkept and not written.search(wanted.template.text):
        return refused(
            f"Following resources to import [{', '.join(unkept)}] must have DeletionPolicy attribute specified in the"
            " template."
        )
    for name in wanted.imported:
        kind = KINDS[wanted.template.resources[name].type]
        if kind.identifier is None:
            return refused(f"ResourceTypes [{kind.type}] are not supported for Import")
    if others := [each.logical_id for each in found if each.action != "Import"]:
        return refused(f"As part of the import operation, you cannot modify or add [{', '.join(others)}]")
    return None


def _find(call: Call, name: str, stack_id: str) -> ChangeSet | None:
    return next(
        (each for each in call.state.change_sets.values() if each.stack_id == stack_id and each.name == name), None
    )


def _named(call: Call) -> ChangeSet | AwsError:
    name = call.given["ChangeSetName"]
    missing = AwsError("ChangeSetNotFound", 404, f"ChangeSet [{name}] does not exist")
    if name.startswith("arn:"):
        found = call.state.change_sets.get(name)
        mine = found is not None and call.find(found.stack_id) is not None
        return found if found is not None and mine else missing
    if "StackName" not in call.given:
        return refused("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = call.find(call.given["StackName"])
    if stack is None:
        return refused(f"Stack [{call.given['StackName']}] does not exist")
    return _find(call, name, stack.stack_id) or missing


def _summary(call: Call, found: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.change_set_id,
        "StackId": found.stack_id,
        "StackName": call.state.stacks[found.stack_id].name,
        "Description": found.description,
        "CreationTime": found.created_at,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "StatusReason": found.reason or None,
        "IncludeNestedStacks": False,
    }


def _shown(change: Change) -> dict[str, Any]:
    modified = change.action == "Modify"
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": change.action,
            "LogicalResourceId": change.logical_id,
            "PhysicalResourceId": change.physical_id or None,
            "ResourceType": change.type,
            "Replacement": ("True" if change.replaced else "False") if modified else None,
            "Scope": list(change.scope),
            "Details": [
                {
                    "Target": {
                        "Attribute": "Properties",
                        "Name": name,
                        "RequiresRecreation": "Always" if recreated else "Never",
                    },
                    "Evaluation": "Static",
                    "ChangeSource": "DirectModification",
                }
                for name, recreated in change.changed
            ],
        },
    }
