"""`/v1/organizations/{organization}/connections`: the connections of the exchange."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.terms_document import terms_document
from daypass.idp.model import AuditRecord
from daypass.secret import Secret
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, instant, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.

PATH = "/v1/organizations/{organization}/connections"
Terms = dict[str, Any]


class ConnectionAnswer(Answer):
    """A connection; its terms are described in the documentation of the exchange."""

    id: str
    organization_id: str
    project_id: str
    name: str
    terms: Terms
    created_at: Time
    disabled_at: Time | None


class NewConnection(Body):
    """A new connection."""

    name: str
    project: str
    terms: Terms


class ConnectionChange(Body):
    """What is to change. `terms` replaces all of them."""

    terms: Terms | None = None
    enabled: bool | None = None


class Trial(Body):
    """A token to try out. No use of it is counted."""

    token: str


class UnmetAnswer(Answer):
    """A rule that does not hold."""

    rule: str
    claim: str
    expected: str
    received: str


class VerdictAnswer(Answer):
    """What a connection makes of a token."""

    accepted: bool
    code: str | None
    reason: str | None
    unmet: list[UnmetAnswer]
    workload: str | None
    attributes: dict[str, str]
    unknown_claims: list[str]


class RefusalAnswer(Answer):
    """A token that was turned away."""

    at: Time
    request_id: str
    reason: str | None
    source_ip: str | None
    detail: dict[str, str]


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["connections"], generate_unique_id_function=name_of)
    connections = services.connections

    @routes.post(PATH, status_code=201, response_model=ConnectionAnswer, **needs(Scope.CONNECTIONS_WRITE))
    async def create_connection(
        organization: str, body: NewConnection, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Take an upstream issuer's tokens for a project."""
        made = await connections.create(caller, organization, name=body.name, project=body.project, terms=body.terms)
        return reply(_told(made), 201)

    @routes.get(PATH, response_model=Listed[ConnectionAnswer], **needs(Scope.CONNECTIONS_READ))
    async def list_connections(
        organization: str, page: Annotated[Page, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List an organization's connections."""
        found = await connections.connections(caller, organization, after=page.after, limit=page.limit)
        return reply_page([_told(one) for one in found], page.limit)

    @routes.get(PATH + "/{connection}", response_model=ConnectionAnswer, **needs(Scope.CONNECTIONS_READ))
    async def show_connection(
        organization: str, connection: str, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Show one connection, by id or name."""
        return reply(_told(await connections.connection(caller, organization, connection)))

    @routes.patch(PATH + "/{connection}", response_model=ConnectionAnswer, **needs(Scope.CONNECTIONS_WRITE))
    async def change_connection(
        organization: str,
        connection: str,
        body: ConnectionChange,
        caller: Annotated[Caller, Depends(the_caller)],
    ) -> Response:
        """Replace a connection's terms, or switch it off or on."""
        changed = await connections.update(caller, organization, connection, terms=body.terms, enabled=body.enabled)
        return reply(_told(changed))

    @routes.delete(PATH + "/{connection}", status_code=204, **needs(Scope.CONNECTIONS_WRITE))
    async def delete_connection(
        organization: str, connection: str, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Take a connection away."""
        await connections.delete(caller, organization, connection)
        return Response(status_code=204)

    @routes.post(PATH + "/{connection}/try", response_model=VerdictAnswer, **needs(Scope.CONNECTIONS_WRITE))
    async def try_connection(
        organization: str, connection: str, body: Trial, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Tell what the connection makes of a token. Nothing is given out, and no use is counted."""
        verdict = await connections.try_out(caller, organization, connection, Secret(body.token))
        accepted = verdict.refusal is None and verdict.claims is not None
        known = verdict.claims if accepted and verdict.claims is not None else {}
        return reply(
            VerdictAnswer(
                accepted=accepted,
                code=None if verdict.refusal is None else verdict.refusal.code,
                reason=None if verdict.refusal is None else verdict.refusal.message,
                unmet=[UnmetAnswer.model_validate(one.to_json()) for one in verdict.unmet],
                workload=verdict.connection.workload_id(known) if accepted else None,
                attributes=verdict.connection.attribute_values(known),
                unknown_claims=list(verdict.unknown),
            )
        )

    @routes.get(PATH + "/{connection}/refusals", response_model=Listed[RefusalAnswer], **needs(Scope.CONNECTIONS_READ))
    async def list_refusals(
        organization: str, connection: str, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List whom the connection turned away lately, newest first, with rule, claim, expected and received."""
        found = await connections.refusals(caller, organization, connection)
        return reply_page([_refusal(one) for one in found], limit=len(found) + 1)  # there is no next page

    return routes


def _told(connection: Connection) -> ConnectionAnswer:
    return ConnectionAnswer(
        id=connection.id,
        organization_id=connection.organization_id,
        project_id=connection.project_id,
        name=connection.name,
        terms=terms_document(connection.terms),
        created_at=instant(connection.created_at),
        disabled_at=None if connection.disabled_at is None else instant(connection.disabled_at),
    )


def _refusal(record: AuditRecord) -> RefusalAnswer:
    entry = record.entry
    return RefusalAnswer(
        at=instant(entry.at),
        request_id=entry.request_id,
        reason=entry.reason,
        source_ip=entry.source_ip,
        detail=dict(entry.detail),
    )
