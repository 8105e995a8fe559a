"""`/v1/id-tokens`: a workload's secret in, a token out; and the same by the GitHub Actions request protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import parse_qsl

import orjson
from pydantic import Field
from starlette.responses import Response

from daypass.errors import RequestInvalid
from daypass.idp.issue import IssuedToken, IssueRequest
from daypass.idp.model import DEFAULT_AUDIENCE, Organization, Project, Workload
from daypass.subjects.registry import format_named
from daypass.web import bodies
from daypass.web.answers import Answer, Time, instant
from daypass.web.authentication import bearer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from daypass.web.services import Services

IDENTITY: Final = "urn:ietf:params:oauth:token-type:id_token"


class IdTokenRequest(bodies.Body):
    """What the token is to be like. `audience` is who it is for."""

    audience: str | list[str] | None = None
    lifetime_seconds: Annotated[int, Field(ge=60, le=3600)] | None = None
    algorithm: str | None = None
    scope: str | None = None


class IdTokenAnswer(Answer):
    """The token (RFC 8693 names its type)."""

    token: str
    token_type: Literal["urn:ietf:params:oauth:token-type:id_token"]
    expires_at: Time


class ActionsAnswer(Answer):
    """The token, as GitHub's runners are given it."""

    value: str
    count: int


class IdTokens:
    """The handlers. The caller is authenticated before anything else of the request is looked at."""

    def __init__(self, services: Services) -> None:
        self._registry = services.registry
        self._issuer = services.issuer
        self._settings = services.settings

    async def create(self, request: Request) -> Response:
        """`POST /v1/id-tokens`."""
        secret = bearer(request.headers)
        await self._registry.authenticate_workload(secret)
        limit = self._settings.body_max_bytes
        value = bodies.parse(await bodies.read_bytes(request, max_bytes=limit), max_bytes=limit)
        wanted = bodies.shaped(IdTokenRequest, value)
        audience = (wanted.audience,) if isinstance(wanted.audience, str) else tuple(wanted.audience or ())
        if not audience or not all(audience):
            raise RequestInvalid(
                "`audience` is missing or empty",
                advice=f"Name who the token is for; for AWS that is `{DEFAULT_AUDIENCE}`.",
                members=["audience"],
            )
        # A body may take its time, and a secret may have been revoked meanwhile.
        holder = await self._registry.authenticate_workload(secret)
        issued = await self._issue(request, holder, audience, wanted)
        document = {
            "token": issued.token.reveal(),
            "token_type": IDENTITY,
            "expires_at": instant(issued.expires_at),
        }
        return _secret_answer(document)

    async def actions(self, request: Request) -> Response:
        """`GET /v1/id-tokens/actions`: what tools made for GitHub Actions ask at ACTIONS_ID_TOKEN_REQUEST_URL."""
        holder = await self._registry.authenticate_workload(bearer(request.headers))
        audience = _actions_audience(request) or DEFAULT_AUDIENCE
        issued = await self._issue(request, holder, (audience,), IdTokenRequest())
        value = issued.token.reveal()
        return _secret_answer({"value": value, "count": len(value)})

    async def _issue(
        self,
        request: Request,
        holder: tuple[Workload, Project, Organization],
        audience: tuple[str, ...],
        wanted: IdTokenRequest,
    ) -> IssuedToken:
        workload, project, organization = holder
        lifetime = self._lifetime(wanted.lifetime_seconds, organization)
        return await self._issuer.issue(
            workload,
            project,
            organization,
            IssueRequest(
                audience=audience,
                lifetime_seconds=lifetime,
                algorithm=wanted.algorithm,
                scope=wanted.scope,
                request_id=request.state.request_id,
                source_ip=request.state.source_ip,
            ),
        )

    def _lifetime(self, wanted: int | None, organization: Organization) -> int:
        longest = self._settings.token_lifetime_max_seconds
        if wanted is None:
            usual = self._settings.token_lifetime_seconds or format_named(organization.token_format).lifetime_seconds
            return min(usual, longest)
        if wanted > longest:
            raise RequestInvalid(
                f"`lifetime_seconds` is more than the {longest} that this issuer allows", members=["lifetime_seconds"]
            )
        return wanted


def _actions_audience(request: Request) -> str | None:
    """The one `audience` of the query."""
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError:
        raise RequestInvalid("the query cannot be read") from None
    for name, value in pairs:
        if name not in {"audience", "api-version"}:
            raise RequestInvalid(f"the parameter `{name}` is not known here", members=[name])
        if name in given:
            raise RequestInvalid(f"the parameter `{name}` is given twice", members=[name])
        given[name] = value
    if given.get("audience") == "":
        raise RequestInvalid("the parameter `audience` is empty", members=["audience"])
    return given.get("audience")


def _secret_answer(document: Mapping[str, object]) -> Response:
    return Response(
        orjson.dumps(document),
        headers={"cache-control": "no-store", "pragma": "no-cache"},
        media_type="application/json",
    )
