"""Issuers of organizations: their own `iss`, documents and keys, at `/o/<slug>`; and keys that leak."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jwt
import pytest

from daypass.errors import RequestInvalid, StoreUnavailable
from daypass.idp.caller import Caller
from daypass.idp.key_rings import KeyRings
from daypass.names import IssuerUrl
from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from daypass.tokens.verify import verify
from support.identity_provider import World, code

if TYPE_CHECKING:
    from daypass.tokens.verify import VerifiedClaims

AWS = "sts.amazonaws.com"


def own(world: World, slug: str = "acme") -> str:
    """The secret of a workload of an organization with its own issuer."""
    made = world.call("POST", "/v1/organizations", world.root, json={"slug": slug, "own_issuer": True})
    assert made.status_code == 201, made.text
    assert made.json()["issuer"] == f"https://idp.example.com/idp/o/{slug}"
    secret: str = world.workload(slug)["secret"]
    return secret


def token(world: World, secret: str, below: str = "") -> str:
    answer = world.call("POST", f"{below}/v1/id-tokens", secret, json={"audience": AWS})
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["token"]
    return text


def checked(world: World, text: str, below: str) -> VerifiedClaims:
    """The claims of a token, as a relying party finds them from discovery alone."""
    document = world.call("GET", f"{below}/.well-known/openid-configuration").json()
    issuer = document["issuer"]
    assert document["jwks_uri"] == f"{issuer}/keys"
    assert issuer == peek(text).issuer
    keys = KeySet.parse(world.call("GET", document["jwks_uri"].removeprefix("https://idp.example.com/idp")).content)
    return verify(
        text,
        keys=keys,
        issuer=issuer,
        audience=AWS,
        algorithms=frozenset(document["id_token_signing_alg_values_supported"]),
        now=world.clock(),
    )


def test_an_organization_has_an_issuer_and_keys_of_its_own(world: World) -> None:
    mine, other = own(world), world.workload("other")["secret"]
    for below in ("", "/o/acme"):
        assert checked(world, token(world, mine, below), "/o/acme")["iss"] == "https://idp.example.com/idp/o/acme"
    assert checked(world, token(world, other), "")["iss"] == "https://idp.example.com/idp"
    sets = [{key.kid for key in KeySet.parse(world.call("GET", f"{o}/keys").content).keys} for o in ("", "/o/acme")]
    assert sets[0].isdisjoint(sets[1])
    rows = [each.entry for each in world.audit.records if each.entry.event == "token.issue"]
    assert [row.issuer for row in rows] == ["https://idp.example.com/idp/o/acme"] * 2 + ["https://idp.example.com/idp"]


def test_nobody_asks_at_another_organizations_issuer(world: World) -> None:
    own(world)
    for slug in ("other", "third"):
        secret = own(world, slug) if slug == "third" else world.workload(slug)["secret"]
        for method, path in (("POST", "/o/acme/v1/id-tokens"), ("GET", "/o/acme/v1/id-tokens/actions")):
            body = {"json": {"audience": AWS}} if method == "POST" else {}
            answer = world.call(method, path, secret, **body)
            assert (answer.status_code, code(answer)) == (400, "request_refused")


@pytest.mark.parametrize(
    "path",
    [
        "/o/nobody/keys",
        "/o/nobody/.well-known/openid-configuration",
        "/o/other/keys",
        "/o/acme",
        "/o/acme/",
        "/o//keys",
        "/o/acme//keys",
        "/o/acme/v1/keys",
        "/o/acme/v1/organizations",
        "/o/acme/o/acme/keys",
        "/o/ACME/keys",
        "/o/org_x/keys",
    ],
)
def test_nothing_else_is_below_an_issuer(world: World, path: str) -> None:
    own(world)
    world.workload("other")
    answer = world.call("GET", path, world.root)
    assert (answer.status_code, code(answer)) == (404, "not_found")


@pytest.mark.parametrize("path", ["/o/acme/keys", "/o/acme/.well-known/openid-configuration"])
def test_threats_32_its_documents_are_from_memory_and_may_be_kept(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(world)

    def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is gone")

    for store, names in ((world.store, ["organization", "organizations"]), (world.key_store, ["keys", "versions"])):
        for name in names:
            monkeypatch.setattr(store, name, broken)
    answer = world.call("GET", path)
    assert answer.headers["cache-control"] == "public, max-age=300"
    etag = answer.headers["etag"]
    assert world.call("GET", path, headers={"if-none-match": etag}).status_code == 304
    assert world.call("HEAD", path).status_code == 200
    assert world.call("POST", path).status_code == 405


def test_an_issuer_is_switched_on_later_and_never_off(world: World) -> None:
    secret = world.workload()["secret"]
    before = token(world, secret)
    bound = world.admin("organizations:write", organization="acme")
    assert code(world.call("PATCH", "/v1/organizations/acme", bound, json={"own_issuer": True})) == "scope_missing"
    on = world.call("PATCH", "/v1/organizations/acme", world.root, json={"own_issuer": True}).json()
    assert (on["own_issuer"], on["issuer"]) == (True, "https://idp.example.com/idp/o/acme")
    assert checked(world, token(world, secret), "/o/acme")
    assert checked(world, before, ""), "what was issued before is good until it expires"
    off = world.call("PATCH", "/v1/organizations/acme", world.root, json={"own_issuer": False})
    assert (off.status_code, code(off)) == (400, "request_refused")
    kept = world.call("PATCH", "/v1/organizations/acme", bound, json={"name": "A"}).json()
    assert kept["own_issuer"]


def test_hundreds_of_organizations_have_their_own(world: World) -> None:
    for number in range(200):
        assert world.call(
            "POST", "/v1/organizations", world.root, json={"slug": f"o-{number}", "own_issuer": True}
        ).is_success
    kids = {json.loads(world.call("GET", f"/o/o-{number}/keys").content)["keys"][0]["kid"] for number in range(200)}
    assert len(kids) == 200
    asked: list[str | None] = []
    real = world.key_store.keys

    def counted(organization_id: str | None = None) -> object:
        asked.append(organization_id)
        return real(organization_id)

    world.key_store.keys = counted  # type: ignore[method-assign, assignment]  # counts, and gives what it gave
    world.run(world.key_rings.refresh())
    assert asked == [], "what has not changed is not read"


def test_another_process_finds_an_issuer_and_ends_one_that_was_begun(world: World) -> None:
    own(world)

    def another() -> KeyRings:
        return KeyRings(
            world.settings.issuer, world.key_store, world.store, world.signer, world.clock, world.audit,
            algorithms=["ES256"],
        )  # fmt: skip

    running = another()
    world.run(running.load())
    assert running.at("acme").key_ring.published == world.key_rings.at("acme").key_ring.published
    made = world.call("POST", "/v1/organizations", world.root, json={"slug": "later", "own_issuer": True})
    assert made.is_success
    world.run(running.refresh())
    assert running.at("later").key_ring.algorithms == ("ES256",)
    # The organization is there, and its maker died before its keys.
    operator = Caller.operator(request_id="test")
    world.run(world.registry.create_organization(operator, slug="begun", own_issuer=True))
    started = another()
    world.run(started.load())
    assert started.at("begun").key_ring.algorithms == ("ES256",)
    secret = world.workload("begun")["secret"]
    assert peek(token(world, secret)).issuer == "https://idp.example.com/idp/o/begun"


def test_keys_are_listed_made_and_rotated_per_issuer(world: World) -> None:
    own(world)
    world.workload("other")
    for scope, status in (("acme", 200), ("other", 400), ("nobody", 404)):
        assert world.call("GET", f"/v1/keys?organization={scope}", world.root).status_code == status
        body = {"organization": scope}
        assert world.call("POST", "/v1/keys/rotate", world.root, json=body).status_code == status
    root = world.call("GET", "/v1/keys", world.root).json()["items"]
    assert [key["state"] for key in root] == ["active"]
    mine = world.call("GET", "/v1/keys?organization=acme", world.root).json()["items"]
    assert {key["issuer"] for key in mine} == {"https://idp.example.com/idp/o/acme"}
    following = next(key for key in mine if key["state"] == "next")
    assert following["next_step_at"] == "2026-01-03T03:04:05Z"
    (active,) = [key for key in mine if key["state"] == "active"]
    assert active["next_step_at"] == "2026-02-01T03:04:05Z"
    soon = world.call("POST", "/v1/keys/rotate", world.root, json={"organization": "acme", "soon": True}).json()
    assert [(key["kid"], key["next_step_at"]) for key in soon["items"]] == [(following["kid"], "2026-01-02T03:11:05Z")]


@pytest.mark.parametrize("below", ["", "/o/acme"])
def test_threats_28_the_drill(world: World, below: str) -> None:
    """One request, and no token of the leaked key passes with what is served; the next token is of another key."""
    secret = own(world) if below else world.workload()["secret"]
    first = token(world, secret)
    world.clock.advance(100)
    since = world.clock().isoformat().replace("+00:00", "Z")
    second = token(world, secret)
    leaked = peek(first).header["kid"]
    answer = world.call("POST", f"/v1/keys/{leaked}/revoke", world.root, json={"reason": "it was in a core dump"})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    third = token(world, secret)
    assert peek(third).header["kid"] == done["replacement"]["kid"] != leaked
    assert checked(world, third, below)
    assert leaked not in {key.kid for key in KeySet.parse(world.call("GET", f"{below}/keys").content).keys}
    assert done["revoked"]["state"] == "retired"
    assert done["caches_until"] == "2026-01-02T03:12:45Z"
    listed = world.call("GET", f"/v1/keys/{leaked}/tokens", world.root).json()["items"]
    assert [item["jti"] for item in listed] == [peek(text).claims["jti"] for text in (first, second)]
    assert {item["subject"] for item in listed} == {peek(first).claims["sub"]}
    assert all(item["workload_id"] and item["expires_at"] and item["audience"] == [AWS] for item in listed)
    late = world.call("GET", f"/v1/keys/{leaked}/tokens?since={since}", world.root).json()["items"]
    assert [item["jti"] for item in late] == [peek(second).claims["jti"]]
    page = world.call("GET", f"/v1/keys/{leaked}/tokens?limit=1", world.root).json()
    rest = world.call("GET", f"/v1/keys/{leaked}/tokens?limit=1&after={page['next']}", world.root).json()
    assert [page["items"][0]["jti"], rest["items"][0]["jti"]] == [item["jti"] for item in listed]
    row = next(each.entry for each in world.audit.records if each.entry.event == "key.revoked")
    assert row.detail["reason"] == "it was in a core dump"
    again = world.call("POST", f"/v1/keys/{leaked}/revoke", world.root, json={"reason": "again"}).json()
    assert (again["replacement"], again["revoked"]["revoked_at"]) == (None, done["revoked"]["revoked_at"])


def test_threats_31_no_private_member_is_served_logged_or_shown(world: World) -> None:
    """Every private number of every key, searched for in everything that was said."""
    secret = own(world)
    answers = [
        world.call("GET", path, world.root).content
        for path in (
            *("/keys", "/o/acme/keys", "/.well-known/openid-configuration", "/o/acme/.well-known/openid-configuration"),
            *(
                "/v1/keys",
                "/v1/keys?organization=acme",
                "/v1/audit",
                "/v1/openapi.json",
                "/readyz",
                "/v1/keys/x/tokens",
            ),
        )
    ]
    kid = peek(token(world, secret)).header["kid"]
    for path, body in (
        ("/v1/keys", {"algorithm": "RS256"}),
        ("/v1/keys", {"algorithm": "none"}),
        ("/v1/keys/rotate", {"organization": "acme"}),
        (f"/v1/keys/{kid}/activate", {}),
        (f"/v1/keys/{kid}/revoke", {"reason": "x"}),
        (f"/v1/keys/{kid}/revoke", {}),
    ):
        answers.append(world.call("POST", path, world.root, json=body).content)
    rings = [issuing.key_ring for issuing in world.key_rings]
    shown = [repr(each) for ring in rings for each in (ring, vars(ring), ring.keys)]
    shown += [repr(world.signer), repr(vars(world.signer)), repr(world.key_rings), repr(world.audit.records)]
    said = b"\n".join(answers) + "\n".join(shown).encode()
    searched = 0
    for kept in vars(world.signer)["_keys"].values():
        private = jwt.algorithms.get_default_algorithms()["RS256" if kept.algorithm == "RS256" else "ES256"]
        number = _private_jwk(kept.to_pkcs8(), private)
        for member in {"d", "p", "q", "dp", "dq", "qi"} & number.keys():
            searched += 1
            assert number[member].encode() not in said
            assert str(int.from_bytes(_bytes(number[member]))).encode() not in said
    assert searched >= 8
    for document in answers[:2]:
        for key in json.loads(document)["keys"]:
            assert key.keys() <= {"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"}


def _private_jwk(content: bytes, algorithm: object) -> dict[str, str]:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    loaded: dict[str, str] = algorithm.to_jwk(load_der_private_key(content, None), as_dict=True)  # type: ignore[attr-defined]  # every asymmetric one has it
    return loaded


def _bytes(text: str) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_slug_that_makes_no_issuer_is_refused(world: World) -> None:
    long = KeyRings(
        IssuerUrl.parse("https://idp.example.com/" + "a" * 200), world.key_store, world.store, world.signer,
        world.clock, world.audit, algorithms=["ES256"],
    )  # fmt: skip
    with pytest.raises(RequestInvalid, match="longer than 255"):
        long.url_of("a" * 63)
    assert str(long.url_of("a")).endswith("/o/a")


@pytest.mark.parametrize("since", ["0", "0.5", "1767323045", "2026-01-02", "2026-01-02T03:04:05", "yesterday"])
def test_a_number_is_no_time(world: World, since: str) -> None:
    answer = world.call("GET", f"/v1/keys/x/tokens?since={since}", world.root)
    assert (answer.status_code, code(answer)) == (400, "request_invalid")
    assert world.call("GET", "/v1/keys/x/tokens?since=2026-01-02T03:04:05%2B01:00", world.root).status_code == 200
