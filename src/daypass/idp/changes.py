"""What all changes have in common: each is recorded first, and a caller who hangs up does not cut it in two."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

from daypass.errors import AuditUnavailable, DaypassError
from daypass.idp.model import AuditEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from daypass.idp.caller import Caller
    from daypass.idp.ports import AuditLog, Clock

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")

_RUNNING: Final[set[asyncio.Task[object]]] = set()


def uninterrupted(
    method: Callable[Concatenate[S, P], Coroutine[object, object, T]],
) -> Callable[Concatenate[S, P], Coroutine[object, object, T]]:
    """Let a use case run to its end when its caller is cancelled, because the client closed the connection.

    Otherwise a revocation could reach the store after its lock was given back, and memory would not hear of it.
    """

    @wraps(method)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.ensure_future(method(self, *args, **kwargs))
        _RUNNING.add(task)
        task.add_done_callback(_ended)
        return await asyncio.shield(task)

    return run


def _ended(task: asyncio.Task[object]) -> None:
    _RUNNING.discard(task)
    if not task.cancelled():
        task.exception()  # its caller may be gone; asyncio would log that nobody has seen it


@asynccontextmanager
async def recorded(
    audit: AuditLog,
    clock: Clock,
    caller: Caller,
    event: str,
    *,
    organization_id: str | None = None,
    project_id: str | None = None,
    workload_id: str | None = None,
    kid: str | None = None,
    detail: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:
    """Record a change, then let it happen. When it then fails, a second entry (`failed`) tells so.

    Raises:
        AuditUnavailable: when it could not be recorded; the change must not happen, and does not.
    """
    entry = AuditEntry(
        at=clock(),
        event=event,
        outcome="changed",
        request_id=caller.request_id,
        organization_id=organization_id,
        project_id=project_id,
        workload_id=workload_id,
        actor=caller.actor,
        kid=kid,
        source_ip=caller.source_ip,
        detail=detail or {},
    )
    await audit.append(entry)
    try:
        yield
    except DaypassError as error:
        with suppress(AuditUnavailable):
            await audit.append(replace(entry, at=clock(), outcome="failed", reason=error.code))
        raise
