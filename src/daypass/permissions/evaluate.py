"""Judge a signed request by the policies of a session.

A Deny anywhere wins. Otherwise each layer that there is has to allow: the role's own policies together, its permissions
boundary, the session's policies together (IAM User Guide, "Policy evaluation logic").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.permissions.decision import Authorization, Layer, PolicyResult, StatementResult
from daypass.trust.evaluate import judged
from daypass.trust.statement import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.permissions.decision import Request
    from daypass.permissions.document import PermissionsPolicy, Statement


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy, and the name it is attached by: `inline policy read`, or an ARN."""

    name: str
    policy: PermissionsPolicy


@dataclass(frozen=True, slots=True)
class Policies:
    """All that decides about a session.

    Attributes:
        identity: the role's inline and managed policies.
        boundary: None without one; a boundary that is gone is an empty tuple and allows nothing.
        session: None when the session was asked for without policies.
        resource: those of the resource; None when they need not allow, for it is of the session's own account.
    """

    identity: tuple[Attached, ...]
    boundary: tuple[Attached, ...] | None = None
    session: tuple[Attached, ...] | None = None
    resource: tuple[Attached, ...] | None = None

    def layers(self) -> Iterator[tuple[Layer, tuple[Attached, ...]]]:
        """Those that there are, in AWS's order."""
        yield Layer.IDENTITY, self.identity
        if self.boundary is not None:
            yield Layer.BOUNDARY, self.boundary
        if self.session is not None:
            yield Layer.SESSION, self.session
        if self.resource is not None:
            yield Layer.RESOURCE, self.resource


def allows(policies: Policies, request: Request) -> bool:
    """The same answer as `evaluate(policies, request).allowed`, without the reasons. Never raises."""
    every = True
    for _, attached in policies.layers():
        allowed = False
        for each in attached:
            for statement in each.policy.statements:
                if statement.effect is Effect.DENY:
                    if statement.applies(request):
                        return False
                elif not allowed:
                    allowed = statement.applies(request)
        every = every and allowed
    return every


def evaluate(policies: Policies, request: Request) -> Authorization:
    """Judge a request, and keep all the reasons. Never raises."""
    layers = tuple(policies.layers())
    return Authorization(
        request,
        tuple(layer for layer, _ in layers),
        tuple(
            PolicyResult(layer, each.name, tuple(_statement(one, request) for one in each.policy.statements))
            for layer, attached in layers
            for each in attached
        ),
    )


def _statement(statement: Statement, request: Request) -> StatementResult:
    listed = statement.resources or statement.not_resources
    return StatementResult(
        index=statement.index,
        sid=statement.sid,
        effect=statement.effect,
        action=statement.names_action(request.action),
        resource=statement.names_resource(request),
        resources=() if listed is None else listed.texts,
        conditions=tuple(judged(condition, request.context) for condition in statement.conditions),
    )
