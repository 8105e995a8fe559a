"""Drift: what IAM says now against what the template said (AWS CloudFormation User Guide, "Detect drift").

Only properties that the template gives are compared.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import AwsRefused
from daypass.localaws.cloudformation.call import KINDS, refused
from daypass.localaws.cloudformation.plan import same
from daypass.localaws.cloudformation.stacks import paged
from daypass.localaws.cloudformation.state import DriftDetection, PropertyDrift, ResourceDrift
from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.localaws.cloudformation.call import Call
    from daypass.localaws.cloudformation.state import Stack, StackResource
    from daypass.tokens.strict_json import JsonValue

_STEADY: Final = ("_COMPLETE", "_FAILED")


async def detect_stack_drift(call: Call) -> dict[str, Any] | AwsError:
    """DetectStackDrift. It has been detected when the answer comes."""
    stack = _named(call)
    if isinstance(stack, AwsError):
        return stack
    if not stack.status.endswith(_STEADY):
        return refused(f"Drift detection cannot be performed on stack [{stack.name}] while in status {stack.status}")
    named = frozenset(call.given.get("LogicalResourceIds", ()))
    found, failed = await _detect(call, stack, named)
    drifted = sum(each.status != "IN_SYNC" for each in found)
    detection = DriftDetection(
        detection_id=str(uuid.uuid4()),
        stack_id=stack.stack_id,
        at=call.clock(),
        drift="DRIFTED" if drifted else "IN_SYNC",
        drifted=drifted,
        failed=failed,
    )
    call.state.detections[detection.detection_id] = detection
    _remember(call, stack, found, detection)
    return {"StackDriftDetectionId": detection.detection_id}


async def detect_stack_resource_drift(call: Call) -> dict[str, Any] | AwsError:
    """DetectStackResourceDrift."""
    stack = _named(call)
    if isinstance(stack, AwsError):
        return stack
    name = call.given["LogicalResourceId"]
    if all(each.logical_id != name for each in stack.resources):
        return refused(f"Resource {name} does not exist for stack {stack.name}")
    found, failed = await _detect(call, stack, frozenset({name}))
    if failed:
        return refused(failed)
    if not found:
        return refused(f"Drift detection is not supported for the resource {name}")
    _remember(call, stack, found, None)
    return {"StackResourceDrift": _shown(found[0])}


async def describe_stack_drift_detection_status(call: Call) -> dict[str, Any] | AwsError:
    """DescribeStackDriftDetectionStatus."""
    detection_id = call.given["StackDriftDetectionId"]
    found = call.state.detections.get(detection_id)
    if found is None or call.find(found.stack_id) is None:
        return refused(f"Drift detection id {detection_id} does not exist")
    return {
        "StackId": found.stack_id,
        "StackDriftDetectionId": found.detection_id,
        "StackDriftStatus": found.drift,
        "DetectionStatus": "DETECTION_FAILED" if found.failed else "DETECTION_COMPLETE",
        "DetectionStatusReason": found.failed or None,
        "DriftedStackResourceCount": found.drifted,
        "Timestamp": found.at,
    }


async def describe_stack_resource_drifts(call: Call) -> dict[str, Any] | AwsError:
    """DescribeStackResourceDrifts of the last detection."""
    stack = _named(call)
    if isinstance(stack, AwsError):
        return stack
    wanted = call.given.get("StackResourceDriftStatusFilters")
    found = call.state.resource_drifts.get(stack.stack_id, ())
    return paged("StackResourceDrifts", [_shown(each) for each in found if not wanted or each.status in wanted], call)


def differences(
    expected: JsonValue, actual: JsonValue, path: str = "", unordered: frozenset[str] = frozenset()
) -> Iterator[PropertyDrift]:
    """Where two values differ, as JSON pointers; members that only `actual` has count below the first level.

    Args:
        expected: of the template.
        actual: of the service.
        path: where both are.
        unordered: names of top-level members that are lists without an order.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        names = expected.keys() | (actual.keys() if path else frozenset())
        for name in sorted(names):
            below = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            one, other = expected.get(name), actual.get(name)
            if not path and name in unordered:
                yield from _listed(one, other, below)
            elif name not in actual:
                yield PropertyDrift(below, json.dumps(one), "null", "REMOVE")
            elif name not in expected:
                yield PropertyDrift(below, "null", json.dumps(other), "ADD")
            else:
                yield from differences(one, other, below)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, other, f"{path}/{index}")
    elif not same(expected, actual):
        yield PropertyDrift(path, _written(expected), _written(actual), "NOT_EQUAL")


def _listed(one: JsonValue, other: JsonValue, path: str) -> Iterator[PropertyDrift]:
    expected, actual = _items(one), _items(other)
    for index, item in enumerate(expected):
        if not any(same(item, each) for each in actual):
            yield PropertyDrift(f"{path}/{index}", json.dumps(item), "null", "REMOVE")
    for index, item in enumerate(actual):
        if not any(same(item, each) for each in expected):
            yield PropertyDrift(f"{path}/{index}", "null", json.dumps(item), "ADD")


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _written(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _detect(call: Call, stack: Stack, named: frozenset[str]) -> tuple[tuple[ResourceDrift, ...], str]:
    """What differs, and why it could not be told."""
    found: list[ResourceDrift] = []
    for resource in stack.resources:
        kind = KINDS[resource.type]
        if kind.handler is None or (named and resource.logical_id not in named):
            continue
        try:
            actual = await kind.handler.read(call.acting(None), resource.physical_id, resource.properties)
        except AwsRefused as fault:
            return tuple(found), f"Failed to detect drift on resource [{resource.logical_id}]: {fault.message}"
        found.append(_drift(call, stack, resource, actual, kind.unordered))
    return tuple(found), ""


def _drift(
    call: Call,
    stack: Stack,
    resource: StackResource,
    actual: Mapping[str, JsonValue] | None,
    unordered: frozenset[str],
) -> ResourceDrift:
    expected = dict(resource.properties)
    now = {name: value for name, value in (actual or {}).items() if name in expected}
    differing = () if actual is None else tuple(differences(expected, now, unordered=unordered))
    status = "DELETED" if actual is None else "MODIFIED" if differing else "IN_SYNC"
    return ResourceDrift(
        stack_id=stack.stack_id,
        logical_id=resource.logical_id,
        physical_id=resource.physical_id,
        type=resource.type,
        status=status,
        at=call.clock(),
        expected=json.dumps(expected),
        actual="" if actual is None else json.dumps(now),
        differences=differing,
    )


def _remember(call: Call, stack: Stack, found: tuple[ResourceDrift, ...], detection: DriftDetection | None) -> None:
    state, by_name = call.state, {each.logical_id: each for each in found}
    before = {each.logical_id: each for each in state.resource_drifts.get(stack.stack_id, ())}
    state.resource_drifts[stack.stack_id] = tuple({**before, **by_name}.values())
    resources = tuple(
        replace(each, drift=drift.status, drift_checked_at=drift.at)
        if (drift := by_name.get(each.logical_id))
        else each
        for each in stack.resources
    )
    changed = replace(stack, resources=resources)
    if detection is not None:
        changed = replace(changed, drift=detection.drift, drift_checked_at=detection.at)
    state.stacks[stack.stack_id] = changed


def _named(call: Call) -> Stack | AwsError:
    name = call.given["StackName"]
    return call.find(name) or refused(f"Stack [{name}] does not exist")


def _shown(drift: ResourceDrift) -> dict[str, Any]:
    return {
        "StackId": drift.stack_id,
        "LogicalResourceId": drift.logical_id,
        "PhysicalResourceId": drift.physical_id,
        "ResourceType": drift.type,
        "ExpectedProperties": drift.expected,
        "ActualProperties": drift.actual or None,
        "PropertyDifferences": [
            {
                "PropertyPath": each.path,
                "ExpectedValue": each.expected,
                "ActualValue": each.actual,
                "DifferenceType": each.kind,
            }
            for each in drift.differences
        ],
        "StackResourceDriftStatus": drift.status,
        "Timestamp": drift.at,
    }
