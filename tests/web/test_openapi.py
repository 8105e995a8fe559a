"""The OpenAPI document, and junk posted to everything that it tells of."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass.config import Settings
from daypass.idp import model
from daypass.web import admin_tokens, audit, keys, organizations, projects, workloads
from support.identity_provider import ISSUER, World

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

CONNECTIONS = "/v1/organizations/{organization}/connections"
ROUTES = [
    ("DELETE", f"{CONNECTIONS}/{{connection}}"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/healthz"),
    ("GET", "/keys"),
    ("GET", "/readyz"),
    ("GET", "/v1/admin-tokens"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/audit/verify"),
    ("GET", "/v1/id-tokens/actions"),
    ("GET", "/v1/keys"),
    ("GET", "/v1/keys/{kid}/tokens"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/organizations"),
    ("GET", "/v1/organizations/{organization}"),
    ("GET", CONNECTIONS),
    ("GET", f"{CONNECTIONS}/{{connection}}"),
    ("GET", f"{CONNECTIONS}/{{connection}}/refusals"),
    ("GET", "/v1/organizations/{organization}/projects"),
    ("GET", "/v1/organizations/{organization}/projects/{project}"),
    ("GET", "/v1/organizations/{organization}/projects/{project}/workloads"),
    ("GET", "/v1/organizations/{organization}/subjects"),
    ("GET", "/v1/workloads/{workload}"),
    ("PATCH", "/v1/organizations/{organization}"),
    ("PATCH", f"{CONNECTIONS}/{{connection}}"),
    ("PATCH", "/v1/organizations/{organization}/projects/{project}"),
    ("POST", "/token"),
    ("POST", "/v1/admin-tokens"),
    ("POST", "/v1/admin-tokens/{token}/revoke"),
    ("POST", "/v1/id-tokens"),
    ("POST", "/v1/keys"),
    ("POST", "/v1/keys/rotate"),
    ("POST", "/v1/keys/{kid}/activate"),
    ("POST", "/v1/keys/{kid}/revoke"),
    ("POST", "/v1/organizations"),
    ("POST", "/v1/organizations/{organization}/aws-claims"),
    ("POST", CONNECTIONS),
    ("POST", f"{CONNECTIONS}/{{connection}}/try"),
    ("POST", "/v1/organizations/{organization}/form-preview"),
    ("POST", "/v1/organizations/{organization}/projects"),
    ("POST", "/v1/organizations/{organization}/projects/{project}/workloads"),
    ("POST", "/v1/organizations/{organization}/subjects/release"),
    ("POST", "/v1/workloads/{workload}/revoke"),
]


def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.call("GET", "/v1/openapi.json").json()
    return found


def test_the_document_tells_of_every_route(world: World) -> None:
    described = document(world)
    assert described["servers"] == [{"url": str(ISSUER)}]
    assert sorted((method.upper(), path) for path, each in described["paths"].items() for method in each) == ROUTES
    operations = [each for path in described["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    for each in operations:
        assert "422" not in each["responses"]
        assert each["security"] in ([], [{"admin": []}], [{"workload": []}])
        assert ("x-daypass-scope" in each) == (each["security"] == [{"admin": []}])
        assert each["summary"]


def test_every_reference_in_the_document_leads_somewhere(world: World) -> None:
    described = document(world)
    text = json.dumps(described)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names == described["components"]["schemas"].keys()


MADE = {"issuer", "next_step_at", "waits_for"}
"""What answers tell that no field holds."""


@pytest.mark.parametrize(
    ("shown", "shape", "hidden"),
    [
        (model.Organization, organizations.OrganizationAnswer, set()),
        (model.Project, projects.ProjectAnswer, set()),
        (model.Workload, workloads.WorkloadAnswer, {"secret_hash"}),
        (model.AdminToken, admin_tokens.AdminTokenAnswer, {"secret_hash"}),
        (model.SigningKey, keys.KeyAnswer, set()),
    ],
)
def test_answers_show_the_model_s_fields_and_no_hash(
    shown: type[Any], shape: type[BaseModel], hidden: set[str]
) -> None:
    assert shape.model_fields.keys() - MADE == {field.name for field in dataclasses.fields(shown)} - hidden


def test_an_audit_entry_is_shown_with_its_place_in_the_chain() -> None:
    entry = {field.name for field in dataclasses.fields(model.AuditEntry)}
    assert audit.AuditAnswer.model_fields.keys() == entry | {"sequence", "hash"}


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    [
        "slug",
        "name",
        "kind",
        "audience",
        "audiences",
        "attributes",
        "scopes",
        "algorithm",
        "organization",
        "expires_in_seconds",
        "lifetime_seconds",
        "token_format",
        "subject_claims",
        "allow_subject_claims",
        "scope",
        "project",
        "terms",
        "enabled",
        "token",
    ]
)
likely = st.sampled_from(
    [
        "acme",
        "job",
        "sts.amazonaws.com",
        "*",
        "ES256",
        "gitpod",
        "daypass",
        "",
        "\0",
        "x" * 300,
        ["*"],
        ["a"],
        {"user_id": "u"},
        10**30,
        -1,
        "org_" + "a" * 20,
        "é",
        "\u202e",
        "../..",
        "%00",
        "' OR 1=1 --",
    ]
)
bodies = (
    st.dictionaries(members, likely | junk, max_size=5).map(lambda body: json.dumps(body).encode())
    | junk.map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=40)
)
words = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["acme", "shop", "%2e%2e", "a/b", "\n", "é", "%ff", "x" * 500]
)
queries = st.dictionaries(
    st.sampled_from(["after", "limit", "audience", "api-version", "x"]), st.text(max_size=20), max_size=3
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, str]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    world = World(Settings(issuer=ISSUER, data_folder=folder, limit_source_failures_per_minute=0))
    secret: str = world.workload()["secret"]
    return world, secret


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    route=st.sampled_from(ROUTES),
    method=st.sampled_from(["", "", "", "PUT", "DELETE", "OPTIONS", "TRACE"]),
    content=bodies,
    word=words,
    query=queries,
    who=st.sampled_from(["root", "root", "root", "workload", "nobody", "junk"]),
    media_type=st.sampled_from(["application/json", "application/json", "application/json", "text/plain", "", "a/b;c"]),
)
def test_junk_is_never_a_5xx_and_no_secret_is_in_an_answer(
    shared: tuple[World, str],
    route: tuple[str, str],
    method: str,
    content: bytes,
    word: str,
    query: dict[str, str],
    who: str,
    media_type: str,
) -> None:
    from urllib.parse import quote

    world, secret = shared
    path = route[1]
    for name in ("organization", "connection", "project", "workload", "token", "kid"):
        path = path.replace("{" + name + "}", quote(word, safe="%"))
    credential = {"root": world.root, "workload": secret, "nobody": None, "junk": "junk"}[who]
    headers = {"content-type": media_type} if media_type else {}
    answer = world.call(method or route[0], path, credential, content=content, params=query, headers=headers)
    assert answer.status_code < 500, answer.text
    assert answer.status_code != 422
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for hidden in (world.root, secret):
        assert hidden not in answer.text
        assert hidden not in str(answer.headers)
    if answer.status_code >= 400:
        problem = answer.json()
        if path == "/token" and (method or route[0]) == "POST":
            assert problem.keys() >= {"error", "code", "request_id"}
            return
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert "Traceback" not in answer.text
