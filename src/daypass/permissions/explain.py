"""A refused request in words: AWS's one sentence, and the whole tree behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.permissions import aws_texts
from daypass.trust.explain import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.permissions.decision import Authorization, PolicyResult, StatementResult


def message(authorization: Authorization, user: str, *, resource: str | None) -> str:
    """What AWS says of a refusal.

    Args:
        authorization: one that is not `allowed`.
        user: the ARN of the session.
        resource: as the service prints it; None for a service that names none here.
    """
    action = authorization.request.action
    if authorization.denied_by:
        because = aws_texts.EXPLICITLY.format(layer=authorization.denied_by[0].layer.with_article)
    else:
        because = aws_texts.IMPLICITLY.format(layer=authorization.silent[0].value, action=action)
    template = aws_texts.DENIED_WITHOUT_RESOURCE if resource is None else aws_texts.DENIED
    return template.format(user=user, action=action, resource=resource, because=because)


def words(authorization: Authorization) -> str:
    """Every policy and statement, and what in each did not match, for a terminal."""
    return "\n".join(_told(authorization))


def _told(authorization: Authorization) -> Iterator[str]:
    request = authorization.request
    yield f"{'allowed' if authorization.allowed else 'denied'}: {shown(request.action)}"
    if request.resource is None:
        yield "  resource: not known here, so only statements on all resources count"
    else:
        yield f"  resource: {shown(request.resource)}"
    for layer in authorization.silent:
        yield f"  no {layer} allows it"
    for policy in authorization.policies:
        yield from _policy(policy)


def _policy(policy: PolicyResult) -> Iterator[str]:
    yield f"  {policy.layer}: {shown(policy.name)}"
    for statement in policy.statements:
        name = f"statement {statement.index + 1}" + (f" `{shown(statement.sid)}`" if statement.sid else "")
        yield f"    {name} ({statement.effect.value}): {'applies' if statement.applies else 'does not apply'}"
        yield from (f"      {line}" for line in _obstacles(statement))


def _obstacles(statement: StatementResult) -> Iterator[str]:
    if not statement.action:
        yield "it speaks of other actions"
        return
    if not statement.resource:
        yield f"it speaks of other resources: {', '.join(map(shown, statement.resources))}"
    for condition in statement.conditions:
        if not condition.matched:
            wanted, found = (
                ", ".join(map(shown, values)) or "nothing" for values in (condition.wanted, condition.found)
            )
            yield (
                f"{shown(condition.operator)} {shown(condition.key)}: wanted {wanted}; found {found}"
                f" ({condition.reason.value.replace('_', ' ')})"
            )
