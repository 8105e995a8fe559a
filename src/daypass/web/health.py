"""`/healthz`: the process lives. `/readyz`: it can sign, its keys are published, and what it issues can be audited."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

import orjson
from starlette.responses import Response

from daypass.errors import DaypassError, KeyUnavailable, Unavailable
from daypass.idp.key_life import next_step_at
from daypass.idp.model import AuditEntry, KeyState
from daypass.tokens.key_set import KeySet

if TYPE_CHECKING:
    from starlette.requests import Request

    from daypass.idp.key_ring import KeyRing
    from daypass.web.services import Services

REMEMBERED_SECONDS: Final = 1.0
"""How long an answer of `/readyz` holds: nobody can make us sign more often by asking more often."""


class Health:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looked_at = -REMEMBERED_SECONDS
        self._fault: Unavailable | None = None
        self._looking = asyncio.Lock()

    async def alive(self, request: Request) -> Response:
        """`GET /healthz`."""
        del request
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def ready(self, request: Request) -> Response:
        """`GET /readyz`.

        Raises:
            Unavailable: when a token could not be issued now.
        """
        del request
        async with self._looking:
            if monotonic() - self._looked_at >= REMEMBERED_SECONDS:
                try:
                    await self._look()
                    self._fault = None
                except DaypassError as error:
                    self._fault = error if isinstance(error, Unavailable) else KeyUnavailable(error.message)
                self._looked_at = monotonic()
        if self._fault is not None:
            raise type(self._fault)(self._fault.message)
        answer: dict[str, object] = {"status": "ready", "algorithms": list(self._services.key_ring.algorithms)}
        if waiting := self._waiting():
            answer["keys_waiting"] = waiting
        return Response(orjson.dumps(answer), media_type="application/json")

    def _waiting(self) -> list[dict[str, str]]:
        """Keys whose turn has come and who are not seen outside yet: what signs now goes on, so this is still ready."""
        now = self._services.clock()
        return [
            {"kid": key.kid, "issuer": str(issuing.url), "reason": reason}
            for issuing in self._services.key_rings
            for key in issuing.key_ring.keys
            if key.state is KeyState.NEXT
            and (step_at := next_step_at(key, self._services.key_rings.times)) is not None
            and step_at <= now
            and (reason := issuing.key_ring.waits_for(key)) is not None  # the dear one: it reads the key
        ]

    async def _look(self) -> None:
        await self._look_at(self._services.key_ring)
        audit = self._services.audit
        await asyncio.to_thread(audit.entries, limit=1)
        if audit.failed:
            now = self._services.clock()
            await audit.append(AuditEntry(now, event="audit.recovered", outcome="changed", request_id="readiness"))

    async def _look_at(self, key_ring: KeyRing) -> None:
        published = {key.kid for key in KeySet.parse(key_ring.published).keys}
        if not key_ring.algorithms:
            raise KeyUnavailable("there is no signing key")
        for algorithm in key_ring.algorithms:
            key = key_ring.active(algorithm)
            if key.kid not in published:
                raise KeyUnavailable(f"the key `{key.kid}` signs and is not published")
            await key_ring.sign(key, b"readiness")
