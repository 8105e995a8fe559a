"""CloudFormation, as far as identity needs it: stacks of IAM resources, made by the same operations as on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.errors import TemplateMalformed
from daypass.localaws.cloudformation import change_sets, contents, drift, stacks
from daypass.localaws.cloudformation.call import Call, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from daypass.localaws.faults import AwsError

    Handler = Callable[[Call], Awaitable[dict[str, Any] | AwsError]]

__all__ = ["OPERATIONS", "Call", "operate"]

OPERATIONS: Final[Mapping[str, Handler]] = {
    "CreateStack": stacks.create_stack,
    "UpdateStack": stacks.update_stack,
    "DeleteStack": stacks.delete_stack,
    "DescribeStacks": stacks.describe_stacks,
    "ListStacks": stacks.list_stacks,
    "GetTemplate": stacks.get_template,
    "GetTemplateSummary": stacks.get_template_summary,
    "ValidateTemplate": stacks.validate_template,
    "UpdateTerminationProtection": stacks.update_termination_protection,
    "CreateChangeSet": change_sets.create_change_set,
    "DescribeChangeSet": change_sets.describe_change_set,
    "ExecuteChangeSet": change_sets.execute_change_set,
    "DeleteChangeSet": change_sets.delete_change_set,
    "ListChangeSets": change_sets.list_change_sets,
    "DescribeStackEvents": contents.describe_stack_events,
    "DescribeStackResource": contents.describe_stack_resource,
    "DescribeStackResources": contents.describe_stack_resources,
    "ListStackResources": contents.list_stack_resources,
    "ListExports": contents.list_exports,
    "ListImports": contents.list_imports,
    "DetectStackDrift": drift.detect_stack_drift,
    "DetectStackResourceDrift": drift.detect_stack_resource_drift,
    "DescribeStackDriftDetectionStatus": drift.describe_stack_drift_detection_status,
    "DescribeStackResourceDrifts": drift.describe_stack_resource_drifts,
}


async def operate(action: str, call: Call) -> dict[str, Any] | AwsError:
    """Carry out one of `OPERATIONS`."""
    try:
        return await OPERATIONS[action](call)
    except TemplateMalformed as fault:
        return refused(fault.message)
