"""The joined identity provider, opened on a folder, without HTTP in front of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from daypass.bootstrap import identity_provider as room
from daypass.config import Settings
from daypass.errors import CredentialUnknown, StoreUnavailable
from daypass.idp.key_times import KeyTimes
from daypass.idp.refusals import ROWS_PER_WINDOW
from daypass.names import IssuerUrl
from daypass.secret import Secret
from support.registry import StoppedClock

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = IssuerUrl.parse("https://id.northwind.example")


def test_an_algorithm_added_to_the_settings_signs_when_its_key_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "HOUSEKEEPING_SECONDS", 0.01)
    clock = StoppedClock()

    async def story() -> None:
        async with room.identity_provider(Settings(issuer=ISSUER, data_folder=tmp_path / "d"), clock=clock):
            pass
        more = Settings(issuer=ISSUER, data_folder=tmp_path / "d", signing_algorithms=("ES384", "RS256", "ES256"))
        async with room.identity_provider(more, clock=clock, monotonic=clock.seconds) as services:
            await asyncio.sleep(0.1)
            assert "ES384" not in services.key_ring.algorithms
            clock.advance(KeyTimes().least_publish.total_seconds())
            for _ in range(500):
                await asyncio.sleep(0.01)
                if "ES384" in services.key_ring.algorithms:
                    return
            pytest.fail("nobody activated the key")

    asyncio.run(story())


def test_a_fault_of_ours_does_not_end_the_steps_of_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In silence: no key would take its turn, or leave, ever after."""
    monkeypatch.setattr(room, "HOUSEKEEPING_SECONDS", 0.01)

    async def story() -> None:
        settings = Settings(issuer=ISSUER, data_folder=tmp_path / "d", signing_algorithms=("RS256",))
        async with room.identity_provider(settings) as services:
            again = asyncio.Event()
            advance = services.key_rings.advance
            times = 0

            async def stumble() -> Any:
                nonlocal times
                times += 1
                if times == 1:
                    raise ValueError("whatever was read")
                again.set()
                return await advance()

            monkeypatch.setattr(services.key_rings, "advance", stumble)
            await asyncio.wait_for(again.wait(), 5)

    asyncio.run(story())


@pytest.mark.parametrize("emptied", [True, False])
def test_a_lost_database_is_no_first_start(emptied: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """It would make new keys and a new audit log in silence."""

    async def story() -> None:
        settings = Settings(issuer=ISSUER, data_folder=tmp_path / "d", signing_algorithms=("RS256",))
        async with room.identity_provider(settings):
            pass
        (tmp_path / "d" / "daypass.db").unlink()
        if emptied:
            (tmp_path / "d" / "daypass.db").touch(mode=0o600)
        with pytest.raises(StoreUnavailable, match="is gone"):
            async with room.identity_provider(settings):
                pytest.fail("it began anew")

    asyncio.run(story())


def test_refusals_that_were_only_counted_are_written_at_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        settings = Settings(
            issuer=ISSUER,
            data_folder=tmp_path / "d",
            signing_algorithms=("RS256",),
            limit_source_failures_per_minute=0,
        )
        async with room.identity_provider(settings) as services:
            for _ in range(ROWS_PER_WINDOW + 5):
                with pytest.raises(CredentialUnknown):
                    await services.registry.authenticate_workload(Secret("dpw_" + "A" * 43), request_id="r1")
        async with room.identity_provider(settings) as services:
            newest = services.audit.entries(limit=1000)[-1].entry
            assert newest.detail == {"times": "5"}

    asyncio.run(story())
