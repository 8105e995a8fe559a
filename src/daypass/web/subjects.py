"""`/v1/organizations/{organization}/subjects`: every `sub` that was issued, and whose it is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class SubjectAnswer(Answer):
    """An issued subject. `owner` is what it belongs to, by immutable ids; `released_at` since when no more."""

    issuer: str
    subject: str
    owner: str
    organization_id: str
    issued_at: Time
    released_at: Time | None


class SubjectPage(BaseModel):
    """The query: what comes behind the subject `after`, `limit` items at most."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, Field(max_length=255)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Release(Body):
    """The subject that is to be free, of which issuer, and why; for the audit log."""

    issuer: str
    subject: str
    reason: str


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["subjects"], generate_unique_id_function=name_of)
    ledger = services.subjects

    @routes.get(
        "/v1/organizations/{organization}/subjects",
        response_model=Listed[SubjectAnswer],
        **needs(Scope.ORGANIZATIONS_READ),
    )
    async def list_subjects(
        organization: str, page: Annotated[SubjectPage, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List the subjects that workloads of an organization were given, by their text."""
        found = await ledger.issued(caller, organization, after=page.after, limit=page.limit)
        return reply_page([SubjectAnswer.of(one) for one in found], page.limit, key="subject")

    @routes.post(
        "/v1/organizations/{organization}/subjects/release",
        response_model=SubjectAnswer,
        **needs(Scope.ORGANIZATIONS_WRITE),
    )
    async def release_subject(
        organization: str, body: Release, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Let a subject be somebody else's, once no token of its owner can be alive. Nobody gets it meanwhile."""
        released = await ledger.release(
            caller, organization, issuer=body.issuer, subject=body.subject, reason=body.reason
        )
        return reply(SubjectAnswer.of(released))

    return routes
