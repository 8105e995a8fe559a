"""The OpenAPI document: the admin API as FastAPI describes it, and the hot routes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi.openapi.utils import get_openapi

from daypass import __version__
from daypass.idp.describe import GRANTS, TOKEN_PATH
from daypass.web.id_tokens import ActionsAnswer, AwsPart, IdTokenAnswer, IdTokenRequest
from daypass.web.token import FORM, ID_TOKEN, JWT

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

    from daypass.names import IssuerUrl

_PROBLEM: Final = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; what a program decides by."},
        "advice": {"type": "string"},
        "facts": {"type": "object"},
        "request_id": {"type": "string"},
    },
}
_TEXT: Final = {"type": "string"}
_EXCHANGE: Final = {
    "type": "object",
    "required": ["grant_type", "audience"],
    "properties": {
        "grant_type": {"type": "string", "enum": list(GRANTS)},
        "subject_token": {**_TEXT, "description": "For a token exchange: the other issuer's token."},
        "subject_token_type": {"type": "string", "enum": [JWT, ID_TOKEN]},
        "requested_token_type": {"type": "string", "enum": [JWT, ID_TOKEN]},
        "assertion": {**_TEXT, "description": "For the JWT bearer grant: the other issuer's token."},
        "audience": {"type": "array", "items": _TEXT, "description": "Whom the new token is for; may be repeated."},
        "organization": {**_TEXT, "description": "Id or slug; not below an organization's own issuer."},
        "connection": {**_TEXT, "description": "Id or name, where more than one takes tokens of that issuer."},
        "lifetime_seconds": {"type": "integer"},
        "algorithm": _TEXT,
    },
}
_EXCHANGED: Final = {
    "type": "object",
    "required": ["access_token", "issued_token_type", "token_type", "expires_in"],
    "properties": {
        "access_token": {**_TEXT, "description": "An ID token; RFC 8693 has it under this name."},
        "issued_token_type": _TEXT,
        "token_type": {"const": "N_A"},
        "expires_in": {"type": "integer", "description": "Seconds."},
    },
}
_NOT_EXCHANGED: Final = {
    "type": "object",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {**_TEXT, "description": "As in RFC 6749 and RFC 8693."},
        "error_description": _TEXT,
        "code": {**_TEXT, "description": "Stable; what a program decides by."},
        "request_id": _TEXT,
    },
}
_REFUSED_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSED: Final = {"description": "Refused, wrong, or not known now.", "content": _REFUSED_CONTENT}


def document(admin: FastAPI, issuer: IssuerUrl) -> bytes:
    """The whole document, below the issuer's URL."""
    described: dict[str, Any] = get_openapi(
        title="Daypass identity provider",
        version=__version__,
        summary="Identity tokens for workloads, and the administration of who gets them.",
        routes=admin.routes,
        servers=[{"url": str(issuer)}],
    )
    parts = described.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    for model in (IdTokenRequest, AwsPart, IdTokenAnswer, ActionsAnswer):
        schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["securitySchemes"] = {
        "admin": {"type": "http", "scheme": "bearer", "description": "An admin token (`dpa_…`)."},
        "workload": {"type": "http", "scheme": "bearer", "description": "A workload's secret (`dpw_…`)."},
    }
    described["paths"].update(_hot_paths())
    for operations in described["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"].setdefault("default", _REFUSED)
    return orjson.dumps(described)


def _hot_paths() -> dict[str, Any]:
    document_answer = {"200": {"description": "The document.", "content": {"application/json": {}}}}
    state_answer = {"200": {"description": "Yes.", "content": {"application/json": {}}}}
    parameters = [
        {"name": "audience", "in": "query", "required": False, "schema": {"type": "string"}},
        {"name": "api-version", "in": "query", "required": False, "schema": {"type": "string"}},
    ]
    return {
        "/.well-known/openid-configuration": {
            "get": _operation("discovery", "The discovery document.", document_answer, "public")
        },
        "/keys": {"get": _operation("key_set", "The public keys of the tokens.", document_answer, "public")},
        "/healthz": {"get": _operation("alive", "Whether the process lives.", state_answer, "public")},
        "/readyz": {"get": _operation("ready", "Whether a token could be issued now.", state_answer, "public")},
        "/v1/openapi.json": {"get": _operation("openapi", "This document.", document_answer, "public")},
        TOKEN_PATH: {
            "post": {
                **_operation(
                    "exchange_token",
                    "Exchange another issuer's token (RFC 8693, RFC 7523).",
                    {
                        "200": {"description": "A token.", "content": {"application/json": {"schema": _EXCHANGED}}},
                        "400": {
                            "description": "Refused (RFC 6749 section 5.2).",
                            "content": {"application/json": {"schema": _NOT_EXCHANGED}},
                        },
                        # What is refused before the exchange is asked (at the door) is a problem here, too.
                        "default": {
                            "description": _REFUSED["description"],
                            "content": {"application/json": {"schema": _NOT_EXCHANGED}, **_REFUSED_CONTENT},
                        },
                    },
                    "public",
                ),
                "requestBody": {"required": True, "content": {FORM: {"schema": _EXCHANGE}}},
            }
        },
        "/v1/id-tokens": {
            "post": {
                **_operation("create_id_token", "Get a token for a workload.", _answers(IdTokenAnswer), "workload"),
                "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(IdTokenRequest)}}},
            }
        },
        "/v1/id-tokens/actions": {
            "get": {
                **_operation(
                    "create_id_token_for_actions",
                    "Get a token by the GitHub Actions request protocol.",
                    _answers(ActionsAnswer),
                    "workload",
                ),
                "parameters": parameters,
            }
        },
    }


def _operation(name: str, summary: str, responses: dict[str, Any], who: str) -> dict[str, Any]:
    security: list[dict[str, list[str]]] = [] if who == "public" else [{who: []}]
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["public" if who == "public" else "id tokens"],
        "security": security,
        "responses": dict(responses),
    }


def _answers(model: type[BaseModel]) -> dict[str, Any]:
    return {"200": {"description": "The token.", "content": {"application/json": {"schema": _ref(model)}}}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
