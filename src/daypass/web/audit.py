"""`/v1/audit`: what was decided, in order."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Time, reply, reply_page
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class AuditAnswer(Answer):
    """One decision. `hash` covers the entry and all before it."""

    sequence: int
    hash: str
    at: Time
    event: str
    outcome: str
    request_id: str
    organization_id: str | None
    project_id: str | None
    workload_id: str | None
    actor: str | None
    issuer: str | None
    subject: str | None
    audience: list[str]
    jti: str | None
    kid: str | None
    token_sha256: str | None
    expires_at: Time | None
    source_ip: str | None
    reason: str | None
    detail: dict[str, str]


class AuditPage(BaseModel):
    """The query: what comes behind the sequence number `after`."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class AuditVerified(Answer):
    """Every row is as it was written. `rows` is their number; note it elsewhere with the last row's hash."""

    rows: int
    last_hash: str | None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["audit"], generate_unique_id_function=name_of)

    @routes.get("/v1/audit", response_model=Listed[AuditAnswer], **needs(Scope.AUDIT_READ))
    async def list_audit_entries(
        page: Annotated[AuditPage, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List audit entries, oldest first; to a caller bound to an organization, those about it."""
        found = await asyncio.to_thread(
            services.audit.entries, after=page.after, limit=page.limit, organization_id=caller.organization_id
        )
        items = [AuditAnswer.of(record.entry, sequence=record.sequence, hash=record.hash) for record in found]
        return reply_page(items, page.limit, key="sequence")

    @routes.get("/v1/audit/verify", response_model=AuditVerified, **needs(Scope.AUDIT_READ))
    async def verify_audit_log(caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Check every row against the chain of hashes. Not for a caller bound to one organization: it reads all."""
        caller.require_everywhere(Scope.AUDIT_READ)
        rows = await asyncio.to_thread(services.audit.verify)
        last = await asyncio.to_thread(services.audit.entries, after=max(rows - 1, 0), limit=1)
        return reply(AuditVerified(rows=rows, last_hash=last[0].hash if last else None))

    return routes
