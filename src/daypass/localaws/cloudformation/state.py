"""What CloudFormation knows: stacks with their resources, events and change sets. Plain values.

Everything runs in one event loop; a stack that something is being done to says so in its status.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.tokens.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack.

    Attributes:
        logical_id: its name in the template.
        physical_id: what `Ref` gives; empty before it is made.
        type: such as `AWS::IAM::Role`.
        status: such as `CREATE_COMPLETE`.
        updated_at: when the status was reached.
        properties: as they were given to the service, stack tags included.
        attributes: for `Fn::GetAtt`.
        reason: why the status was reached, empty when there is nothing to tell.
        deletion_policy: `Delete` or `Retain`.
        metadata: of the template, as it is written.
        drift: `IN_SYNC`, `MODIFIED`, `DELETED` or `NOT_CHECKED`.
        drift_checked_at: None before the first detection.
    """

    logical_id: str
    physical_id: str
    type: str
    status: str
    updated_at: datetime
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    deletion_policy: str = "Delete"
    metadata: JsonValue = None
    drift: str = "NOT_CHECKED"
    drift_checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One line of a stack's history."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    at: datetime
    status: str
    reason: str = ""
    properties: str = ""


@dataclass(frozen=True, slots=True)
class StackOutput:
    """An output; `export` is the name by which other stacks may import it."""

    key: str
    value: str
    description: str | None = None
    export: str | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack.

    Attributes:
        stack_id: its ARN.
        name: unique in account and region among stacks that are not deleted.
        status: such as `CREATE_COMPLETE`.
        created_at: when it was asked for.
        template: the text; empty while only a change set is there.
        parameters: name to text, as given or by default.
        stored: name to what Systems Manager keeps, of the parameters that ask it.
        resources: those that are there, in the order of making.
        events: oldest first.
        imports: export names that it uses.
        role_arn: whose permissions decide on its resources; None for those of who calls.
    """

    stack_id: str
    name: str
    status: str
    created_at: datetime
    template: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[tuple[str, str], ...] = ()
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    resources: tuple[StackResource, ...] = ()
    outputs: tuple[StackOutput, ...] = ()
    events: tuple[StackEvent, ...] = ()
    imports: tuple[str, ...] = ()
    reason: str = ""
    disable_rollback: bool = False
    termination_protection: bool = False
    change_set_id: str | None = None
    role_arn: str | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    drift: str = "NOT_CHECKED"
    drift_checked_at: datetime | None = None

    @property
    def account(self) -> str:
        """Twelve digits."""
        return self.stack_id.split(":")[4]

    @property
    def region(self) -> str:
        """Such as `eu-west-1`."""
        return self.stack_id.split(":")[3]


@dataclass(frozen=True, slots=True)
class Change:
    """What executing a change set would do to one resource.

    `action` is Add, Modify, Remove or Import; `replaced` whether a new one takes its place; `changed` are the
    properties that differ, each with whether that alone makes a new one.
    """

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replaced: bool = False
    changed: tuple[tuple[str, bool], ...] = ()
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set: what was asked for, and what it would do. `kind` is CREATE, UPDATE or IMPORT."""

    change_set_id: str
    name: str
    stack_id: str
    kind: str
    status: str
    execution_status: str
    created_at: datetime
    template: str
    parameters: Mapping[str, str]
    stored: Mapping[str, str]
    tags: tuple[tuple[str, str], ...] = ()
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    imported: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    reason: str = ""
    on_failure: str | None = None
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class DriftDetection:
    """One detection of drift: of which stack, when, and with what result."""

    detection_id: str
    stack_id: str
    at: datetime
    drift: str
    drifted: int
    failed: str = ""


@dataclass(frozen=True, slots=True)
class PropertyDrift:
    """One difference between template and service, at a JSON pointer (RFC 6901); values as JSON."""

    path: str
    expected: str
    actual: str
    kind: str


@dataclass(frozen=True, slots=True)
class ResourceDrift:
    """What the last detection found of one resource; properties as JSON."""

    stack_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    at: datetime
    expected: str
    actual: str
    differences: tuple[PropertyDrift, ...] = ()


@dataclass(slots=True)
class CloudFormationState:
    """All accounts and regions: stacks, change sets and drift detections by ARN or id.

    `resource_drifts` is by stack; only the last detection counts. `touched` is whether it may have changed since it was
    last saved.
    """

    stacks: dict[str, Stack] = field(default_factory=dict)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    detections: dict[str, DriftDetection] = field(default_factory=dict)
    resource_drifts: dict[str, tuple[ResourceDrift, ...]] = field(default_factory=dict)
    touched: bool = field(default=False, init=False)

    def restore(self, other: CloudFormationState) -> None:
        """Know what another knew. What was being done to a stack when that one ended has failed."""
        self.stacks = {stack_id: _ended(stack) for stack_id, stack in other.stacks.items()}
        self.change_sets = dict(other.change_sets)
        self.detections = dict(other.detections)
        self.resource_drifts = dict(other.resource_drifts)
        self.touched = False

    def find(self, account: str, region: str, name: str) -> Stack | None:
        """A stack by its name, deleted ones left out, or by its ARN; only of this account and region."""
        if name.startswith("arn:"):
            stack = self.stacks.get(name)
            return stack if stack is not None and (stack.account, stack.region) == (account, region) else None
        return next((each for each in self.living(account, region) if each.name == name), None)

    def living(self, account: str, region: str) -> list[Stack]:
        """The stacks of an account and region that are not deleted, the newest first."""
        found = [each for each in self.stacks.values() if (each.account, each.region) == (account, region)]
        return [each for each in reversed(found) if each.status != "DELETE_COMPLETE"]

    def exports(self, account: str, region: str) -> dict[str, tuple[str, str]]:
        """Stack ARN and value by export name."""
        return {
            output.export: (stack.stack_id, output.value)
            for stack in self.living(account, region)
            for output in stack.outputs
            if output.export is not None
        }

    def importers(self, account: str, region: str, export: str) -> list[str]:
        """Names of the stacks that use an export."""
        return [stack.name for stack in self.living(account, region) if export in stack.imports]


def _ended(stack: Stack) -> Stack:
    if not stack.status.endswith("_IN_PROGRESS") or stack.status == "REVIEW_IN_PROGRESS":
        return stack
    doing = stack.status.removesuffix("_IN_PROGRESS")
    status = doing.removesuffix("_CLEANUP") if doing.endswith("_CLEANUP") else f"{doing}_FAILED"
    return replace(stack, status=status, reason="The local AWS ended while this was done")
