"""A workload's secret in, a token out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from daypass.errors import AuditUnavailable
from support.identity_provider import World, code

AUDIENCE = "sts.amazonaws.com"


def claims_of(token: str, world: World) -> dict[str, Any]:
    """The claims, verified by PyJWT and by joserfc with the key set that is served."""
    served = world.call("GET", "/keys").json()
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [key for key in jwt.PyJWKSet.from_dict(served).keys if key.key_id == kid]
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["ES256"],
        audience=AUDIENCE,
        issuer=str(world.settings.issuer),
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    decoded = joserfc_jwt.decode(token, KeySet.import_key_set(served), algorithms=["ES256"])
    assert decoded.claims == claims
    return claims


def test_a_token_is_issued_and_other_libraries_verify_it(world: World) -> None:
    made = world.workload()
    answer = world.call("POST", "/v1/id-tokens", made["secret"], json={"audience": AUDIENCE})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document.keys() == {"token", "token_type", "expires_at"}
    assert document["token_type"] == "urn:ietf:params:oauth:token-type:id_token"
    assert document["expires_at"] == "2026-01-02T03:09:05Z"
    claims = claims_of(document["token"], world)
    assert claims["aud"] == AUDIENCE
    assert claims["workload_id"] == made["id"]
    assert claims["exp"] - claims["iat"] == 300


def test_the_request_chooses_lifetime_algorithm_and_audiences(world: World) -> None:
    made = world.workload()
    world.call("PATCH", "/v1/organizations/acme", world.root, json={"audiences": [AUDIENCE, "https://vault"]})
    body = {"audience": [AUDIENCE, "https://vault"], "lifetime_seconds": 60, "algorithm": "ES256"}
    document = world.call("POST", "/v1/id-tokens", made["secret"], json=body).json()
    claims = claims_of(document["token"], world)
    assert claims["aud"] == [AUDIENCE, "https://vault"]
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "request_invalid"),
        ({"audience": None}, "request_invalid"),
        ({"audience": ""}, "request_invalid"),
        ({"audience": []}, "request_invalid"),
        ({"audience": [AUDIENCE, ""]}, "request_invalid"),
        ({"audience": [AUDIENCE, AUDIENCE]}, "request_invalid"),
        ({"audience": {"x": 1}}, "request_invalid"),
        ({"audience": AUDIENCE, "lifetime_seconds": 59}, "request_invalid"),
        ({"audience": AUDIENCE, "lifetime_seconds": 3601}, "request_invalid"),
        ({"audience": AUDIENCE, "lifetime_seconds": "300"}, "request_invalid"),
        ({"audience": AUDIENCE, "lifetime_seconds": True}, "request_invalid"),
        ({"audience": AUDIENCE, "lifetime_seconds": 300.5}, "request_invalid"),
        ({"audience": AUDIENCE, "sub": "admin"}, "request_invalid"),
        ({"audience": AUDIENCE, "scope": "openid"}, "request_invalid"),
        ({"audience": "https://elsewhere"}, "audience_not_offered"),
        ({"audience": AUDIENCE.upper()}, "audience_not_offered"),
        ({"audience": AUDIENCE, "algorithm": "none"}, "algorithm_not_offered"),
        ({"audience": AUDIENCE, "algorithm": "RS512"}, "algorithm_not_offered"),
    ],
)
def test_what_cannot_be_issued_is_refused(body: dict[str, Any], expected: str, world: World) -> None:
    secret = world.workload()["secret"]
    answer = world.call("POST", "/v1/id-tokens", secret, json=body)
    assert answer.status_code == 400
    assert code(answer) == expected
    assert "eyJ" not in answer.text


@pytest.mark.parametrize(
    ("aws", "expected"),
    [
        ({"session_tags": "Project"}, "request_invalid"),
        ({"session_tags": [1]}, "request_invalid"),
        ({"role": []}, "request_invalid"),
        ({"session_tags": ["Project"]}, "aws_claims_refused"),
        ({"source_identity": True}, "aws_claims_refused"),
        ({"roles": ["deploy"]}, "aws_claims_refused"),
    ],
)
def test_aws_claims_that_cannot_be_are_refused(aws: dict[str, Any], expected: str, world: World) -> None:
    made = world.workload()
    answer = world.call("POST", "/v1/id-tokens", made["secret"], json={"audience": AUDIENCE, "aws": aws})
    assert (answer.status_code, code(answer)) == (400, expected)


def test_aws_claims_that_are_offered_are_in_the_token_when_they_are_asked_for(world: World) -> None:
    made = world.workload()
    offered = {"tags": {"Project": "project_slug"}, "transitive": ["Project"], "source_identity": "workload_id"}
    set_up = world.call("POST", "/v1/organizations/acme/aws-claims", world.root, json=offered)
    assert set_up.json()["aws_claims"] == offered
    for aws in (None, {}, {"session_tags": False, "source_identity": False, "roles": []}):
        body = {"audience": AUDIENCE} | ({} if aws is None else {"aws": aws})
        claims = claims_of(world.call("POST", "/v1/id-tokens", made["secret"], json=body).json()["token"], world)
        assert not [name for name in claims if name.startswith("https://aws.amazon.com/")]
    actions = world.call("GET", "/v1/id-tokens/actions", made["secret"]).json()["value"]
    assert "https://aws.amazon.com/tags" not in claims_of(actions, world)
    aws = {"session_tags": True, "source_identity": True, "roles": ["arn:aws:iam::111122223333:role/deploy"]}
    asked = world.call("POST", "/v1/id-tokens", made["secret"], json={"audience": AUDIENCE, "aws": aws})
    claims = claims_of(asked.json()["token"], world)
    assert claims["https://aws.amazon.com/tags"] == {
        "principal_tags": {"Project": ["shop"]},
        "transitive_tag_keys": ["Project"],
    }
    assert claims["https://aws.amazon.com/source_identity"] == made["id"]
    assert claims["https://aws.amazon.com/roles"] == aws["roles"]


def test_a_form_is_asked_for_by_one_of_two_words(world: World) -> None:
    made = world.workload()
    for form, status in (("current", 200), ("previous", 400), ("daypass", 400), (1, 400)):
        body = {"audience": AUDIENCE, "form": form}
        assert world.call("POST", "/v1/id-tokens", made["secret"], json=body).status_code == status


def test_a_period_is_a_time_with_its_zone(world: World) -> None:
    world.workload()
    for until in ("2026-02-01T00:00:00", "tomorrow", 5, "2026-02-01"):
        body = {"token_format": "gitpod", "either_until": until}
        answer = world.call("PATCH", "/v1/organizations/acme", world.root, json=body)
        assert (answer.status_code, code(answer)) == (400, "request_invalid"), until
    body = {"token_format": "gitpod", "either_until": "2026-02-01T00:00:00+01:00"}
    changed = world.call("PATCH", "/v1/organizations/acme", world.root, json=body).json()
    assert changed["previous"] == {
        "token_format": "daypass",
        "subject_claims": [],
        "until": "2026-01-31T23:00:00Z",
        "usual": True,
    }


def test_the_operator_s_lifetimes_hold(world: World) -> None:
    strict = World(replace(world.settings, token_lifetime_max_seconds=120))
    secret = strict.workload()["secret"]
    claims = claims_of(strict.call("GET", "/v1/id-tokens/actions", secret).json()["value"], strict)
    assert claims["exp"] - claims["iat"] == 120, "the format's own 300 are too many"
    body = {"audience": AUDIENCE, "lifetime_seconds": 121}
    assert code(strict.call("POST", "/v1/id-tokens", secret, json=body)) == "request_invalid"
    assert (strict.audit.records[-1].entry.outcome, strict.audit.records[-1].entry.reason) == (
        "refused",
        "request_invalid",
    )
    usual = World(replace(world.settings, token_lifetime_seconds=900))
    secret = usual.workload()["secret"]
    claims = claims_of(usual.call("GET", "/v1/id-tokens/actions", secret).json()["value"], usual)
    assert claims["exp"] - claims["iat"] == 900


class TestActions:
    """The GitHub Actions request protocol: the URL up to `api-version=2.0`, to which clients append `&audience=`."""

    def test_a_client_appends_the_audience(self, world: World) -> None:
        secret = world.workload()["secret"]
        answer = world.call("GET", f"/v1/id-tokens/actions?api-version=2.0&audience={AUDIENCE}", secret)
        document = answer.json()
        assert document.keys() == {"value", "count"}
        assert document["count"] == len(document["value"])
        assert answer.headers["cache-control"] == "no-store"
        assert claims_of(document["value"], world)["aud"] == AUDIENCE

    def test_without_one_the_token_is_for_aws(self, world: World) -> None:
        secret = world.workload()["secret"]
        value = world.call("GET", "/v1/id-tokens/actions?api-version=2.0", secret).json()["value"]
        assert claims_of(value, world)["aud"] == AUDIENCE

    def test_without_one_and_without_aws_among_those_offered_there_is_none(self, world: World) -> None:
        secret = world.workload()["secret"]
        world.call("PATCH", "/v1/organizations/acme", world.root, json={"audiences": ["https://vault"]})
        assert code(world.call("GET", "/v1/id-tokens/actions", secret)) == "audience_not_offered"

    @pytest.mark.parametrize(
        ("query", "reason"),
        [
            ("audience=a&audience=b", "`audience` is given twice"),
            ("audience=", "`audience` is empty"),
            ("token=x", "`token` is not known here"),
            ("audience=%ff", "cannot be read"),
            ("&".join(f"a{n}=1" for n in range(20)), "cannot be read"),
        ],
    )
    def test_a_query_that_can_be_read_in_two_ways_is_refused(self, query: str, reason: str, world: World) -> None:
        answer = world.call("GET", f"/v1/id-tokens/actions?{query}", world.workload()["secret"])
        assert code(answer) == "request_invalid"
        assert reason in answer.json()["title"]


class TestCredential:
    """The workload's secret."""

    def test_it_ends_with_revocation(self, world: World) -> None:
        made = world.workload()
        assert world.call("GET", "/v1/id-tokens/actions", made["secret"]).status_code == 200
        revoked = world.call("POST", f"/v1/workloads/{made['id']}/revoke", world.root).json()
        assert revoked["revoked_at"] == "2026-01-02T03:04:05Z"
        answer = world.call("GET", "/v1/id-tokens/actions", made["secret"])
        assert (answer.status_code, code(answer)) == (401, "credential_unknown")

    def test_it_ends_with_its_time(self, world: World) -> None:
        made = world.workload(expires_in_seconds=600)
        assert made["expires_at"] == "2026-01-02T03:14:05Z"
        world.clock.advance(599)
        assert world.call("GET", "/v1/id-tokens/actions", made["secret"]).status_code == 200
        world.clock.advance(1)
        answer = world.call("GET", "/v1/id-tokens/actions", made["secret"])
        assert (answer.status_code, code(answer)) == (401, "credential_expired")

    def test_it_ends_while_the_body_is_on_its_way(self, world: World) -> None:
        made = world.workload()
        body = b'{"audience":"sts.amazonaws.com"}'
        answers: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            from daypass.idp.caller import Caller

            await world.registry.revoke_workload(Caller.operator(request_id="x"), made["id"])
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            answers.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/idp/v1/id-tokens",
            "query_string": b"",
            "client": None,
            "headers": [
                (b"authorization", f"Bearer {made['secret']}".encode()),
                (b"content-type", b"application/json"),
            ],
        }
        asyncio.run(world.application(scope, receive, send))
        assert answers[0]["status"] == 401

    def test_it_is_shown_once(self, world: World) -> None:
        made = world.workload()
        shown = world.call("GET", f"/v1/workloads/{made['id']}", world.root).json()
        assert shown.keys() == made.keys() - {"secret"}
        listed = world.call("GET", "/v1/organizations/acme/projects/shop/workloads", world.root)
        audited = world.call("GET", "/v1/audit?limit=1000", world.root)
        for answer in (listed, audited):
            assert made["secret"] not in answer.text
            assert "secret_hash" not in answer.text


def test_no_token_leaves_without_its_audit_row(world: World) -> None:
    secret = world.workload()["secret"]
    answer = world.call("POST", "/v1/id-tokens", secret, json={"audience": AUDIENCE})
    import hashlib

    entry = world.audit.records[-1].entry
    assert (entry.event, entry.outcome) == ("token.issue", "issued")
    assert entry.request_id == answer.headers["x-request-id"]
    assert entry.token_sha256 == hashlib.sha256(answer.json()["token"].encode()).hexdigest()
    assert entry.source_ip == "192.0.2.7"


def test_what_cannot_be_audited_is_not_issued(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = world.workload()["secret"]

    async def broken(*_: object, **__: object) -> None:
        raise AuditUnavailable("the disk is full")

    monkeypatch.setattr(world.audit, "append", broken)
    for answer in (
        world.call("POST", "/v1/id-tokens", secret, json={"audience": AUDIENCE}),
        world.call("GET", "/v1/id-tokens/actions", secret),
    ):
        assert (answer.status_code, code(answer)) == (503, "audit_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "eyJ" not in answer.text
