"""Makes a stack what its template says, step by step, and takes it back when a step fails.

AWS CloudFormation User Guide, "Stack failure options" and "Understand update behaviors of stack resources".
"""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daypass.errors import AwsRefused, TemplateMalformed
from daypass.localaws.cloudformation.acting import told
from daypass.localaws.cloudformation.plan import difference, made_of
from daypass.localaws.cloudformation.resolve import Made
from daypass.localaws.cloudformation.state import StackEvent, StackOutput, StackResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from typing import Any, Never

    from daypass.localaws.cloudformation.kinds import Iam, Kind
    from daypass.localaws.cloudformation.plan import Wanted
    from daypass.localaws.cloudformation.resolve import Values
    from daypass.localaws.cloudformation.state import CloudFormationState, Stack
    from daypass.tokens.strict_json import JsonValue

_STACK: Final = "AWS::CloudFormation::Stack"
_RANDOM_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_RANDOM_LENGTH: Final = 12

_NAME_TAKEN: Final = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {} and update the"
    " stack again."
)


class _StepFailedError(Exception):
    """A step that failed; the text is the stack's reason."""


class Deployment:
    """One change to one stack, which is in `state` and is kept there after every step."""

    def __init__(
        self,
        state: CloudFormationState,
        stack_id: str,
        *,
        kinds: Mapping[str, Kind],
        iam: Iam,
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._id = stack_id
        self._kinds = kinds
        self._iam = iam
        self._clock = clock
        self._made: dict[str, Made] = {}
        self._cleanup: list[StackResource] = []
        self._undo: list[tuple[StackResource, StackResource | None]] = []

    async def create(self, wanted: Wanted, on_failure: str) -> None:
        """Make a stack that has no resources yet; `on_failure` is ROLLBACK, DELETE or DO_NOTHING."""
        doing, done = ("IMPORT", "IMPORT") if wanted.imported else ("CREATE", "CREATE")
        self._status(f"{doing}_IN_PROGRESS", "User Initiated")
        try:
            await self._converge(wanted)
        except _StepFailedError as failed:
            if on_failure == "DO_NOTHING":
                self._status("CREATE_FAILED", str(failed))
                return
            begun = "DELETE_IN_PROGRESS" if on_failure == "DELETE" else f"{_rollback(doing)}_IN_PROGRESS"
            self._status(begun, f"{failed} {'Delete' if on_failure == 'DELETE' else 'Rollback'} requested by user.")
            if wanted.imported:
                self._save(resources=())  # they were there before the stack
            if await self._delete_all(frozenset(), created=True):
                ended = "DELETE_COMPLETE" if on_failure == "DELETE" else f"{_rollback(doing)}_COMPLETE"
                self._status(ended)
        else:
            self._status(f"{done}_COMPLETE")

    async def update(self, wanted: Wanted) -> None:
        """Make a stack what a template says, or leave it as it was."""
        before = self._stack
        doing = "IMPORT" if wanted.imported else "UPDATE"
        self._status(f"{doing}_IN_PROGRESS", "User Initiated")
        try:
            await self._converge(wanted)
        except _StepFailedError as failed:
            if before.disable_rollback:
                self._status(f"{doing}_FAILED", str(failed))
                return
            self._status(f"{_rollback(doing)}_IN_PROGRESS", str(failed))
            if not await self._take_back(before):
                self._status(f"{_rollback(doing)}_FAILED", "One or more resources could not be taken back.")
                return
            if doing == "UPDATE":
                self._status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._status(f"{_rollback(doing)}_COMPLETE")
        else:
            if doing == "UPDATE":
                self._status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            for old in self._cleanup:
                await self._clean_up(old)
            self._status(f"{doing}_COMPLETE")

    async def delete(self, retained: frozenset[str]) -> None:
        """Remove a stack's resources but for those that are to stay."""
        self._status("DELETE_IN_PROGRESS", "User Initiated")
        if await self._delete_all(retained, created=False):
            self._status("DELETE_COMPLETE")

    @property
    def _stack(self) -> Stack:
        return self._state.stacks[self._id]

    def _save(self, **changed: Any) -> None:
        self._state.stacks[self._id] = replace(self._stack, **changed)

    def _status(self, status: str, reason: str = "") -> None:
        now = self._clock()
        self._save(status=status, reason=reason)
        if status.startswith(("UPDATE_IN", "IMPORT_IN", "ROLLBACK_IN", "UPDATE_ROLLBACK_IN")):
            self._save(updated_at=now)
        if status == "DELETE_COMPLETE":
            self._save(deleted_at=now, outputs=())
        self._event(StackResource(self._stack.name, self._id, _STACK, status, now, reason=reason))

    def _event(self, resource: StackResource) -> None:
        event_id = str(uuid.uuid4())
        if resource.type != _STACK:
            event_id = f"{resource.logical_id}-{event_id}"
        properties = json.dumps(resource.properties) if resource.properties else ""
        happened = StackEvent(
            event_id=event_id,
            logical_id=resource.logical_id,
            physical_id=resource.physical_id,
            type=resource.type,
            at=resource.updated_at,
            status=resource.status,
            reason=resource.reason,
            properties=properties,
        )
        self._save(events=(*self._stack.events, happened))

    def _keep(self, resource: StackResource) -> StackResource:
        """Tell of a resource's new status, and keep it in the stack."""
        others = tuple(each for each in self._stack.resources if each.logical_id != resource.logical_id)
        self._save(resources=(*others, resource))
        self._event(resource)
        return resource

    async def _converge(self, wanted: Wanted) -> None:
        """Raises `_StepFailedError`; what was done is then in `_undo`."""
        stack = self._stack
        old = {each.logical_id: each for each in stack.resources}
        self._made = made_of(stack)
        exports = self._state.exports(stack.account, stack.region)
        available = {name: value for name, (owner, value) in exports.items() if owner != self._id}
        values = wanted.values(stack, available, self._made)
        try:
            names = values.wanted()
            for name in names:
                await self._step(name, old.get(name), wanted, values)
            outputs = tuple(StackOutput(*output) for output in values.outputs())
        except TemplateMalformed as fault:
            raise _StepFailedError(fault.message) from None
        self._check_exports(outputs)
        removed = [each for each in stack.resources if each.logical_id not in names]
        self._cleanup = [*reversed(removed), *self._cleanup]
        now = {each.logical_id: each for each in self._stack.resources}
        self._save(
            template=wanted.template.text,
            parameters=wanted.parameters,
            stored=wanted.stored,
            tags=wanted.tags,
            capabilities=wanted.capabilities,
            notification_arns=wanted.notification_arns,
            resources=(*removed, *(now[name] for name in names)),
            outputs=outputs,
            imports=tuple(sorted(values.imported)),
        )

    async def _step(self, name: str, before: StackResource | None, wanted: Wanted, values: Values) -> None:
        resource = wanted.template.resources[name]
        kind = self._kinds[resource.type]
        properties = wanted.properties(values, kind, name)
        after = StackResource(
            logical_id=name,
            physical_id="",
            type=resource.type,
            status="CREATE_IN_PROGRESS",
            updated_at=self._clock(),
            properties=properties,
            deletion_policy=resource.deletion_policy,
            metadata=resource.metadata,
        )
        if before is None:
            if name in wanted.imported:
                await self._import(after, wanted.imported[name])
            else:
                await self._create(after, kind)
            return
        changed = difference(kind, before.properties, properties) if before.type == resource.type else ((name, True),)
        if not changed:
            others = tuple(each for each in self._stack.resources if each.logical_id != name)
            kept = replace(before, metadata=resource.metadata, deletion_policy=resource.deletion_policy)
            self._save(resources=(*others, kept))
        elif any(recreated for _, recreated in changed):
            if kind.name is not None and before.properties.get(kind.name[0]) == properties.get(kind.name[0], 0):
                self._fail(before, "UPDATE_FAILED", _NAME_TAKEN.format(before.physical_id), "update")
            await self._create(after, kind, before)
            if resource.update_replace_policy != "Retain":
                self._cleanup.append(before)
        else:
            await self._update(before, replace(after, physical_id=before.physical_id), kind)

    async def _create(self, after: StackResource, kind: Kind, before: StackResource | None = None) -> None:
        doing, done = ("CREATE", "create") if before is None else ("UPDATE", "update")
        if before is not None:
            told_of = "Requested update requires the creation of a new physical resource; hence creating one."
            self._keep(replace(before, status="UPDATE_IN_PROGRESS", updated_at=self._clock(), reason=told_of))
        else:
            self._keep(after)
        if fault := kind.fault(after.logical_id, after.properties):
            self._fail(before or after, f"{doing}_FAILED", fault, done)
        if kind.handler is None:
            made = Made(str(uuid.uuid4()))
        else:
            try:
                made = await kind.handler.create(self._iam, self._named(kind, after))
            except AwsRefused as refused:
                self._fail(before or after, f"{doing}_FAILED", _told(refused), done)
        self._undo.append((replace(after, physical_id=made.reference), before))
        self._finish(after, made, f"{doing}_COMPLETE")

    async def _update(self, before: StackResource, after: StackResource, kind: Kind) -> None:
        self._keep(replace(after, status="UPDATE_IN_PROGRESS", attributes=before.attributes))
        if fault := kind.fault(after.logical_id, after.properties):
            self._fail(before, "UPDATE_FAILED", fault, "update")
        made = Made(before.physical_id, before.attributes)
        if kind.handler is not None:
            self._undo.append((after, before))
            try:
                made = await kind.handler.update(self._iam, before.physical_id, before.properties, after.properties)
            except AwsRefused as refused:
                self._fail(before, "UPDATE_FAILED", _told(refused), "update")
        self._finish(after, made, "UPDATE_COMPLETE")

    async def _import(self, after: StackResource, identifier: str) -> None:
        self._keep(replace(after, status="IMPORT_IN_PROGRESS", reason="Resource import started."))
        handler = self._kinds[after.type].handler
        try:
            made = None if handler is None else await handler.adopt(self._iam, identifier)
        except AwsRefused as refused:
            self._fail(after, "IMPORT_FAILED", _told(refused), "import")
        if made is None:
            missing = f"Resource of type '{after.type}' with identifier '{identifier}' was not found."
            self._fail(after, "IMPORT_FAILED", missing, "import")
        self._finish(after, made, "IMPORT_COMPLETE")

    def _finish(self, after: StackResource, made: Made, status: str) -> None:
        self._made[after.logical_id] = made
        self._keep(
            replace(
                after,
                physical_id=made.reference,
                attributes=made.attributes,
                status=status,
                updated_at=self._clock(),
            )
        )

    def _fail(self, resource: StackResource, status: str, reason: str, doing: str) -> Never:
        self._keep(replace(resource, status=status, updated_at=self._clock(), reason=reason))
        raise _StepFailedError(f"The following resource(s) failed to {doing}: [{resource.logical_id}].")

    def _named(self, kind: Kind, resource: StackResource) -> dict[str, JsonValue]:
        """The properties, with a name for what was given none."""
        properties = dict(resource.properties)
        if kind.name is not None and kind.name[0] not in properties:
            random = "".join(secrets.choice(_RANDOM_CHARACTERS) for _ in range(_RANDOM_LENGTH))
            room = kind.name[1] - _RANDOM_LENGTH - 2
            stack, logical_id = self._stack.name, resource.logical_id
            stack = stack[: max(room - len(logical_id), room // 2)]
            properties[kind.name[0]] = f"{stack}-{logical_id[: room - len(stack)]}-{random}"
        return properties

    def _check_exports(self, outputs: Iterable[StackOutput]) -> None:
        stack = self._stack
        exports = self._state.exports(stack.account, stack.region)
        mine = {output.export: output.value for output in outputs if output.export is not None}
        for name in mine:
            owner = exports.get(name, (self._id, ""))[0]
            if owner != self._id:
                other = self._state.stacks[owner].name
                raise _StepFailedError(f"Export with name {name} is already exported by stack {other}.")
        for output in stack.outputs:
            users = [] if output.export is None else self._state.importers(stack.account, stack.region, output.export)
            if users and mine.get(str(output.export)) != output.value:
                doing = "updated" if output.export in mine else "deleted"
                raise _StepFailedError(
                    f"Export {output.export} cannot be {doing} as it is in use by {' and '.join(sorted(users))}"
                )

    async def _take_back(self, before: Stack) -> bool:
        """Undo what was done, last things first; whether that went well."""
        well = True
        for after, old in reversed(self._undo):
            handler = self._kinds[after.type].handler
            if old is None or after.physical_id != old.physical_id:
                well = await self._remove(after) and well
            elif handler is not None:
                self._event(replace(old, status="UPDATE_IN_PROGRESS", updated_at=self._clock()))
                try:
                    await handler.update(self._iam, old.physical_id, after.properties, old.properties)
                except AwsRefused as refused:
                    failed = replace(old, status="UPDATE_FAILED", updated_at=self._clock(), reason=_told(refused))
                    self._event(failed)
                    well = False
                    continue
            if old is not None:
                self._event(replace(old, status="UPDATE_COMPLETE", updated_at=self._clock()))
        self._save(resources=before.resources)
        return well

    async def _clean_up(self, old: StackResource) -> None:
        """Remove what an update left over; what cannot be removed is left alone, and the update is still complete."""
        if old.deletion_policy == "Delete":
            await self._remove(old)
        else:
            self._event(replace(old, status="DELETE_SKIPPED", updated_at=self._clock(), reason=""))
        self._save(resources=tuple(each for each in self._stack.resources if each.physical_id != old.physical_id))

    async def _delete_all(self, retained: frozenset[str], *, created: bool) -> bool:
        failed: list[str] = []
        for resource in reversed(self._stack.resources):
            keeps = resource.deletion_policy == "Retain" or (
                resource.deletion_policy == "RetainExceptOnCreate" and not created
            )
            if resource.logical_id in retained or (keeps and resource.physical_id):
                self._event(replace(resource, status="DELETE_SKIPPED", updated_at=self._clock(), reason=""))
            elif not await self._remove(resource):
                failed.append(resource.logical_id)
                left = tuple(
                    replace(each, status="DELETE_FAILED") if each.logical_id == resource.logical_id else each
                    for each in self._stack.resources
                )
                self._save(resources=left)
                continue
            others = tuple(each for each in self._stack.resources if each.logical_id != resource.logical_id)
            self._save(resources=others)
        if failed:
            status = "ROLLBACK_FAILED" if self._stack.status.startswith("ROLLBACK") else "DELETE_FAILED"
            self._status(status, f"The following resource(s) failed to delete: [{', '.join(sorted(failed))}].")
        return not failed

    async def _remove(self, resource: StackResource) -> bool:
        """Remove one resource from the service; whether that went well."""
        handler = self._kinds[resource.type].handler
        self._event(replace(resource, status="DELETE_IN_PROGRESS", updated_at=self._clock(), reason=""))
        if handler is not None and resource.physical_id:
            try:
                await handler.delete(self._iam, resource.physical_id, resource.properties)
            except AwsRefused as refused:
                failed = replace(resource, status="DELETE_FAILED", updated_at=self._clock(), reason=_told(refused))
                self._event(failed)
                return False
        self._event(replace(resource, status="DELETE_COMPLETE", updated_at=self._clock(), reason=""))
        return True


def _rollback(doing: str) -> str:
    return {"CREATE": "ROLLBACK", "UPDATE": "UPDATE_ROLLBACK", "IMPORT": "IMPORT_ROLLBACK"}[doing]


def _told(refused: AwsRefused) -> str:
    return told(refused, str(uuid.uuid4()), str(uuid.uuid4()))
