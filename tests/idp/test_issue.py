"""The one pipeline that every token passes."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from daypass.errors import (
    AlgorithmNotOffered,
    AudienceNotOffered,
    AuditUnavailable,
    ClaimsTooLarge,
    ClaimUnavailable,
    DaypassError,
    KeyUnavailable,
    RequestInvalid,
    SubjectTooLong,
)
from daypass.idp.issue import IssuedToken, Issuer, IssueRequest
from daypass.idp.key_rings import KeyRings
from daypass.idp.memory import MemoryKeyStore, MemorySigner
from daypass.names import IssuerUrl
from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from daypass.tokens.verify import verify
from support.registry import OPERATOR, Office

if TYPE_CHECKING:
    from daypass.idp.model import AuditEntry, Organization, Project, Workload

URL = IssuerUrl.parse("https://id.northwind.example/idp")
ATTRIBUTES = {"user_id": "u1", "user_name": "mara", "context_url": "https://git.example/a/b", "ref": "main"}


def asked(*audience: str, **changes: Any) -> IssueRequest:
    return replace(
        IssueRequest(
            audience=audience or ("sts.amazonaws.com",),
            lifetime_seconds=None,
            algorithm=None,
            scope=None,
            request_id="r1",
            source_ip="192.0.2.7",
        ),
        **changes,
    )


class House:
    """An issuer with everything behind it, on memory."""

    workload: Workload
    project: Project
    organization: Organization

    def __init__(self, **issuer: Any) -> None:
        self.office = Office()
        self.signer = MemorySigner(self.office.clock)
        self.rings = KeyRings(
            URL,
            MemoryKeyStore(),
            self.office.store,
            self.signer,
            self.office.clock,
            self.office.audit,
            algorithms=["RS256", "ES256"],
        )
        self.ring = self.rings.root.key_ring
        self.issuer = Issuer(
            self.rings,
            self.office.audit,
            self.office.clock,
            secrets.token_bytes,
            subjects=self.office.subjects,
            algorithms=("RS256",),
            **issuer,
        )

    async def furnish(self, **organization: Any) -> House:
        await self.rings.load()
        registry = self.office.registry
        await registry.create_organization(
            OPERATOR, slug="acme", **{"audiences": ["sts.amazonaws.com", "vault.example"], **organization}
        )
        await registry.create_project(OPERATOR, "acme", slug="shop")
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="workspace", attributes=ATTRIBUTES)
        self.workload, self.project, self.organization = await registry.authenticate_workload(
            made.secret, request_id="r1"
        )
        return self

    async def issue(self, request: IssueRequest) -> IssuedToken:
        return await self.issuer.issue(self.workload, self.project, self.organization, request)


def test_a_token_verifies_here_and_with_another_library() -> None:
    async def story() -> None:
        house = await House().furnish()
        for algorithm in (None, "RS256", "ES256"):
            issued = await house.issue(asked(algorithm=algorithm))
            token = issued.token.reveal()
            keys = KeySet.parse(house.ring.published)
            claims = verify(
                token,
                keys=keys,
                issuer=str(URL),
                audience="sts.amazonaws.com",
                algorithms={algorithm or "RS256"},
                now=house.office.clock(),
            )
            assert claims["sub"] == issued.subject
            assert claims["jti"] == issued.jti
            assert issued.expires_at == house.office.clock() + timedelta(seconds=300)
            foreign = jwt.PyJWKSet.from_json(house.ring.published.decode())[issued.kid]
            theirs = jwt.decode(
                token, foreign, algorithms=[algorithm or "RS256"], options={"verify_aud": False, "verify_exp": False,
                                                                            "verify_iat": False, "verify_nbf": False}
            )  # fmt: skip
            assert theirs == dict(claims)
            assert peek(token).header == {"alg": algorithm or "RS256", "kid": issued.kid, "typ": "JWT"}

    asyncio.run(story())


def test_a_gitpod_token_has_its_header_and_its_hour() -> None:
    async def story() -> None:
        house = await House().furnish(token_format="gitpod")
        issued = await house.issue(asked(scope="anything at all"))
        token = peek(issued.token.reveal())
        assert "typ" not in token.header
        assert token.claims["exp"] - token.claims["iat"] == 3600  # type: ignore[operator]  # JSON numbers
        assert token.claims["sub"] == "https://git.example/a/b"
        assert token.claims["scope"] == "anything at all"
        second = peek((await house.issue(asked())).token.reveal())
        assert second.claims["c_hash"] == token.claims["c_hash"]
        assert House().issuer._process_hash != token.claims["c_hash"]

    asyncio.run(story())


def test_the_row_tells_all_but_the_token() -> None:
    async def story() -> None:
        house = await House().furnish()
        issued = await house.issue(asked("vault.example"))
        entry = house.office.audit.records[-1].entry
        token = issued.token.reveal()
        assert (entry.event, entry.outcome, entry.reason) == ("token.issue", "issued", None)
        assert entry.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
        assert (entry.jti, entry.kid, entry.subject, entry.expires_at) == (
            issued.jti,
            issued.kid,
            issued.subject,
            issued.expires_at,
        )
        assert (entry.audience, entry.issuer, entry.source_ip) == (("vault.example",), str(URL), "192.0.2.7")
        assert (entry.workload_id, entry.actor) == (house.workload.id, house.workload.id)
        assert token.rpartition(".")[2] not in repr(house.office.audit.records)
        assert token not in repr(issued)

    asyncio.run(story())


LONG = {"ref": "r" * 60}

REFUSALS: list[tuple[str, IssueRequest, dict[str, Any], type[DaypassError]]] = [
    ("audience of another", asked("sts.amazonaws.com", "other.example"), {}, AudienceNotOffered),
    ("audience prefix", asked("sts.amazonaws.co"), {}, AudienceNotOffered),
    ("audience suffix", asked("sts.amazonaws.com/"), {}, AudienceNotOffered),
    ("audience case", asked("STS.amazonaws.com"), {}, AudienceNotOffered),
    ("audience twice", asked("vault.example", "vault.example"), {}, RequestInvalid),
    ("no audience", asked(audience=()), {}, RequestInvalid),
    ("59 seconds", asked(lifetime_seconds=59), {}, RequestInvalid),
    ("3601 seconds", asked(lifetime_seconds=3601), {}, RequestInvalid),
    ("negative lifetime", asked(lifetime_seconds=-300), {}, RequestInvalid),
    ("algorithm without key", asked(algorithm="ES512"), {}, AlgorithmNotOffered),
    ("algorithm none", asked(algorithm="none"), {}, AlgorithmNotOffered),
    ("scope in the daypass format", asked(scope="x"), {}, RequestInvalid),
    ("scope with a line end", asked(scope="a\nb"), {"token_format": "gitpod"}, RequestInvalid),
    (
        "missing attribute",
        asked(),
        {"subject_claims": ("organization", "project", "event")},
        ClaimUnavailable,
    ),
    ("no audience offered at all", asked(), {"audiences": ()}, AudienceNotOffered),
]


@pytest.mark.parametrize(
    ("request_", "organization", "refusal"), [pytest.param(*rest, id=name) for name, *rest in REFUSALS]
)
def test_a_refusal_leaves_a_row_and_no_token(
    request_: IssueRequest, organization: dict[str, Any], refusal: type[DaypassError]
) -> None:
    async def story() -> None:
        house = await House().furnish()
        house.organization = replace(house.organization, **organization)
        before = len(house.office.audit.records)
        with pytest.raises(refusal) as caught:
            await house.issue(request_)
        assert type(caught.value) is refusal
        (row,) = house.office.audit.records[before:]
        assert (row.entry.outcome, row.entry.reason, row.entry.token_sha256) == ("refused", refusal.code, None)
        if refusal is AudienceNotOffered:
            assert caught.value.facts["offered"] == list(house.organization.audiences)

    asyncio.run(story())


def test_the_first_algorithm_that_can_sign_does() -> None:
    """One that was added to the settings has no active key at first."""

    async def story() -> None:
        house = await House().furnish()
        house.issuer = Issuer(
            house.rings,
            house.office.audit,
            house.office.clock,
            secrets.token_bytes,
            subjects=house.office.subjects,
            algorithms=("ES384", "ES256", "RS256"),
        )
        assert peek((await house.issue(asked())).token.reveal()).header["alg"] == "ES256"

    asyncio.run(story())


def test_the_lifetime_asked_for_is_given() -> None:
    async def story() -> None:
        house = await House().furnish()
        for seconds in (60, 3600):
            claims = peek((await house.issue(asked(lifetime_seconds=seconds))).token.reveal()).claims
            assert claims["exp"] == int(house.office.clock().timestamp()) + seconds

    asyncio.run(story())


def test_the_operators_lifetimes_hold_and_what_is_beyond_leaves_a_row() -> None:
    async def story() -> None:
        house = await House(usual_lifetime_seconds=90, max_lifetime_seconds=120).furnish()
        assert (await house.issue(asked())).expires_at == house.office.clock() + timedelta(seconds=90)
        with pytest.raises(RequestInvalid):
            await house.issue(asked(lifetime_seconds=121))
        assert house.office.audit.records[-1].entry.outcome == "refused"
        house = await House(max_lifetime_seconds=120).furnish(token_format="gitpod")
        assert (await house.issue(asked())).expires_at == house.office.clock() + timedelta(seconds=120)

    asyncio.run(story())
    for seconds in (59, 3601):
        with pytest.raises(ValueError, match="3600"):
            House(max_lifetime_seconds=seconds)


def test_the_subject_limit_is_the_operators() -> None:
    async def story() -> None:
        for limit, fits in ((0, False), (255, True)):
            house = await House(subject_limit=limit).furnish(
                subject_claims=["organization", "project", "ref"], allow_subject_claims=["ref"]
            )
            house.workload = replace(house.workload, attributes=LONG)
            if fits:
                assert len((await house.issue(asked())).subject) > 127
            else:
                with pytest.raises(SubjectTooLong):
                    await house.issue(asked())

    asyncio.run(story())
    with pytest.raises(ValueError, match="255"):
        House(subject_limit=256)


def test_a_token_that_no_relying_party_would_read_is_not_made() -> None:
    async def story() -> None:
        house = await House().furnish()
        huge = dict.fromkeys(("ref", "event", "repository", "commit", "run_id", "user_id", "ref_type"), "x" * 2048)
        house.workload = replace(house.workload, attributes=huge)
        with pytest.raises(ClaimsTooLarge):
            await house.issue(asked())

    asyncio.run(story())


def test_what_cannot_be_recorded_is_not_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = await House().furnish()

        async def refuse(entry: AuditEntry) -> None:
            raise AuditUnavailable("disk full")

        monkeypatch.setattr(house.office.audit, "append", refuse)
        for request in (asked(), asked("other.example")):
            with pytest.raises(AuditUnavailable):
                await house.issue(request)

    asyncio.run(story())


def test_a_signer_that_is_out_of_reach_stops_issuing() -> None:
    async def story() -> None:
        house = await House().furnish()
        house.signer._keys.clear()
        with pytest.raises(KeyUnavailable):
            await house.issue(asked())

    asyncio.run(story())


def test_a_remote_signer_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        house = await House().furnish()
        sign = house.signer.sign

        async def far(kid: str, content: bytes) -> bytes:
            await asyncio.sleep(0)
            return sign(kid, content)

        monkeypatch.setattr(house.signer, "sign", far)
        token = peek((await house.issue(asked())).token.reveal())
        assert token.claims["iss"] == str(URL)

    asyncio.run(story())
