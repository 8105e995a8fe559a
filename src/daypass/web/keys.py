"""`/v1/keys`: the signing keys. They are the whole issuer's, so a caller bound to one organization has no say."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class KeyAnswer(Answer):
    """A signing key's public half, and where it is in its life."""

    kid: str
    algorithm: str
    state: str
    public_jwk: dict[str, str]
    created_at: Time
    activated_at: Time | None
    retiring_at: Time | None
    retired_at: Time | None


class NewKey(Body):
    """A new signing key."""

    algorithm: str


class Activation(BaseModel):
    """The query. `at_once` is for a key that has leaked: relying parties may refuse the new key's first tokens."""

    model_config = ConfigDict(extra="forbid")

    at_once: bool = False


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["keys"], generate_unique_id_function=name_of)
    key_ring = services.key_ring

    @routes.get("/v1/keys", response_model=Listed[KeyAnswer], **needs(Scope.KEYS_READ))
    async def list_keys(caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """List all signing keys, oldest first. They are few: there is one page."""
        caller.require_everywhere(Scope.KEYS_READ)
        return reply_page([KeyAnswer.of(key) for key in key_ring.keys], limit=0, key="kid")

    @routes.post("/v1/keys", status_code=201, response_model=KeyAnswer, **needs(Scope.KEYS_WRITE))
    async def create_key(body: NewKey, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Create a key and publish it at once; it does not sign before it is activated."""
        return reply(KeyAnswer.of(await key_ring.create(caller, body.algorithm)), 201)

    @routes.post("/v1/keys/{kid}/activate", response_model=KeyAnswer, **needs(Scope.KEYS_WRITE))
    async def activate_key(
        kid: str, how: Annotated[Activation, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Sign with this key from now on; the one before stays published until its last token has died.

        Refused until caches of the key set can have it, six minutes after it was made; unless `at_once`.
        """
        return reply(KeyAnswer.of(await key_ring.activate(caller, kid, at_once=how.at_once)))

    return routes
