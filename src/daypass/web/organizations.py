"""`/v1/organizations`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from daypass.idp import rules
from daypass.idp.caller import Caller, Scope
from daypass.idp.model import Organization
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class OrganizationAnswer(Answer):
    """An organization."""

    id: str
    slug: str
    name: str
    token_format: str
    subject_claims: list[str]
    audiences: list[str]
    created_at: Time
    own_issuer: bool
    issuer: str


class NewOrganization(Body):
    """A new organization. What is left out, or null, takes its usual value."""

    slug: str
    name: str | None = None
    token_format: str | None = None
    subject_claims: list[str] | None = None
    allow_subject_claims: list[str] | None = None
    audiences: list[str] | None = None
    own_issuer: bool | None = None


class OrganizationChange(Body):
    """What is to change; the rest stays. `own_issuer` can be switched on, which changes `iss`, and never off."""

    name: str | None = None
    token_format: str | None = None
    subject_claims: list[str] | None = None
    allow_subject_claims: list[str] | None = None
    audiences: list[str] | None = None
    own_issuer: bool | None = None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["organizations"], generate_unique_id_function=name_of)
    registry, rings = services.registry, services.key_rings

    def shown(organization: Organization) -> OrganizationAnswer:
        own = organization.own_issuer
        return OrganizationAnswer.of(
            organization, issuer=str(rings.url_of(organization.slug) if own else rings.root.url)
        )

    @routes.post(
        "/v1/organizations",
        status_code=201,
        response_model=OrganizationAnswer,
        **needs(Scope.ORGANIZATIONS_WRITE),
    )
    async def create_organization(body: NewOrganization, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Create an organization."""
        if body.own_issuer:
            rings.url_of(rules.slug(body.slug))
        made = await registry.create_organization(caller, **body.model_dump(exclude_none=True))
        if made.own_issuer:
            await rings.open(made)
        return reply(shown(made), 201)

    @routes.get("/v1/organizations", response_model=Listed[OrganizationAnswer], **needs(Scope.ORGANIZATIONS_READ))
    async def list_organizations(
        page: Annotated[Page, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List the organizations that the caller sees."""
        found = await registry.organizations(caller, after=page.after, limit=page.limit)
        return reply_page([shown(one) for one in found], page.limit)

    @routes.get(
        "/v1/organizations/{organization}", response_model=OrganizationAnswer, **needs(Scope.ORGANIZATIONS_READ)
    )
    async def show_organization(organization: str, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Show one organization, by id or slug."""
        return reply(shown(await registry.organization(caller, organization)))

    @routes.patch(
        "/v1/organizations/{organization}", response_model=OrganizationAnswer, **needs(Scope.ORGANIZATIONS_WRITE)
    )
    async def change_organization(
        organization: str, body: OrganizationChange, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Change an organization."""
        if body.own_issuer and caller.organization_id is None:
            await rings.demand_url(organization)
        changed = await registry.update_organization(caller, organization, **body.model_dump(exclude_none=True))
        if changed.own_issuer:
            await rings.open(changed)
        return reply(shown(changed))

    return routes
