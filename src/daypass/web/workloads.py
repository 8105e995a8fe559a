"""`/v1/workloads`, and the workloads of a project."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.

Kind = Literal["workspace", "environment", "job"]


class WorkloadAnswer(Answer):
    """A workspace, environment or CI job."""

    id: str
    organization_id: str
    project_id: str
    kind: Kind
    name: str
    attributes: dict[str, str]
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class NewWorkloadAnswer(WorkloadAnswer):
    """A new workload, with its secret: it is shown this once."""

    secret: str


class NewWorkload(Body):
    """A new workload."""

    kind: Kind
    name: str | None = None
    attributes: dict[str, str] | None = None
    expires_in_seconds: int | None = None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["workloads"], generate_unique_id_function=name_of)
    registry = services.registry

    @routes.post(
        "/v1/organizations/{organization}/projects/{project}/workloads",
        status_code=201,
        response_model=NewWorkloadAnswer,
        **needs(Scope.WORKLOADS_WRITE),
    )
    async def create_workload(
        organization: str, project: str, body: NewWorkload, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Create a workload; the answer alone ever shows its secret."""
        made = await registry.create_workload(caller, organization, project, **body.model_dump(exclude_none=True))
        return reply(NewWorkloadAnswer.of(made.workload, secret=made.secret.reveal()), 201)

    @routes.get(
        "/v1/organizations/{organization}/projects/{project}/workloads",
        response_model=Listed[WorkloadAnswer],
        **needs(Scope.WORKLOADS_READ),
    )
    async def list_workloads(
        organization: str,
        project: str,
        page: Annotated[Page, Query()],
        caller: Annotated[Caller, Depends(the_caller)],
    ) -> Response:
        """List a project's workloads."""
        found = await registry.workloads(caller, organization, project, after=page.after, limit=page.limit)
        return reply_page([WorkloadAnswer.of(one) for one in found], page.limit)

    @routes.get("/v1/workloads/{workload}", response_model=WorkloadAnswer, **needs(Scope.WORKLOADS_READ))
    async def show_workload(workload: str, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Show one workload."""
        return reply(WorkloadAnswer.of(await registry.workload(caller, workload)))

    @routes.post("/v1/workloads/{workload}/revoke", response_model=WorkloadAnswer, **needs(Scope.WORKLOADS_WRITE))
    async def revoke_workload(workload: str, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """End a workload's secret at once. Tokens that it has been given live on until they expire."""
        return reply(WorkloadAnswer.of(await registry.revoke_workload(caller, workload)))

    return routes
