"""`/v1/admin-tokens`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class AdminTokenAnswer(Answer):
    """An admin token, without its secret."""

    id: str
    name: str
    scopes: list[str]
    organization_id: str | None
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class NewAdminTokenAnswer(AdminTokenAnswer):
    """A new admin token, with its secret: it is shown this once."""

    secret: str


class NewAdminToken(Body):
    """A new admin token: scopes and an organization that its creator holds."""

    name: str
    scopes: list[str]
    organization: str | None = None
    expires_in_seconds: int | None = None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["admin tokens"], generate_unique_id_function=name_of)
    registry = services.registry

    @routes.post(
        "/v1/admin-tokens",
        status_code=201,
        response_model=NewAdminTokenAnswer,
        **needs(Scope.ADMIN_TOKENS_WRITE),
    )
    async def create_admin_token(body: NewAdminToken, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Create an admin token; the answer alone ever shows its secret."""
        made = await registry.create_admin_token(caller, **body.model_dump(exclude_none=True))
        return reply(NewAdminTokenAnswer.of(made.token, secret=made.secret.reveal()), 201)

    @routes.get("/v1/admin-tokens", response_model=Listed[AdminTokenAnswer], **needs(Scope.ADMIN_TOKENS_WRITE))
    async def list_admin_tokens(
        page: Annotated[Page, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List the admin tokens that the caller sees."""
        found = await registry.admin_tokens(caller, after=page.after, limit=page.limit)
        return reply_page([AdminTokenAnswer.of(one) for one in found], page.limit)

    @routes.post("/v1/admin-tokens/{token}/revoke", response_model=AdminTokenAnswer, **needs(Scope.ADMIN_TOKENS_WRITE))
    async def revoke_admin_token(token: str, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """End an admin token at once."""
        return reply(AdminTokenAnswer.of(await registry.revoke_admin_token(caller, token)))

    return routes
