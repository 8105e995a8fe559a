"""The one pipeline of the exchange: what it takes, what it refuses, and to whom it says why."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from daypass.errors import (
    AudienceNotOffered,
    AuditUnavailable,
    ConnectionAmbiguous,
    ConnectionAuditing,
    DaypassError,
    ExchangeRefused,
    KeyUnavailable,
    RequestInvalid,
    TokenAudienceMismatch,
    TokenChained,
    TokenClaimInvalid,
    TokenClaimMissing,
    TokenExpired,
    TokenHeaderRefused,
    TokenMalformed,
    TokenReplayed,
    TokenSignatureInvalid,
    TokenTooLarge,
)
from daypass.idp.exchange.exchange import Grant
from daypass.idp.issue import UPSTREAM_CLAIM
from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from support.exchanging import AUDIENCE, UPSTREAM, ExchangeHouse
from support.tokens import private_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from daypass.idp.model import AuditEntry, SigningKey, TokenUse


async def _house(**terms: Any) -> ExchangeHouse:
    house = await ExchangeHouse().open()
    house.connect(**terms)
    return house


def _refused(kind: type[DaypassError], token_claims: dict[str, Any] | None = None, **terms: Any) -> DaypassError:
    """The refusal of one token by one connection; the audit log must tell of it."""

    async def run() -> DaypassError:
        house = await _house(**terms)
        with pytest.raises(kind) as caught:
            await house.swap(house.token(**(token_claims or {})))
        entry = house.office.audit.entries()[-1].entry
        assert (entry.outcome, entry.organization_id) == ("refused", house.organization.id)
        return caught.value

    return asyncio.run(run())


def test_a_token_of_the_platform_becomes_one_of_ours() -> None:
    async def run() -> None:
        house = await _house()
        issued = await house.swap(house.token(jti="j-1"))
        claims = peek(issued.token.reveal()).claims
        assert claims["sub"] == (
            f"organization:{house.organization.id}:project:{house.project.id}:job:con_gitlab.52017"
        )
        assert claims["aud"] == "sts.amazonaws.com"
        assert claims[UPSTREAM_CLAIM] == {
            "iss": UPSTREAM,
            "sub": "project_path:northwind/ledger:ref_type:branch:ref:main",
            "connection": "gitlab",
            "jti": "j-1",
        }
        assert claims["attributes"] == {"ref": "main"}
        assert "ref_protected" not in str(claims), "no claim is copied that is not mapped"
        entry = house.office.audit.entries()[-1].entry
        assert (entry.outcome, entry.detail["upstream_jti"]) == ("issued", "j-1")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"aud": "https://elsewhere.example"}, TokenAudienceMismatch),
        ({"aud": ["https://id.northwind.example", "https://elsewhere.example"]}, TokenAudienceMismatch),
        ({"aud": None}, TokenClaimMissing),
        ({"exp": 1}, TokenExpired),
        ({"exp": None}, TokenClaimMissing),
        ({"exp": "soon"}, TokenClaimInvalid),
        ({"exp": 4_000_000_000}, TokenClaimInvalid),
        ({"project_id": "52018"}, ExchangeRefused),
        ({"project_id": 52017}, ExchangeRefused),
        ({"project_id": None}, ExchangeRefused),
        ({"job_project_id": "7"}, ExchangeRefused),
        ({"job_project_id": None, "pipeline_source": "merge_request_event"}, ExchangeRefused),
        ({UPSTREAM_CLAIM: {"iss": "x"}}, TokenChained),
        ({"ref": "x" * 2049}, RequestInvalid),
    ],
)
def test_what_is_not_taken(claims: dict[str, Any], kind: type[DaypassError]) -> None:
    _refused(kind, claims)


def test_the_terms_are_told_to_the_owner_and_not_to_the_caller() -> None:
    async def run() -> None:
        house = await _house()
        with pytest.raises(ExchangeRefused) as caught:
            await house.swap(house.token(project_id="1", job_project_id="1"))
        told = f"{caught.value.message} {caught.value.advice} {caught.value.facts}"
        assert "52017" not in told
        assert "project_id" not in told
        assert caught.value.facts == {"reason": "claim_rules_unmet"}
        detail = house.office.audit.entries()[-1].entry.detail
        assert (detail["rule"], detail["claim"], detail["expected"], detail["received"]) == (
            "project_id equals `52017`",
            "project_id",
            "`52017`",
            "the text `1`",
        )

    asyncio.run(run())


def test_a_stranger_hears_nothing_and_nothing_is_fetched_for_an_unknown_issuer() -> None:
    async def run() -> None:
        house = await _house()
        with pytest.raises(ExchangeRefused) as caught:
            await house.swap(house.token(iss="https://169.254.169.254/latest"))
        assert caught.value.facts == {"reason": "connection_unknown"}
        assert house.keys.asked == []

    asyncio.run(run())


def test_a_forged_token_is_judged_by_its_signature_alone() -> None:
    """golang-jwt CVE-2024-51744: "expired" told of a token that nobody had signed."""

    async def run() -> None:
        house = await _house()
        content = house.token(exp=1, project_id="1").rpartition(".")[0]
        forged = f"{content}.{house.token().rpartition('.')[2]}"
        with pytest.raises(TokenSignatureInvalid):
            await house.swap(forged)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", TokenMalformed), ("x", TokenMalformed), ("a.b.c", TokenMalformed), ("a" * 20_000, TokenTooLarge)],
)
def test_what_is_no_token(text: str, kind: type[DaypassError]) -> None:
    async def run() -> None:
        house = await _house()
        with pytest.raises(kind):
            await house.swap(text)

    asyncio.run(run())


def test_of_fifty_parallel_uses_of_one_token_one_succeeds() -> None:
    async def run() -> None:
        house = await _house()
        token = house.token()
        outcomes = await asyncio.gather(*(house.swap(token) for _ in range(50)), return_exceptions=True)
        assert sum(isinstance(outcome, TokenReplayed) for outcome in outcomes) == 49

    asyncio.run(run())


def test_a_token_without_an_id_is_used_once_too() -> None:
    async def run() -> None:
        house = await _house()
        token = house.token(jti=None)
        await house.swap(token)
        with pytest.raises(TokenReplayed):
            await house.swap(token)

    asyncio.run(run())


def test_a_token_without_an_id_is_used_once_however_its_signature_is_written() -> None:
    """ECDSA: whoever sees (r, s) can write (r, n - s), which is as good; the text differs, what is signed does not."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256

    async def run() -> None:
        house = await _house()
        house.keys.upstream = KeySet([private_key("ES256").public])
        house.connect("es256", algorithms=["ES256"], rules=[{"claim": "ref", "equals": "main"}])
        token = house.token(private_key("ES256"), jti=None)
        content, _, signature = token.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
        twin = f"{content}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}"
        await house.swap(token, connection="es256")
        with pytest.raises(TokenReplayed):
            await house.swap(twin, connection="es256")

    asyncio.run(run())


def test_a_use_is_remembered_as_long_as_the_token_would_be_taken() -> None:
    async def run() -> None:
        house = await _house()
        now = house.office.clock()
        token = house.token(exp=int(now.timestamp()) + 100)
        await house.swap(token)
        for seconds in (99, 30):
            house.office.clock.advance(seconds)
            house.office.audit.forget_uses(house.office.clock())
            with pytest.raises(DaypassError):
                await house.swap(token)
        house.office.clock.advance(60)
        assert house.office.audit.forget_uses(house.office.clock()) == 1

    asyncio.run(run())


def test_a_clock_that_is_set_ahead_and_back_frees_no_used_token() -> None:
    async def run() -> None:
        house = await _house()
        token, clock = house.token(), house.office.clock
        await house.swap(token)
        steady = clock()
        clock.advance(86_400)
        assert await house.exchange.forget_expired(steady) == 0
        clock.advance(-86_400)
        with pytest.raises(TokenReplayed):
            await house.swap(token)

    asyncio.run(run())


def test_a_wrong_request_does_not_use_the_token_up() -> None:
    async def run() -> None:
        house = await _house()
        token = house.token()
        with pytest.raises(AudienceNotOffered):
            await house.swap(token, audience=("nonesuch",))
        with pytest.raises(AudienceNotOffered):
            await house.swap(token, audience=("vault.northwind.example",))  # the organization's, not the connection's
        await house.swap(token)

    asyncio.run(run())


def test_a_token_that_nobody_could_sign_for_is_not_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        house = await _house()

        def away(kid: str, signing_input: bytes) -> bytes:
            raise KeyUnavailable("the signer did not answer")

        token = house.token()
        with monkeypatch.context() as patch:
            patch.setattr("daypass.idp.memory.MemorySigner.sign", lambda _, *given: away(*given))
            with pytest.raises(KeyUnavailable):
                await house.swap(token)
        await house.swap(token)
        with pytest.raises(TokenReplayed):
            await house.swap(token)
        outcomes = [record.entry.outcome for record in house.office.audit.entries()][-2:]
        assert outcomes == ["issued", "refused"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("left", "asked", "lives"), [(3600, None, 300), (100, None, 100), (100, 900, 100), (61, 60, 60)]
)
def test_nothing_outlives_what_came_in(left: int, asked: int | None, lives: int) -> None:
    async def run() -> None:
        house = await _house(lifetime_seconds=600)
        now = house.office.clock()
        issued = await house.swap(house.token(exp=int(now.timestamp()) + left), lifetime_seconds=asked)
        assert issued.expires_at == now + timedelta(seconds=lives)

    asyncio.run(run())


def test_within_the_leeway_nothing_is_made_of_an_expired_token() -> None:
    async def run() -> None:
        house = await _house()
        token = house.token()
        house.office.clock.advance(3610)
        with pytest.raises(TokenExpired):
            await house.swap(token)

    asyncio.run(run())


def test_a_connection_may_take_tokens_without_audience_and_then_no_others() -> None:
    async def run() -> None:
        house = await _house(preset="gitlab-jwt-v1", audience=None, accept_without_audience=True)
        await house.swap(house.token(aud=None))
        with pytest.raises(TokenAudienceMismatch):
            await house.swap(house.token())

    asyncio.run(run())


def test_two_connections_need_rules_that_exclude_each_other() -> None:
    async def run() -> None:
        house = await _house()
        house.connect("also", rules=[{"claim": "ref", "equals": "main"}])
        house.connect("other", rules=[{"claim": "project_id", "equals": "9"}])
        token = house.token()
        with pytest.raises(ConnectionAmbiguous) as caught:
            await house.swap(token)
        assert "also" not in f"{caught.value.message} {caught.value.facts}"
        named = await house.swap(token, connection="also")
        assert named.subject.endswith(":job:con_also.52017")
        other = await house.swap(house.token(project_id="9", job_project_id="9", ref="dev"))
        assert other.subject.endswith(":job:con_other.9")

    asyncio.run(run())


def test_audit_mode_gives_out_nothing_and_uses_nothing_up() -> None:
    async def run() -> None:
        house = await _house(mode="audit")
        token = house.token()
        for _ in range(2):
            with pytest.raises(ConnectionAuditing):
                await house.swap(token)

    asyncio.run(run())


def test_without_the_memory_of_uses_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        house = await _house()

        async def down(entry: AuditEntry, *, use: TokenUse | None = None) -> None:
            raise AuditUnavailable("the database did not answer")

        token = house.token()
        with monkeypatch.context() as patch:
            patch.setattr(house.office.audit, "append", down)
            with pytest.raises(AuditUnavailable):
                await house.swap(token)
        assert all(record.entry.event != "token.issue" for record in house.office.audit.entries())
        await house.swap(token)

    asyncio.run(run())


def test_threats_84_a_use_of_which_nothing_came_is_in_the_audit_log(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        house = await _house()

        async def broken(key: SigningKey, signing_input: bytes) -> bytes:
            raise KeyUnavailable("the signer did not answer")

        monkeypatch.setattr(house.rings.root.key_ring, "sign", broken)
        with pytest.raises(KeyUnavailable):
            await house.swap(house.token())
        entry = house.office.audit.entries()[-1].entry
        assert (entry.event, entry.outcome, entry.reason) == ("token.exchange", "failed", "key_unavailable")
        assert entry.detail["connection_id"] == "con_gitlab"

    asyncio.run(run())


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c", "crit"])
def test_a_token_that_brings_its_own_key_is_refused(header: str) -> None:
    """CVE-2018-0114, CVE-2026-27962."""

    async def run() -> None:
        house = await _house()
        pem = serialization.load_der_private_key(house.key.to_pkcs8(), None)
        value = {"jwk": house.key.public.to_jwk(), "crit": ["b64"], "x5c": ["x"]}.get(header, "https://x.example/k")
        token = jwt.encode(
            dict(peek(house.token()).claims),
            cast("RSAPrivateKey", pem),
            algorithm="RS256",
            headers={"kid": house.key.public.kid, header: value},
        )
        with pytest.raises(TokenHeaderRefused):
            await house.swap(token)

    asyncio.run(run())


def test_two_issuers_with_the_same_ids_are_two_workloads() -> None:
    """CVE-2025-11621, CVE-2025-59048: names were matched without the account they belong to."""

    async def run() -> None:
        house = await _house()
        house.connect("second", issuer="https://gitlab.fabrikam.example")
        first = await house.swap(house.token())
        second = await house.swap(house.token(iss="https://gitlab.fabrikam.example"))
        assert first.subject != second.subject

    asyncio.run(run())


@pytest.mark.parametrize("grant", Grant)
@pytest.mark.parametrize(
    "claims",
    [
        {"project_id": "4"},
        {"aud": "https://other.example"},
        {"aud": [AUDIENCE, "https://other.example"]},
        {"iss": "https://other.example"},
        {"job_project_id": "4"},
        {"urn:daypass:upstream": {}},
        {"exp": 1},
        {"iat": None},
    ],
)
def test_threats_60_every_grant_passes_every_refusal(grant: Grant, claims: dict[str, Any]) -> None:
    """The grants are those that the code knows: a new one is in here by itself."""

    async def run() -> None:
        house = await _house()
        await house.swap(house.token(), grant=grant)
        with pytest.raises(DaypassError):
            await house.swap(house.token(**claims), grant=grant)
        token = house.token()
        await house.swap(token, grant=grant)
        for other in Grant:
            with pytest.raises(TokenReplayed):
                await house.swap(token, grant=other)

    asyncio.run(run())
