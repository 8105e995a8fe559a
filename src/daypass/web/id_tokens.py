"""`/v1/id-tokens`: a workload's secret in, a token out; and the same by the GitHub Actions request protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import parse_qsl

import orjson
from pydantic import Field
from starlette.responses import Response

from daypass.errors import RequestInvalid, RequestRefused
from daypass.idp.aws_claims import AwsRequest
from daypass.idp.forms import Form
from daypass.idp.issue import MIN_TOKEN_LIFETIME_SECONDS, IssuedToken, IssueRequest
from daypass.idp.key_times import MAX_TOKEN_LIFETIME_SECONDS
from daypass.idp.model import DEFAULT_AUDIENCE, Organization, Project, Workload
from daypass.web import bodies
from daypass.web.answers import Answer, Time, instant
from daypass.web.authentication import bearer
from daypass.web.discovery import issuer_slug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from daypass.web.services import Services

IDENTITY: Final = "urn:ietf:params:oauth:token-type:id_token"


# Described here and judged by the issuer, so that a refusal is in the audit log.
_Lifetime = Annotated[
    int, Field(json_schema_extra={"minimum": MIN_TOKEN_LIFETIME_SECONDS, "maximum": MAX_TOKEN_LIFETIME_SECONDS})
]


class AwsPart(bodies.Body):
    """What the token is to tell AWS beside its subject.

    Session tags by their keys, or true for all that are offered; the source identity; the roles that the token is good
    for, by ARN.
    """

    session_tags: list[str] | bool | None = None
    source_identity: bool | None = None
    roles: list[str] | None = None

    @property
    def wanted(self) -> AwsRequest:
        """As the issuer takes it."""
        tags = self.session_tags
        return AwsRequest(
            tags=tuple(tags) if isinstance(tags, list) else (),
            every_tag=tags is True,
            source_identity=bool(self.source_identity),
            roles=tuple(self.roles or ()),
        )


class IdTokenRequest(bodies.Body):
    """What the token is to be like. `audience` is who it is for.

    `form` is which form of tokens, in a period in which the organization has two.
    """

    audience: str | list[str] | None = None
    lifetime_seconds: _Lifetime | None = None
    algorithm: str | None = None
    scope: str | None = None
    form: Literal["current", "previous"] | None = None
    aws: AwsPart | None = None


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
        await self._authenticated(request)
        limit = self._settings.body_max_bytes
        value = bodies.parse(await bodies.read_bytes(request, max_bytes=limit), max_bytes=limit)
        wanted = bodies.shaped(IdTokenRequest, value)
        audience = (wanted.audience,) if isinstance(wanted.audience, str) else tuple(wanted.audience or ())
        # A body may take its time, and a secret may have been revoked meanwhile.
        holder = await self._authenticated(request)
        issued = await self._issue(request, holder, audience, wanted)
        document = {
            "token": issued.token.reveal(),
            "token_type": IDENTITY,
            "expires_at": instant(issued.expires_at),
        }
        return _secret_answer(document)

    async def actions(self, request: Request) -> Response:
        """`GET /v1/id-tokens/actions`: what tools made for GitHub Actions ask at ACTIONS_ID_TOKEN_REQUEST_URL."""
        holder = await self._authenticated(request)
        audience = _actions_audience(request) or DEFAULT_AUDIENCE
        issued = await self._issue(request, holder, (audience,), IdTokenRequest())
        value = issued.token.reveal()
        return _secret_answer({"value": value, "count": len(value)})

    async def _authenticated(self, request: Request) -> tuple[Workload, Project, Organization]:
        return await self._registry.authenticate_workload(
            bearer(request.headers), request_id=request.state.request_id, source_ip=request.state.source_ip
        )

    async def _issue(
        self,
        request: Request,
        holder: tuple[Workload, Project, Organization],
        audience: tuple[str, ...],
        wanted: IdTokenRequest,
    ) -> IssuedToken:
        workload, project, organization = holder
        slug = issuer_slug(request)
        if slug is not None and not (organization.own_issuer and organization.slug == slug):
            raise RequestRefused(
                "this workload's tokens have another issuer",
                advice="Ask at the root issuer, or at the issuer of the workload's own organization.",
            )
        return await self._issuer.issue(
            workload,
            project,
            organization,
            IssueRequest(
                audience=audience,
                lifetime_seconds=wanted.lifetime_seconds,
                algorithm=wanted.algorithm,
                scope=wanted.scope,
                request_id=request.state.request_id,
                source_ip=request.state.source_ip,
                form=None if wanted.form is None else Form(wanted.form),
                aws=None if wanted.aws is None else wanted.aws.wanted,
            ),
        )


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
