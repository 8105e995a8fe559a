"""Discovery document and key set: public, cacheable, true, and there when nothing else is."""

from __future__ import annotations

import asyncio
import json

import pytest

from daypass.errors import AuditUnavailable, StoreUnavailable
from daypass.idp.caller import Caller
from daypass.tokens.key_set import KeySet
from support.identity_provider import World, code

DOCUMENTS = ["/.well-known/openid-configuration", "/keys", "/v1/openapi.json"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_may_be_kept_for_five_minutes(path: str, world: World) -> None:
    answer = world.call("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["x-content-type-options"] == "nosniff"
    etag = answer.headers["etag"]
    assert etag.startswith('"'), "a strong one"
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = world.call("GET", path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == "public, max-age=300"
    assert world.call("GET", path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_for_reading(path: str, world: World) -> None:
    assert world.call("HEAD", path).status_code == 200
    answer = world.call("POST", path)
    assert answer.status_code == 405
    assert code(answer) == "method_not_allowed"
    assert answer.headers["allow"] == "GET, HEAD"


def test_the_discovery_document_is_true(world: World) -> None:
    document = world.call("GET", "/.well-known/openid-configuration").json()
    issuer = str(world.settings.issuer)
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{issuer}/keys"
    assert document["id_token_signing_alg_values_supported"] == ["ES256"]
    secret = world.workload()["secret"]
    token = world.call("POST", "/v1/id-tokens", secret, json={"audience": "sts.amazonaws.com"}).json()["token"]
    import jwt

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.keys() <= set(document["claims_supported"])
    assert claims["iss"] == issuer


def test_the_authorization_endpoint_says_that_there_is_none(world: World) -> None:
    endpoint = world.call("GET", "/.well-known/openid-configuration").json()["authorization_endpoint"]
    answer = world.call("GET", endpoint.removeprefix("https://idp.example.com/idp"))
    assert (answer.status_code, code(answer)) == (400, "request_refused")
    assert "no authorization endpoint" in answer.json()["title"]


def test_new_keys_are_published_at_once_with_another_etag(world: World) -> None:
    before = world.call("GET", "/keys")
    made = world.call("POST", "/v1/keys", world.root, json={"algorithm": "ES384"}).json()
    assert made["state"] == "next"
    after = world.call("GET", "/keys")
    assert after.headers["etag"] != before.headers["etag"]
    assert made["kid"] in {key.kid for key in KeySet.parse(after.content).keys}
    listed = world.call("GET", "/.well-known/openid-configuration").json()
    assert listed["id_token_signing_alg_values_supported"] == ["ES256"], "it does not sign yet"
    activate = f"/v1/keys/{made['kid']}/activate"
    early = world.call("POST", activate, world.root)
    assert (early.status_code, code(early)) == (400, "request_refused")
    assert "2026-01-02T03:11:05Z" in early.json()["advice"]
    assert world.call("POST", f"{activate}?at_once=perhaps", world.root).status_code == 400
    assert world.call("POST", f"{activate}?at_once=true", world.root).json()["state"] == "active"
    listed = world.call("GET", "/.well-known/openid-configuration").json()
    assert listed["id_token_signing_alg_values_supported"] == ["ES256", "ES384"]


def test_no_private_member_is_published(world: World) -> None:
    for key in json.loads(world.call("GET", "/keys").content)["keys"]:
        assert key.keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})


def test_the_documents_outlive_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is gone")

    for name in ("admin_token_by_secret", "holder_by_secret", "organizations", "organization"):
        monkeypatch.setattr(world.store, name, broken)
    monkeypatch.setattr(world.audit, "entries", broken)
    monkeypatch.setattr(world.key_store, "keys", broken)
    assert world.call("GET", "/v1/organizations", world.root).status_code == 503
    for path in [*DOCUMENTS, "/healthz"]:
        assert world.call("GET", path).status_code == 200
    assert world.call("GET", "/readyz").status_code == 503


def test_ready_means_that_a_token_could_be_issued(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = world.call("GET", "/readyz")
    assert answer.json() == {"status": "ready", "algorithms": ["ES256"]}

    def broken(*_: object, **__: object) -> None:
        raise AuditUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.audit, "entries", broken)
        assert world.call("GET", "/readyz").status_code == 200, "an answer holds for a second"
        patched.setattr("daypass.web.health.REMEMBERED_SECONDS", 0)
        answer = world.call("GET", "/readyz")
        assert answer.status_code == 503
        assert code(answer) == "audit_unavailable"
        assert answer.headers["retry-after"] == "1"
        patched.setattr(world.key_ring, "published", b'{"keys":[]}')
        assert code(world.call("GET", "/readyz")) == "key_unavailable"


def test_a_log_that_takes_no_entry_is_not_ready_until_it_takes_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.web.health.REMEMBERED_SECONDS", 0)
    secret = world.workload()["secret"]

    async def full(*_: object, **__: object) -> None:
        raise AuditUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.audit, "append", full)
        assert world.call("GET", "/readyz").status_code == 200, "nobody has tried yet"
        assert world.call("GET", "/v1/id-tokens/actions", secret).status_code == 503
        assert code(world.call("GET", "/readyz")) == "audit_unavailable"
    assert world.call("GET", "/readyz").status_code == 200
    assert world.audit.records[-1].entry.event == "audit.recovered"
    before = len(world.audit.records)
    assert world.call("GET", "/readyz").status_code == 200
    assert len(world.audit.records) == before, "a probe of a sound log writes nothing"


def test_an_issuer_without_a_key_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(world.key_ring.create(Caller.operator(request_id="x"), "ES256"))
    monkeypatch.setattr(world.key_ring, "_signing", {})
    assert code(world.call("GET", "/readyz")) == "key_unavailable"
