"""A permissions policy: of a role, of a session, or its boundary. Parsed once, compiled, and then only read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.permissions import aws_texts
from daypass.permissions.resources import Resources
from daypass.trust import aws_texts as common_texts
from daypass.trust.document import malformed, read_text
from daypass.trust.reading import (
    Fault,
    check_members,
    read_actions,
    read_conditions,
    read_document,
    read_effect,
    read_texts,
)
from daypass.trust.reading import read_text as read_member
from daypass.trust.role_trust import sid_faults
from daypass.trust.statement import Effect, names_action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.permissions.decision import Request
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.reading import Path
    from daypass.trust.statement import Action, Condition

_MEMBERS: Final = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `index` counts from 0. Of each pair (`actions`, `resources` and their negations) one is there."""

    index: int
    sid: str | None
    effect: Effect
    actions: tuple[Action, ...]
    not_actions: tuple[Action, ...]
    resources: Resources | None
    not_resources: Resources | None
    conditions: tuple[Condition, ...]

    def names_action(self, action: str) -> bool:
        """Whether the statement speaks of the action."""
        return names_action(self.actions, self.not_actions, action)

    def names_resource(self, request: Request) -> bool:
        """Whether the statement speaks of the resource.

        Of one that is not known, only `"Resource": "*"` allows; a Deny on any resource of the service may be about it.
        """
        if request.resource is None:
            return self._may_name(request.action.partition(":")[0])
        if self.resources is None:
            assert self.not_resources is not None
            return not self.not_resources.cover(request.resource, request.context)
        return self.resources.everything or self.resources.cover(request.resource, request.context)

    def _may_name(self, service: str) -> bool:
        if self.effect is Effect.ALLOW:
            return self.resources is not None and self.resources.everything
        if self.resources is None:
            assert self.not_resources is not None
            return not self.not_resources.everything
        return self.resources.everything or self.resources.of_service(service)

    def applies(self, request: Request) -> bool:
        """Whether the statement has its effect on a request: action, resource and every condition match."""
        if not (self.names_action(request.action) and self.names_resource(request)):
            return False
        for condition in self.conditions:  # noqa: SIM110 (a generator costs as much as the condition)
            if not condition.holds(request.context):
                return False
        return True


@dataclass(frozen=True, slots=True)
class PermissionsPolicy:
    """A permissions policy that can be evaluated. `text` is the document as it was written."""

    version: str
    id: str | None
    statements: tuple[Statement, ...]
    text: str = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Parse an identity policy (IAM User Guide, "Grammar of the IAM JSON policy language").

        Raises:
            PolicyMalformed: AWS would not take it. Facts: `line` and `column` (from 1), `aws_message`.
            PolicyUnsupported: AWS would take it and it cannot be evaluated here. Facts: `line`, `column`.
        """
        text, (version, policy_id, statements) = read_text(text, lambda value: read_document(value, _statement))
        policy = cls(version=version, id=policy_id, statements=statements, text=text)
        for index, message, aws in sid_faults((statement.index, statement) for statement in statements):
            raise malformed(text, Fault(("Statement", index, "Sid"), message, aws=aws))
        for statement in statements:
            for condition in statement.conditions:
                for value in condition.unreadable:
                    where = ("Statement", statement.index, "Condition", condition.operator, condition.key)
                    message = f"`{condition.operator}` cannot read `{value}`"
                    raise malformed(text, Fault(where, message, aws=common_texts.SYNTAX))
        return policy


def _statement(entry: dict[str, JsonValue], path: Path, index: int, variables: bool) -> Statement:  # noqa: FBT001
    for name in ("Principal", "NotPrincipal"):
        if name in entry:
            advice = f"Remove `{name}`: the policy is its role's."
            raise Fault((*path, name), f"an identity policy has no `{name}`", aws=aws_texts.PRINCIPAL, advice=advice)
    check_members(entry, _MEMBERS, path, "a statement")
    effect = read_effect(entry, path)
    actions, not_actions = read_actions(entry, path)
    if "Resource" in entry and "NotResource" in entry:
        raise Fault((*path, "NotResource"), "a statement has `Resource` or `NotResource`, not both")
    if "Resource" not in entry and "NotResource" not in entry:
        raise Fault(path, "a statement has a `Resource`", aws=aws_texts.NO_RESOURCE)
    deny = effect is Effect.DENY
    return Statement(
        index=index,
        sid=read_member(entry, "Sid", path),
        effect=effect,
        actions=actions,
        not_actions=not_actions,
        resources=_resources(entry, "Resource", path, variables=variables, wide=deny),
        not_resources=_resources(entry, "NotResource", path, variables=variables, wide=not deny),
        conditions=read_conditions(entry, path, variables=variables, deny=deny),
    )


def _resources(
    entry: Mapping[str, JsonValue], name: str, path: Path, *, variables: bool, wide: bool
) -> Resources | None:
    if name not in entry:
        return None
    path = (*path, name)
    texts = read_texts(entry[name], path, "a resource", aws=aws_texts.NO_RESOURCE)
    try:
        return Resources.compile(texts, variables=variables, wide=wide)
    except PolicyUnsupported as fault:
        raise Fault(path, fault.message, advice=fault.advice, known=True) from None
    except PolicyMalformed as fault:
        raise Fault(path, fault.message, aws=str(fault.facts["aws_message"])) from None
