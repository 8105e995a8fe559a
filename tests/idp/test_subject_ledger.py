"""Tombstones: a subject once issued is never given to another thing."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import NotFound, RequestRefused, ScopeMissing, StoreUnavailable, SubjectTaken
from daypass.idp.caller import Caller
from daypass.idp.issue import IssuedToken, Issuer, IssueRequest, Upstream
from daypass.idp.key_rings import KeyRings
from daypass.idp.memory import MemoryKeyStore, MemorySigner, MemorySubjectStore
from daypass.idp.subject_ledger import KNOWN_SECONDS, RELEASE_SECONDS, SubjectLedger
from daypass.names import IssuerUrl
from support.registry import OPERATOR, Office

if TYPE_CHECKING:
    from daypass.idp.model import IssuedSubject, Organization, Project, Workload

URL = IssuerUrl.parse("https://id.northwind.example")
AT = datetime(2026, 9, 21, 12, 0, 0, tzinfo=UTC)
ASKED = IssueRequest(("sts.amazonaws.com",), None, "ES256", None, "r1", None)
GITHUB = {
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "sha": "9f3c1e",
    "repository": "tidewater/invoices",
    "repository_owner": "tidewater",
    "repository_owner_id": "73105",
    "repository_id": "50883127",
    "run_id": "1",
    "run_number": "1",
    "run_attempt": "1",
    "event_name": "push",
}


@dataclass
class Made:
    """A workload with what it belongs to."""

    workload: Workload
    project: Project
    organization: Organization


class House:
    """An issuer on memory, with as many organizations as a test wants."""

    def __init__(self) -> None:
        self.office = Office()
        signer = MemorySigner(self.office.clock)
        self.rings = KeyRings(
            URL,
            MemoryKeyStore(),
            self.office.store,
            signer,
            self.office.clock,
            self.office.audit,
            algorithms=["ES256"],
        )
        self.subjects = MemorySubjectStore()
        self.ledger = self.replica()
        self.issuer = self._issuer(self.ledger)

    def replica(self) -> SubjectLedger:
        return SubjectLedger(self.subjects, self.office.store, self.office.audit, self.office.clock)

    def _issuer(self, ledger: SubjectLedger) -> Issuer:
        return Issuer(self.rings, self.office.audit, self.office.clock, secrets.token_bytes, subjects=ledger)

    async def organization(self, slug: str, **settings: Any) -> Organization:
        if not self.rings.root.key_ring.algorithms:
            await self.rings.load()
        made = await self.office.registry.create_organization(OPERATOR, slug=slug, **settings)
        if made.own_issuer:
            await self.rings.open(made)
        return made

    async def workload(self, organization: Organization, project: str = "shop", **attributes: str) -> Made:
        registry = self.office.registry
        if self.office.store.project(organization.id, project) is None:
            await registry.create_project(OPERATOR, organization.id, slug=project)
        made = await registry.create_workload(OPERATOR, organization.id, project, kind="job", attributes=attributes)
        workload, its_project, its_organization = await registry.authenticate_workload(made.secret, request_id="r1")
        return Made(workload, its_project, its_organization)

    async def issue(self, made: Made, request: IssueRequest = ASKED) -> IssuedToken:
        return await self.issuer.issue(made.workload, made.project, made.organization, request)


def test_threats_43_a_deleted_repository_made_anew_does_not_get_its_subject() -> None:
    """The name is free again, and whoever registers it has another id: the old policy must not let them in."""

    async def story() -> None:
        house = House()
        acme = await house.organization(
            "acme",
            token_format="github",
            subject_claims=["name_only_repo", "context"],
            allow_subject_claims=["name_only_repo"],
            own_issuer=True,
        )
        first = await house.workload(acme, **GITHUB)
        issued = await house.issue(first)
        assert issued.subject == "repo:tidewater/invoices:ref:refs/heads/main"
        await house.issue(await house.workload(acme, "other", **GITHUB))  # another job of the same repository
        squatter = await house.workload(acme, **GITHUB | {"repository_id": "99999999"})
        with pytest.raises(SubjectTaken) as caught:
            await house.issue(squatter)
        assert "daypass subject release" in str(caught.value.advice)
        assert "50883127" not in f"{caught.value.message} {caught.value.advice} {caught.value.facts}"
        row = house.office.audit.records[-1].entry
        assert (row.outcome, row.reason, row.token_sha256) == ("refused", "subject_taken", None)
        assert row.detail["subject"] == issued.subject
        await house.issue(first)

    asyncio.run(story())


def test_threats_43_a_project_or_organization_made_anew_does_not_get_its_subjects() -> None:
    """The subject names a job by its URL alone, and everything but the ids is as it was."""

    async def story() -> None:
        house = House()
        acme = await house.organization("acme", token_format="jenkins", own_issuer=True)
        attributes = {"job_url": "https://ci.tidewater.example/job/deploy/", "build_number": "7"}
        first = await house.workload(acme, **attributes)
        subject = (await house.issue(first)).subject
        again = replace(first.project, id="prj_" + "z" * 20)
        with pytest.raises(SubjectTaken):
            await house.issue(Made(replace(first.workload, project_id=again.id), again, acme))
        reborn = replace(acme, id="org_" + "z" * 20)
        await house.rings.open(reborn)
        with pytest.raises(SubjectTaken):
            await house.issue(Made(replace(first.workload, organization_id=reborn.id), replace(first.project), reborn))
        renamed = replace(first.project, slug="store", name="Store")
        assert (await house.issue(Made(first.workload, renamed, replace(acme, name="Acme")))).subject == subject

    asyncio.run(story())


def test_two_organizations_that_share_an_issuer_never_share_a_subject() -> None:
    """The format is the operator's choice for both; whoever came first has the context."""

    async def story() -> None:
        house = House()
        attributes = {"context_url": "https://github.com/tidewater/invoices", "user_id": "u1"}
        mine = await house.workload(await house.organization("acme", token_format="gitpod"), **attributes)
        theirs = await house.workload(await house.organization("evil", token_format="gitpod"), **attributes)
        await house.issue(mine)
        with pytest.raises(SubjectTaken):
            await house.issue(theirs)
        # The same text in the tokens of another issuer is another subject.
        own = await house.organization("own", token_format="gitpod", own_issuer=True)
        await house.issue(await house.workload(own, **attributes))

    asyncio.run(story())


def test_what_comes_through_the_exchange_is_its_connection_and_identity() -> None:
    async def story() -> None:
        house = House()
        acme = await house.organization(
            "acme", subject_claims=["organization", "project", "ref"], allow_subject_claims=["ref"]
        )
        made = await house.workload(acme, ref="main")
        upstream = Upstream("con_a", "gitlab", "https://gitlab.example", "s", "j", AT + timedelta(hours=1), 3600, "0")
        asked = replace(ASKED, upstream=upstream)
        first = Made(replace(made.workload, id="con_a.52017"), made.project, made.organization)
        await house.issue(first, asked)
        await house.issue(first, asked)
        for other in ("con_a.52018", "con_b.52017"):
            with pytest.raises(SubjectTaken):
                await house.issue(Made(replace(made.workload, id=other), made.project, made.organization), asked)

    asyncio.run(story())


def test_a_refused_exchange_does_not_use_the_token_up() -> None:
    async def story() -> None:
        house = House()
        gitpod = {"context_url": "https://github.com/tidewater/invoices", "user_id": "u1"}
        await house.issue(await house.workload(await house.organization("a", token_format="gitpod"), **gitpod))
        other = await house.workload(await house.organization("b", token_format="gitpod"), **gitpod)
        used = []

        async def admit() -> None:
            used.append(True)

        with pytest.raises(SubjectTaken):
            await house.issuer.issue(other.workload, other.project, other.organization, ASKED, admit=admit)
        assert used == []

    asyncio.run(story())


async def released(house: House, made: Made, subject: str) -> None:
    await house.ledger.release(
        OPERATOR, made.organization.id, issuer=str(URL), subject=subject, reason="nothing trusts it any more"
    )


def test_a_released_subject_is_nobodys_until_no_token_of_its_owner_can_live() -> None:
    async def story() -> None:
        house = House()
        gitpod = {"context_url": "https://github.com/tidewater/invoices", "user_id": "u1"}
        first = await house.workload(await house.organization("a", token_format="gitpod"), **gitpod)
        second = await house.workload(await house.organization("b", token_format="gitpod"), **gitpod)
        subject = (await house.issue(first)).subject
        await released(house, first, subject)
        row = house.office.audit.records[-1].entry
        assert (row.event, row.actor, row.detail["reason"]) == (
            "subject.released",
            "operator",
            "nothing trusts it any more",
        )
        for made in (first, second):
            with pytest.raises(SubjectTaken) as caught:
                await house.issue(made)
            assert "free_at" in caught.value.facts
        house.office.clock.advance(RELEASE_SECONDS - 1)
        with pytest.raises(SubjectTaken):
            await house.issue(second)
        house.office.clock.advance(1)
        await house.issue(second)
        with pytest.raises(SubjectTaken):
            await house.issue(first)

    asyncio.run(story())


def test_a_replica_that_has_not_heard_of_a_release_is_overtaken_by_it() -> None:
    """What it gives out meanwhile is dead before another owner can have the subject."""

    async def story() -> None:
        house = House()
        other = house.replica()
        await other.demand("i", "s", "a", organization_id="org_a", now=AT)
        kept = house.subjects.issued_subject("i", "s")
        assert kept is not None
        assert house.subjects.change_subject(replace(kept, released_at=AT), was=kept)
        last = AT + timedelta(seconds=KNOWN_SECONDS) - timedelta(microseconds=1)
        await other.demand("i", "s", "a", organization_id="org_a", now=last)
        free_at = AT + timedelta(seconds=RELEASE_SECONDS)
        assert last + timedelta(seconds=3600) <= free_at
        with pytest.raises(SubjectTaken):
            await other.demand("i", "s", "a", organization_id="org_a", now=AT + timedelta(seconds=KNOWN_SECONDS))
        with pytest.raises(SubjectTaken):
            await other.demand("i", "s", "b", organization_id="org_b", now=free_at - timedelta(seconds=1))
        await other.demand("i", "s", "b", organization_id="org_b", now=free_at)
        with pytest.raises(SubjectTaken):
            await house.replica().demand("i", "s", "a", organization_id="org_a", now=free_at)

    asyncio.run(story())


def test_of_two_replicas_and_two_owners_one_gets_it() -> None:
    async def story() -> None:
        house = House()
        replicas = [house.replica() for _ in range(8)]
        asked = [
            each.demand("i", "s", f"owner {number}", organization_id="org_a", now=AT)
            for number, each in enumerate(replicas)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(answer is None for answer in answers) == 1
        assert all(answer is None or isinstance(answer, SubjectTaken) for answer in answers)

    asyncio.run(story())


def test_what_is_known_is_not_asked_again_and_what_is_not_known_is_not_given() -> None:
    class Down(MemorySubjectStore):
        def claim(self, wanted: IssuedSubject) -> IssuedSubject:
            raise StoreUnavailable("down")

    async def story() -> None:
        house = House()
        made = await house.workload(await house.organization("acme"))
        await house.issue(made)
        house.ledger._subjects = Down()
        await house.issue(made)
        before = len(house.office.audit.records)
        with pytest.raises(StoreUnavailable):
            await house.issue(await house.workload(made.organization))
        assert not [
            record
            for record in house.office.audit.records[before:]
            if record.entry.event == "token.issue" and record.entry.outcome == "issued"
        ]

    asyncio.run(story())


def test_memory_is_bounded() -> None:
    async def story() -> None:
        house = House()
        ledger = SubjectLedger(
            house.subjects, house.office.store, house.office.audit, house.office.clock, max_entries=2
        )
        for subject in ("a", "b", "c"):
            await ledger.demand("i", subject, "o", organization_id="org_a", now=AT)
        known = [ledger.knows("i", subject, "o", AT.timestamp()) for subject in ("a", "b", "c")]
        assert known == [False, True, True]
        assert not ledger.knows("i", "c", "p", AT.timestamp())

    asyncio.run(story())


def test_only_administrators_of_the_owner_release_a_subject() -> None:
    async def story() -> None:
        house = House()
        made = await house.workload(await house.organization("acme"))
        await house.organization("evil")
        subject = (await house.issue(made)).subject

        def caller(organization_id: str | None, *scopes: str) -> Caller:
            return Caller("adm_x", frozenset(scopes), organization_id, None, "r1")

        evil = house.office.store.organization("evil")
        assert evil is not None
        asked = {"issuer": str(URL), "subject": subject, "reason": "r"}
        with pytest.raises(ScopeMissing):
            await house.ledger.release(caller(made.organization.id, "organizations:read"), "acme", **asked)
        for organization in ("acme", "evil", "no-such"):
            with pytest.raises(NotFound):
                await house.ledger.release(caller(evil.id, "organizations:write"), organization, **asked)
        released_one = await house.ledger.release(caller(made.organization.id, "*"), "acme", **asked)
        assert await house.ledger.release(OPERATOR, "acme", **asked) == released_one, "twice changes nothing"
        assert [each.subject for each in await house.ledger.issued(OPERATOR, "acme")] == [subject]

    asyncio.run(story())


def test_the_subjects_of_an_organization_that_is_gone_are_its_ids() -> None:
    async def story() -> None:
        house = House()
        await house.ledger.demand("i", "s", "o", organization_id="org_gone", now=AT)
        bound = Caller("adm_x", frozenset({"*"}), "org_other", None, "r1")
        with pytest.raises(NotFound):
            await house.ledger.release(bound, "org_gone", issuer="i", subject="s", reason="r")
        assert (await house.ledger.release(OPERATOR, "org_gone", issuer="i", subject="s", reason="r")).released_at

    asyncio.run(story())


def test_a_release_that_somebody_overtakes_is_none() -> None:
    class Overtaken(MemorySubjectStore):
        def change_subject(self, changed: IssuedSubject, *, was: IssuedSubject) -> bool:
            return False

    async def story() -> None:
        house = House()
        ledger = SubjectLedger(Overtaken(), house.office.store, house.office.audit, house.office.clock)
        await ledger.demand("i", "s", "o", organization_id="org_gone", now=AT)
        with pytest.raises(RequestRefused):
            await ledger.release(OPERATOR, "org_gone", issuer="i", subject="s", reason="r")

    asyncio.run(story())
