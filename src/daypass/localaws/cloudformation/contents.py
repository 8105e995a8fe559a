"""What is in stacks: their resources, their events, and the values that they share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from daypass.localaws.cloudformation.call import refused
from daypass.localaws.cloudformation.stacks import paged
from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from daypass.localaws.cloudformation.call import Call
    from daypass.localaws.cloudformation.state import Stack, StackResource


async def describe_stack_events(call: Call) -> dict[str, Any] | AwsError:
    """DescribeStackEvents, the newest first."""
    stack = _named(call)
    if isinstance(stack, AwsError):
        return stack
    shown = [
        {
            "StackId": stack.stack_id,
            "EventId": each.event_id,
            "StackName": stack.name,
            "LogicalResourceId": each.logical_id,
            "PhysicalResourceId": each.physical_id,
            "ResourceType": each.type,
            "Timestamp": each.at,
            "ResourceStatus": each.status,
            "ResourceStatusReason": each.reason or None,
            "ResourceProperties": each.properties or None,
        }
        for each in reversed(stack.events)
    ]
    return paged("StackEvents", shown, call)


async def describe_stack_resource(call: Call) -> dict[str, Any] | AwsError:
    """DescribeStackResource."""
    stack = _named(call)
    if isinstance(stack, AwsError):
        return stack
    name = call.given["LogicalResourceId"]
    found = next((each for each in stack.resources if each.logical_id == name), None)
    if found is None:
        return refused(f"Resource {name} does not exist for stack {stack.name}")
    metadata = None if found.metadata is None else json.dumps(found.metadata)
    return {
        "StackResourceDetail": {
            **_shown(found),
            "StackName": stack.name,
            "StackId": stack.stack_id,
            "LastUpdatedTimestamp": found.updated_at,
            "Metadata": metadata,
        }
    }


async def describe_stack_resources(call: Call) -> dict[str, Any] | AwsError:
    """DescribeStackResources: of a stack, or of that to which a physical id belongs."""
    physical_id, logical_id = call.given.get("PhysicalResourceId"), call.given.get("LogicalResourceId")
    if "StackName" in call.given:
        stack = _named(call)
    else:
        stack = next(
            (
                each
                for each in call.state.living(call.account, call.region)
                if physical_id is not None and any(one.physical_id == physical_id for one in each.resources)
            ),
            refused(f"Stack for {physical_id} does not exist"),
        )
    if isinstance(stack, AwsError):
        return stack
    return {
        "StackResources": [
            {**_shown(each), "StackName": stack.name, "StackId": stack.stack_id, "Timestamp": each.updated_at}
            for each in stack.resources
            if logical_id in {None, each.logical_id}
        ]
    }


async def list_stack_resources(call: Call) -> dict[str, Any] | AwsError:
    """ListStackResources."""
    stack = _named(call)
    if isinstance(stack, AwsError):
        return stack
    shown = [{**_shown(each), "LastUpdatedTimestamp": each.updated_at} for each in stack.resources]
    return paged("StackResourceSummaries", shown, call)


async def list_exports(call: Call) -> dict[str, Any] | AwsError:
    """ListExports."""
    found = call.state.exports(call.account, call.region)
    shown = [
        {"ExportingStackId": owner, "Name": name, "Value": value} for name, (owner, value) in sorted(found.items())
    ]
    return paged("Exports", shown, call)


async def list_imports(call: Call) -> dict[str, Any] | AwsError:
    """ListImports."""
    name = call.given["ExportName"]
    users = call.state.importers(call.account, call.region, name)
    if not users:
        return refused(f"Export '{name}' is not imported by any stack.")
    return {"Imports": sorted(users)}


def _named(call: Call) -> Stack | AwsError:
    name = call.given.get("StackName", "")
    return call.find(name) or refused(f"Stack [{name}] does not exist")


def _shown(resource: StackResource) -> dict[str, Any]:
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": {
            "StackResourceDriftStatus": resource.drift,
            **({"LastCheckTimestamp": resource.drift_checked_at} if resource.drift_checked_at else {}),
        },
    }
