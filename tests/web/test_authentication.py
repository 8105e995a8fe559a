"""Who may ask what: credentials, scopes, organizations, and where a request came from."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from daypass.idp.caller import Scope
from daypass.idp.key_times import KeyTimes
from daypass.web.administration import SCOPE, administration
from daypass.web.application import RESOURCES
from daypass.web.authentication import source_ip
from support.identity_provider import World, code

TERMS = {
    "issuer": "https://gitlab.northwind.example",
    "audience": "https://idp.example.com",
    "rules": [{"claim": "project_id", "equals": "52017"}],
    "identity": ["project_id"],
    "audiences": ["sts.amazonaws.com"],
}
BODIES: dict[str, dict[str, Any]] = {
    "create_organization": {"slug": "new"},
    "change_organization": {"name": "New"},
    "preview_form": {"token_format": "gitpod"},
    "offer_aws_claims": {"tags": {"Project": "project_slug"}},
    "release_subject": {"issuer": "", "subject": "", "reason": "nothing trusts it any more"},
    "create_project": {"slug": "new"},
    "change_project": {"name": "New"},
    "create_workload": {"kind": "job"},
    "create_admin_token": {"name": "new", "scopes": ["audit:read"]},
    "create_connection": {"name": "new", "project": "shop", "terms": TERMS},
    "change_connection": {"enabled": True},
    "try_connection": {"token": "e30.e30.e30"},
    "create_key": {"algorithm": "ES256"},
    "rotate_keys": {},
    "revoke_key": {"reason": "it was found in a log"},
}


def admin_routes(world: World) -> list[APIRoute]:
    app = administration(world.services, (resource.router(world.services) for resource in RESOURCES))
    return [route for route in app.routes if isinstance(route, APIRoute)]


def calls(world: World) -> list[tuple[str, str, str, Scope]]:
    """Name, method, a path that exists, and scope of every route of the admin API."""
    made = world.workload()
    token = world.admin("audit:read")
    (found,) = [each for each in world.store.admin_tokens() if each.scopes == {"audit:read"}]
    assert token
    world.call("POST", "/v1/id-tokens", made["secret"], json={"audience": "sts.amazonaws.com"})
    issued = world.call("GET", "/v1/organizations/acme/subjects", world.root).json()["items"][0]
    BODIES["release_subject"] |= {name: issued[name] for name in ("issuer", "subject")}
    key = world.call("POST", "/v1/keys", world.root, json={"algorithm": "ES256"}).json()
    world.clock.advance(KeyTimes().least_publish.total_seconds())
    made_connection = {"name": "gitlab", "project": "shop", "terms": TERMS}
    world.call("POST", "/v1/organizations/acme/connections", world.root, json=made_connection)
    names = {
        "organization": "acme",
        "project": "shop",
        "workload": made["id"],
        "token": found.id,
        "kid": key["kid"],
        "connection": "gitlab",
    }
    return [
        (
            route.name,
            next(iter(route.methods or ())),
            re.sub(r"\{(\w+)\}", lambda match: names[match[1]], route.path),
            Scope((route.openapi_extra or {})[SCOPE]),
        )
        for route in admin_routes(world)
    ]


def test_every_route_is_in_the_table_and_none_is_open(world: World) -> None:
    found = calls(world)
    assert len(found) == 34
    assert {name for name, method, _, _ in found if method in {"POST", "PATCH"}} == BODIES.keys() | {
        "revoke_workload",
        "revoke_admin_token",
        "activate_key",
    }
    for name, method, path, _ in found:
        answer = world.call(method, path, json=BODIES.get(name))
        assert answer.status_code == 401, name
        assert code(answer) == "credential_missing"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_route_wants_its_own_scope_and_no_other(world: World) -> None:
    everything = [scope for scope in Scope if scope is not Scope.ALL]
    for name, method, path, scope in calls(world):
        others = world.admin(*(other for other in everything if other is not scope))
        answer = world.call(method, path, others, json=BODIES.get(name))
        assert answer.status_code == 403, name
        assert code(answer) == "scope_missing"
        assert answer.json()["facts"]["scope"] == scope
        alone = world.admin(scope)
        answer = world.call(method, path, alone, json=BODIES.get(name))
        if name == "delete_connection":
            made = {"name": "gitlab", "project": "shop", "terms": TERMS}
            assert world.call("POST", "/v1/organizations/acme/connections", world.root, json=made).status_code == 201
        if name == "try_connection":
            assert code(answer) == "token_malformed"
        elif name == "create_admin_token":
            assert code(answer) == "scope_missing", "nobody hands out what they do not hold"
        else:
            assert answer.status_code in {200, 201, 204}, (name, answer.text)


def test_who_is_turned_away_is_in_the_audit_log(world: World) -> None:
    reader = world.admin("audit:read")
    assert world.call("POST", "/v1/keys", reader, json={"algorithm": "ES256"}).status_code == 403
    assert world.call("GET", "/v1/organizations", "dpa_" + "A" * 43).status_code == 401
    answer = world.call("GET", "/v1/id-tokens/actions", "dpw_" + "A" * 43)
    assert answer.status_code == 401
    entries = world.call("GET", "/v1/audit", world.root).json()["items"]
    scope, admin, workload = (entry for entry in entries if entry["outcome"] == "refused")
    assert (scope["event"], scope["reason"], scope["detail"]) == (
        "admin.call",
        "scope_missing",
        {"operation": "create_key"},
    )
    assert scope["actor"].startswith("adm_")
    assert (admin["event"], admin["reason"]) == ("admin.authenticate", "credential_unknown")
    assert workload["event"] == "workload.authenticate"
    assert workload["request_id"] == answer.headers["x-request-id"]
    assert workload["source_ip"] == "192.0.2.7"


def test_a_caller_who_hands_out_too_much_is_in_the_audit_log(world: World) -> None:
    """A scope that is looked at behind the route's own."""
    limited = world.admin("admin-tokens:write")
    assert world.call("POST", "/v1/admin-tokens", limited, json={"name": "x", "scopes": ["*"]}).status_code == 403
    assert world.audit.records[-1].entry.detail == {"operation": "create_admin_token"}


def test_a_refused_caller_s_body_is_not_looked_at(world: World) -> None:
    answer = world.call("POST", "/v1/organizations", world.admin("audit:read"), content=b"not json")
    assert answer.status_code == 403
    assert world.call("POST", "/v1/organizations", content=b"not json").status_code == 401


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic dXNlcjpwYXNz", "credential_missing"),
        ("Bearer", "credential_unknown"),
        ("Bearer ", "credential_unknown"),
        ("Bearer a b", "credential_unknown"),
        ("Bearer " + "a" * 513, "credential_unknown"),
        ("Bearer dpa_" + "a" * 43, "credential_unknown"),
        ("Bearer dpw_" + "a" * 43, "credential_unknown"),
        ("bearer dpa_" + "a" * 43, "credential_unknown"),
    ],
)
def test_other_credentials_are_refused(header: str, expected: str, world: World) -> None:
    for path in ("/v1/organizations", "/v1/id-tokens/actions"):
        answer = world.call("GET", path, headers={"authorization": header})
        assert answer.status_code == 401
        assert code(answer) == expected


def test_two_authorization_headers_are_refused(world: World) -> None:
    secret = world.workload()["secret"]
    pairs = [("authorization", f"Bearer {secret}"), ("authorization", f"Bearer {world.root}")]
    import asyncio

    import httpx

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(world.application)
        async with httpx.AsyncClient(transport=transport, base_url="https://idp.example.com") as client:
            return await client.get("/idp/v1/organizations", headers=pairs)

    assert code(asyncio.run(ask())) == "credential_missing"


def test_a_workload_is_no_administrator_and_the_other_way_round(world: World) -> None:
    secret = world.workload()["secret"]
    assert world.call("GET", "/v1/organizations", secret).status_code == 401
    assert world.call("GET", "/v1/id-tokens/actions", world.root).status_code == 401


def test_an_admin_token_ends_with_its_time_and_by_revocation(world: World) -> None:
    brief = world.admin("*", seconds=60)
    assert world.call("GET", "/v1/organizations", brief).status_code == 200
    world.clock.advance(61)
    assert code(world.call("GET", "/v1/organizations", brief)) == "credential_expired"
    made = world.call("POST", "/v1/admin-tokens", world.root, json={"name": "x", "scopes": ["*"]}).json()
    assert world.call("GET", "/v1/organizations", made["secret"]).status_code == 200
    revoked = world.call("POST", f"/v1/admin-tokens/{made['id']}/revoke", world.root)
    assert revoked.json()["revoked_at"] == "2026-01-02T03:05:06Z"
    assert code(world.call("GET", "/v1/organizations", made["secret"])) == "credential_unknown"


def test_a_bound_admin_token_sees_its_own_organization_only(world: World) -> None:
    acme = world.workload("acme", "shop")
    other = world.workload("other", "shop")
    bound = world.admin("*", organization="acme")
    listed = world.call("GET", "/v1/organizations", bound).json()["items"]
    assert [each["slug"] for each in listed] == ["acme"]
    for path in (
        "/v1/organizations/other",
        f"/v1/organizations/{other['organization_id']}",
        "/v1/organizations/other/projects",
        "/v1/organizations/other/projects/shop",
        "/v1/organizations/other/projects/shop/workloads",
        f"/v1/workloads/{other['id']}",
    ):
        assert world.call("GET", path, bound).status_code == 404, path
        own = path.replace("other", "acme").replace(other["organization_id"], acme["organization_id"])
        assert world.call("GET", own.replace(other["id"], acme["id"]), bound).status_code == 200, own
    assert world.call("POST", f"/v1/workloads/{other['id']}/revoke", bound).status_code == 404
    assert world.call("PATCH", "/v1/organizations/other", bound, json={"name": "x"}).status_code == 404
    for method, path, body in (
        ("POST", "/v1/organizations", {"slug": "third"}),
        ("GET", "/v1/keys", None),
        ("POST", "/v1/keys", {"algorithm": "ES256"}),
        ("POST", "/v1/admin-tokens", {"name": "wider", "scopes": ["*"]}),
    ):
        assert world.call(method, path, bound, json=body).status_code == 403, path
    audited = world.call("GET", "/v1/audit?limit=1000", bound).json()["items"]
    assert {entry["organization_id"] for entry in audited} == {acme["organization_id"]}


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.7"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", None),
        (1, "", None),
        (1, "not-an-address", None),
        (1, "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_the_source_is_what_the_outermost_proxy_wrote(hops: int, forwarded: str, expected: str | None) -> None:
    headers = Headers({"x-forwarded-for": forwarded})
    assert source_ip({"type": "http", "client": ("192.0.2.7", 1)}, headers, hops) == expected


def test_the_source_is_in_the_audit_row(world: World) -> None:
    again = World(replace(world.settings, proxy_hops=1))
    secret = again.workload()["secret"]
    again.call("GET", "/v1/id-tokens/actions", secret, headers={"x-forwarded-for": "6.6.6.6, 203.0.113.9"})
    assert again.audit.records[-1].entry.source_ip == "203.0.113.9"
