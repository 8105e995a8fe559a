"""Who is turned away leaves a row, and nobody fills the log with being turned away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from daypass.errors import AuditUnavailable, CallerRefused, CredentialUnknown
from daypass.idp.refusals import ROWS_PER_WINDOW, WINDOW
from daypass.secret import Secret
from support.registry import OPERATOR, Office

if TYPE_CHECKING:
    from daypass.idp.model import AuditEntry

STRANGER = Secret("dpw_" + "A" * 43)


def refused(office: Office) -> list[AuditEntry]:
    return [record.entry for record in office.audit.records if record.entry.outcome == "refused"]


async def turned_away(office: Office, secret: Secret, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(CallerRefused):
            await office.registry.authenticate_workload(secret, request_id="r1", source_ip="192.0.2.7")


def test_a_failed_authentication_leaves_a_row_that_names_the_workload_when_there_was_one() -> None:
    async def story() -> None:
        office = Office()
        registry = office.registry
        await registry.create_organization(OPERATOR, slug="acme")
        await registry.create_project(OPERATOR, "acme", slug="shop")
        revoked = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        await registry.revoke_workload(OPERATOR, revoked.workload.id)
        expiring = await registry.create_workload(OPERATOR, "acme", "shop", kind="job", expires_in_seconds=1)
        office.clock.advance(1)
        for secret in (STRANGER, Secret("junk"), revoked.secret, expiring.secret):
            await turned_away(office, secret)
        rows = refused(office)
        assert [(row.actor, row.reason) for row in rows] == [
            (None, "credential_unknown"),
            (None, "credential_unknown"),
            (revoked.workload.id, "credential_unknown"),
            (expiring.workload.id, "credential_expired"),
        ]
        assert rows[2].organization_id == revoked.workload.organization_id
        assert rows[2].workload_id == revoked.workload.id
        assert {(row.event, row.request_id, row.source_ip) for row in rows} == {
            ("workload.authenticate", "r1", "192.0.2.7")
        }
        assert "A" * 43 not in repr(rows)

    asyncio.run(story())


def test_an_admin_token_that_has_ended_is_named() -> None:
    async def story() -> None:
        office = Office()
        made = await office.registry.create_admin_token(OPERATOR, name="x", scopes=["*"])
        await office.registry.revoke_admin_token(OPERATOR, made.token.id)
        for secret in (made.secret, Secret("dpa_" + "A" * 43)):
            with pytest.raises(CredentialUnknown):
                await office.registry.authenticate_admin(secret, request_id="r1")
        assert [(row.event, row.actor) for row in refused(office)] == [
            ("admin.authenticate", made.token.id),
            ("admin.authenticate", None),
        ]

    asyncio.run(story())


def test_a_flood_of_strangers_is_counted_and_hides_nobody_else() -> None:
    async def story() -> None:
        office = Office()
        made = await office.registry.create_admin_token(OPERATOR, name="x", scopes=["audit:read"])
        await turned_away(office, STRANGER, times=ROWS_PER_WINDOW + 500)
        assert len(refused(office)) == ROWS_PER_WINDOW
        await office.registry.revoke_admin_token(OPERATOR, made.token.id)
        with pytest.raises(CredentialUnknown):
            await office.registry.authenticate_admin(made.secret, request_id="r2")
        assert refused(office)[-1].actor == made.token.id
        office.clock.advance(WINDOW.total_seconds())
        await turned_away(office, STRANGER)
        counted, new = refused(office)[-2:]
        assert (counted.actor, counted.detail) == (None, {"times": "500"})
        assert new.detail == {}
        before = len(refused(office))
        await office.registry.refusals.write_counted()
        assert len(refused(office)) == before, "nothing was left to count"

    asyncio.run(story())


def test_a_clock_that_goes_back_begins_a_new_window() -> None:
    async def story() -> None:
        office = Office()
        await turned_away(office, STRANGER, times=ROWS_PER_WINDOW)
        office.clock.advance(-3600)
        await turned_away(office, STRANGER)
        assert len(refused(office)) == ROWS_PER_WINDOW + 1

    asyncio.run(story())


def test_a_refusal_stays_one_when_it_cannot_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        office = Office()

        async def full(_: AuditEntry) -> None:
            raise AuditUnavailable("full")

        monkeypatch.setattr(office.audit, "append", full)
        await turned_away(office, STRANGER)

    asyncio.run(story())
