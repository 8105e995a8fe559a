"""The application: which path is answered by what."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Final

from daypass.idp.describe import TOKEN_PATH
from daypass.web import admin_tokens, audit, exchange, keys, openapi, organizations, projects, subjects, workloads
from daypass.web.administration import administration
from daypass.web.discovery import Documents, public
from daypass.web.door import Door
from daypass.web.health import Health
from daypass.web.id_tokens import IdTokens
from daypass.web.token import Tokens

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from daypass.web.door import Handler
    from daypass.web.services import Services

RESOURCES: Final = (organizations, projects, workloads, subjects, exchange, keys, admin_tokens, audit)


def application(services: Services) -> Door:
    """The ASGI application of the identity provider.

    Its state is in `services`, opened before and closed after by whoever made them: lifespan events are not answered.
    """
    documents = Documents(services.key_rings)
    health = Health(services)
    tokens = IdTokens(services)
    exchanged = Tokens(services.exchange)
    admin = administration(services, (resource.router(services) for resource in RESOURCES))

    @cache
    def described() -> tuple[bytes, str]:
        # Made when first asked for: it takes longer than all the rest of the start.
        body = openapi.document(admin, services.settings.issuer)
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    async def describe(request: Request) -> Response:
        return public(request, *described(), max_age_seconds=services.key_rings.times.key_set_max_age_seconds)

    def readable(handler: Handler) -> dict[str, Handler]:
        # The server leaves the body out when the method is HEAD (RFC 9110 section 9.3.2).
        return {"GET": handler, "HEAD": handler}

    # What each issuer has below its own path: the root issuer, and every organization's.
    issuing: dict[str, dict[str, Handler]] = {
        "/.well-known/openid-configuration": readable(documents.discovery),
        "/keys": readable(documents.keys),
        "/not-supported": readable(documents.not_supported),
        TOKEN_PATH: {"POST": exchanged.create},
        "/v1/id-tokens": {"POST": tokens.create},
        "/v1/id-tokens/actions": {"GET": tokens.actions},
    }
    return Door(
        services.settings,
        services.limits,
        {
            **issuing,
            "/healthz": readable(health.alive),
            "/readyz": readable(health.ready),
            "/v1/openapi.json": readable(describe),
        },
        issuing,
        admin,
    )
