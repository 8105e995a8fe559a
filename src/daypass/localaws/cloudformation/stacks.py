"""Stacks: the operations that make, change, remove and show them (AWS CloudFormation API Reference)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import TemplateMalformed
from daypass.localaws.cloudformation.call import KINDS, asked, missing, name_fault, refused, template_text
from daypass.localaws.cloudformation.parameters import HIDDEN, as_text, hidden
from daypass.localaws.cloudformation.plan import changes, changes_nothing
from daypass.localaws.cloudformation.state import Stack
from daypass.localaws.cloudformation.template import parse
from daypass.localaws.faults import AwsError
from daypass.trust.sources.json_file import entries, members, text_of

if TYPE_CHECKING:
    from daypass.localaws.cloudformation.call import Call
    from daypass.localaws.cloudformation.plan import Wanted
    from daypass.localaws.cloudformation.template import Template

_UPDATABLE: Final = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
    | {"CREATE_FAILED", "UPDATE_FAILED"}
)
_PAGE: Final = 100


async def create_stack(call: Call) -> dict[str, Any] | AwsError:
    """CreateStack. The stack is whole, or taken back, when the answer comes."""
    name = call.given["StackName"]
    if fault := name_fault("stackName", name):
        return fault
    if call.find(name) is not None:
        return AwsError("AlreadyExistsException", 400, f"Stack [{name}] already exists")
    if call.given.get("DisableRollback") and "OnFailure" in call.given:
        return refused("You can specify only one of OnFailure or DisableRollback")
    wanted = await asked(call, None)
    if isinstance(wanted, AwsError):
        return wanted
    stack = new_stack(call, name, "CREATE_IN_PROGRESS", wanted.template.text)
    check(call, stack, wanted)
    call.state.stacks[stack.stack_id] = stack
    on_failure = call.given.get("OnFailure", "DO_NOTHING" if stack.disable_rollback else "ROLLBACK")
    await call.deployment(stack.stack_id).create(wanted, on_failure)
    return {"StackId": stack.stack_id}


async def update_stack(call: Call) -> dict[str, Any] | AwsError:
    """UpdateStack."""
    name = call.given["StackName"]
    stack = call.find(name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return missing(name)
    if fault := not_updatable(stack):
        return fault
    wanted = await asked(call, stack)
    if isinstance(wanted, AwsError):
        return wanted
    exports = call.exports(stack.stack_id)
    check(call, stack, wanted)
    if changes_nothing(stack, wanted, changes(stack, wanted, KINDS, exports), exports):
        return refused("No updates are to be performed.")
    call.state.stacks[stack.stack_id] = replace(
        stack,
        disable_rollback=bool(call.given.get("DisableRollback")),
        role_arn=call.given.get("RoleARN", stack.role_arn),
    )
    await call.deployment(stack.stack_id).update(wanted)
    return {"StackId": stack.stack_id}


async def delete_stack(call: Call) -> dict[str, Any] | AwsError:
    """DeleteStack: one that is not there is no fault."""
    stack = call.find(call.given["StackName"])
    if stack is None or stack.status == "DELETE_COMPLETE":
        return {}
    if stack.termination_protection:
        return refused(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        return refused(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    retained = frozenset(call.given.get("RetainResources", ()))
    if retained and stack.status != "DELETE_FAILED":
        return refused(
            f"Invalid operation on stack [{stack.stack_id}]. RetainResources takes a stack that is in DELETE_FAILED."
        )
    for output in stack.outputs:
        if output.export is not None and (users := call.state.importers(call.account, call.region, output.export)):
            by = " and ".join(sorted(users))
            return refused(f"Delete canceled. Cannot delete export {output.export} as it is in use by {by}.")
    if role := call.given.get("RoleARN"):
        if fault := call.role_fault(role):
            return fault
        call.state.stacks[stack.stack_id] = replace(stack, role_arn=role)
    await call.deployment(stack.stack_id).delete(retained)
    for change_set in [each for each in call.state.change_sets.values() if each.stack_id == stack.stack_id]:
        del call.state.change_sets[change_set.change_set_id]
    return {}


async def describe_stacks(call: Call) -> dict[str, Any] | AwsError:
    """DescribeStacks: one, a deleted one by its ARN only; or all that are not deleted."""
    name = call.given.get("StackName")
    if name is None:
        stacks = call.state.living(call.account, call.region)
        return paged("Stacks", [shown(each) for each in stacks], call)
    stack = call.find(name)
    return refused(f"Stack with id {name} does not exist") if stack is None else {"Stacks": [shown(stack)]}


async def list_stacks(call: Call) -> dict[str, Any] | AwsError:
    """ListStacks, deleted ones too, the newest first."""
    wanted = call.given.get("StackStatusFilter")
    stacks = [
        each
        for each in reversed(call.state.stacks.values())
        if (each.account, each.region) == (call.account, call.region) and (not wanted or each.status in wanted)
    ]
    return paged("StackSummaries", [_summary(each) for each in stacks], call)


async def get_template(call: Call) -> dict[str, Any] | AwsError:
    """GetTemplate, as it was given."""
    change_set = call.given.get("ChangeSetName")
    if change_set is not None:
        found = call.state.change_sets.get(change_set)
        if found is None:
            return AwsError("ChangeSetNotFound", 404, f"ChangeSet [{change_set}] does not exist")
        return {"TemplateBody": found.template, "StagesAvailable": ["Original", "Processed"]}
    name = call.given.get("StackName", "")
    stack = call.find(name)
    if stack is None:
        return refused(f"Stack with id {name} does not exist")
    return {"TemplateBody": stack.template, "StagesAvailable": ["Original", "Processed"]}


async def get_template_summary(call: Call) -> dict[str, Any] | AwsError:
    """GetTemplateSummary."""
    stack = call.find(call.given.get("StackName", ""))
    if "StackName" in call.given:
        if stack is None:
            return refused(f"Stack with id {call.given['StackName']} does not exist")
        text: str | AwsError = stack.template
    else:
        text = await template_text(call, None)
    if isinstance(text, AwsError):
        return text
    template = parse(text)
    resources = template.resources.values()
    return {
        **_described(template),
        "Parameters": _parameters(template, summary=True),
        "ResourceTypes": sorted({each.type for each in resources}),
        "ResourceIdentifierSummaries": [
            {
                "ResourceType": kind.type,
                "LogicalResourceIds": [each.logical_id for each in resources if each.type == kind.type],
                "ResourceIdentifiers": [kind.identifier],
            }
            for kind in KINDS.values()
            if kind.identifier is not None and any(each.type == kind.type for each in resources)
        ],
        "Version": text_of(template.document.get("AWSTemplateFormatVersion")),
    }


async def validate_template(call: Call) -> dict[str, Any] | AwsError:
    """ValidateTemplate."""
    text = await template_text(call, None)
    if isinstance(text, AwsError):
        return text
    template = parse(text)
    return {**_described(template), "Parameters": _parameters(template, summary=False)}


async def update_termination_protection(call: Call) -> dict[str, Any] | AwsError:
    """UpdateTerminationProtection."""
    name = call.given["StackName"]
    stack = call.find(name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return missing(name)
    protected = bool(call.given["EnableTerminationProtection"])
    call.state.stacks[stack.stack_id] = replace(stack, termination_protection=protected)
    return {"StackId": stack.stack_id}


def new_stack(call: Call, name: str, status: str, template: str) -> Stack:
    """A stack without resources; not kept yet."""
    return Stack(
        stack_id=call.arn("stack", name),
        name=name,
        status=status,
        created_at=call.clock(),
        template=template,
        role_arn=call.given.get("RoleARN"),
        disable_rollback=bool(call.given.get("DisableRollback")),
        termination_protection=bool(call.given.get("EnableTerminationProtection")),
    )


def not_updatable(stack: Stack) -> AwsError | None:
    """Why a stack cannot be updated now."""
    if stack.status in _UPDATABLE:
        return None
    return refused(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


def check(call: Call, stack: Stack, wanted: Wanted) -> None:
    """What CloudFormation looks at before it begins: rules, conditions, the order of resources.

    Raises:
        TemplateMalformed: with CloudFormation's text.
    """
    values = wanted.values(stack, call.exports(stack.stack_id), {}, "")
    values.check_rules()
    values.wanted()


def paged(name: str, items: list[dict[str, Any]], call: Call, size: int = _PAGE) -> dict[str, Any]:
    """A page of a list; the token is the place of the next item.

    Raises:
        TemplateMalformed: when the token is none of ours.
    """
    token = str(call.given.get("NextToken", "0"))
    if not token.isascii() or not token.isdecimal():
        raise TemplateMalformed("Invalid NextToken")
    start = int(token)
    rest = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size], **rest}


def shown(stack: Stack) -> dict[str, Any]:
    """A stack as DescribeStacks shows it."""
    template = parse(stack.template) if stack.template else None
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id,
        "Description": template.description if template else None,
        "Parameters": [
            {
                "ParameterKey": key,
                "ParameterValue": HIDDEN if template and hidden(template, key) else value,
                **({"ResolvedValue": stack.stored[key]} if key in stack.stored else {}),
            }
            for key, value in stack.parameters.items()
        ],
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": stack.disable_rollback,
        "RoleARN": stack.role_arn,
        "NotificationARNs": list(stack.notification_arns),
        "Capabilities": list(stack.capabilities),
        "Outputs": [
            {
                "OutputKey": each.key,
                "OutputValue": each.value,
                "Description": each.description,
                "ExportName": each.export,
            }
            for each in stack.outputs
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags],
        "EnableTerminationProtection": stack.termination_protection,
        "DriftInformation": drift_information(stack),
    }


def drift_information(stack: Stack) -> dict[str, Any]:
    """What is known of a stack's drift."""
    return {"StackDriftStatus": stack.drift, "LastCheckTimestamp": stack.drift_checked_at}


def _summary(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "TemplateDescription": parse(stack.template).description if stack.template else None,
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DriftInformation": drift_information(stack),
    }


def _described(template: Template) -> dict[str, Any]:
    capabilities = template.capabilities()
    named = ", ".join(each.logical_id for each in template.resources.values() if each.type.startswith("AWS::IAM::"))
    return {
        "Description": template.description,
        "Capabilities": capabilities,
        "CapabilitiesReason": f"The following resource(s) require capabilities: [{named}]" if capabilities else None,
        "DeclaredTransforms": [],
    }


def _parameters(template: Template, *, summary: bool) -> list[dict[str, Any]]:
    found = []
    for key, declaration in template.section("Parameters").items():
        given = members(declaration)
        default = given.get("Default")
        found.append(
            {
                "ParameterKey": key,
                "DefaultValue": None if default is None else ",".join(map(as_text, entries(default))),
                "NoEcho": hidden(template, key),
                "Description": text_of(given.get("Description")),
                **({"ParameterType": text_of(given.get("Type")) or "String"} if summary else {}),
            }
        )
    return found
