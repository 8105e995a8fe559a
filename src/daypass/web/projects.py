"""`/v1/organizations/{organization}/projects`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class ProjectAnswer(Answer):
    """A project."""

    id: str
    organization_id: str
    slug: str
    name: str
    created_at: Time


class NewProject(Body):
    """A new project."""

    slug: str
    name: str | None = None


class ProjectChange(Body):
    """What is to change."""

    name: str


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["projects"], generate_unique_id_function=name_of)
    registry = services.registry

    @routes.post(
        "/v1/organizations/{organization}/projects",
        status_code=201,
        response_model=ProjectAnswer,
        **needs(Scope.PROJECTS_WRITE),
    )
    async def create_project(
        organization: str, body: NewProject, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Create a project in an organization."""
        made = await registry.create_project(caller, organization, **body.model_dump(exclude_none=True))
        return reply(ProjectAnswer.of(made), 201)

    @routes.get(
        "/v1/organizations/{organization}/projects", response_model=Listed[ProjectAnswer], **needs(Scope.PROJECTS_READ)
    )
    async def list_projects(
        organization: str, page: Annotated[Page, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List an organization's projects."""
        found = await registry.projects(caller, organization, after=page.after, limit=page.limit)
        return reply_page([ProjectAnswer.of(one) for one in found], page.limit)

    @routes.get(
        "/v1/organizations/{organization}/projects/{project}",
        response_model=ProjectAnswer,
        **needs(Scope.PROJECTS_READ),
    )
    async def show_project(organization: str, project: str, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Show one project, by id or slug."""
        return reply(ProjectAnswer.of(await registry.project(caller, organization, project)))

    @routes.patch(
        "/v1/organizations/{organization}/projects/{project}",
        response_model=ProjectAnswer,
        **needs(Scope.PROJECTS_WRITE),
    )
    async def change_project(
        organization: str, project: str, body: ProjectChange, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Rename a project; its id and slug stay."""
        return reply(ProjectAnswer.of(await registry.update_project(caller, organization, project, name=body.name)))

    return routes
