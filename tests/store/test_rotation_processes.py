"""Real processes on one database and one folder of keys: one winner, and no repair after any death (threats 29)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from daypass.idp.key_life import PUBLISHED
from daypass.idp.key_rings import ORPHAN_SECONDS, KeyRings
from daypass.idp.key_times import KeyTimes
from daypass.names import IssuerUrl
from daypass.signers import EncryptedFileSigner, KeyFile
from daypass.store import open_store
from daypass.tokens.jwk import PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.idp.model import KeysAt

ROTATOR = Path(__file__).with_name("rotator.py")
URL = IssuerUrl.parse("https://id.northwind.example")
SOON = KeyTimes().least_publish.total_seconds() + 1


class Processes:
    """The rotator, on a data folder that is ready."""

    def __init__(self, folder: Path, host: subprocess.Popen[str]) -> None:
        self.folder = folder
        self._host = host

    def at_once(self, action: str, *deaths: int | None, later: float = 0) -> list[Any]:
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        self._host.stdin.write(json.dumps({"action": action, "deaths": deaths, "later": later}) + "\n")
        self._host.stdin.flush()
        answers: list[Any] = json.loads(self._host.stdout.readline())
        assert not any("Error" in text for answer in answers if answer for text in answer), answers
        return answers

    def keys(self) -> KeysAt:
        with open_store(self.folder) as store:
            return store.keys.keys()

    def files(self) -> set[str]:
        return {path.stem for path in (self.folder / "keys").glob("*.json")} - {"protection"}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    folder = tmp_path / "data"
    with open_store(folder):
        pass
    EncryptedFileSigner(folder / "keys", KeyFile(folder / "wrapping-key"), lambda: datetime.now(UTC))
    command = [sys.executable, str(ROTATOR), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        yield Processes(folder, host)
        assert host.stdin is not None
        host.stdin.close()
        assert host.wait(20) == 0


@pytest.mark.timeout(60)
def test_threats_29_of_eight_processes_that_rotate_at_once_one_wins(processes: Processes) -> None:
    begun = processes.at_once("advance", *[None] * 8)
    assert sum(bool(answer) for answer in begun) == 1, "one made the first key, whatever the others tried"
    assert [key.state for key in processes.keys().keys] == ["active"]
    rotated = processes.at_once("rotate", *[None] * 8)
    assert len({answer[0].split()[0] for answer in rotated}) == 1
    keys = processes.keys().keys
    assert [key.state for key in keys] == ["active", "next"]
    assert processes.files() == {key.kid for key in keys}, "the losers' private keys are destroyed"
    before = processes.keys().version
    ended = processes.at_once("advance", *[None] * 8, later=SOON)
    assert sum(bool(answer) for answer in ended) == 1
    after = processes.keys()
    assert after.version == before + 1
    assert [key.state for key in after.keys] == ["retiring", "active"]


@pytest.mark.timeout(120)
def test_threats_29_kill_9_at_every_write_boundary(processes: Processes) -> None:
    processes.at_once("advance", None)
    killed = 0
    for moment in range(40):
        died = [processes.at_once("rotate", moment)]
        told = {key.kid for key in processes.keys().keys}
        orphans = processes.files() - told
        assert len(orphans) <= moment + 1
        assert all(key.state != "active" or key.activated_at for key in processes.keys().keys)
        processes.at_once("rotate", None)
        died.append(processes.at_once("advance", moment, later=SOON))
        processes.at_once("advance", None, later=SOON)
        found = processes.keys().keys
        assert [key.state for key in found if key.state != "retiring"] == ["active"], moment
        assert {key.kid for key in found} <= processes.files(), "every key that is told of can sign"
        dead = sum(answers == [None] for answers in died)
        killed += dead
        if not dead:
            break
    else:
        pytest.fail("there are more boundaries than were tried")
    assert killed >= 12
    _clean_and_check(processes)


def _clean_and_check(processes: Processes) -> None:
    """What the deaths left behind is destroyed, and only that; what is published can sign."""
    uptime = 0.0
    with open_store(processes.folder) as store:
        signer = EncryptedFileSigner(
            processes.folder / "keys", KeyFile(processes.folder / "wrapping-key"), lambda: datetime.now(UTC)
        )
        rings = KeyRings(
            URL,
            store.keys,
            store.registry,
            signer,
            lambda: datetime.now(UTC),
            store.audit,
            algorithms=["ES256"],
            monotonic=lambda: uptime,
        )

        async def story() -> None:
            nonlocal uptime
            await rings.root.key_ring.load()
            before = processes.files()
            assert await rings.clean() == [], "its maker may be about to tell the store of it"
            assert processes.files() == before
            uptime += ORPHAN_SECONDS
            assert set(await rings.clean()) == before - {key.kid for key in rings.root.key_ring.keys}

        asyncio.run(story())
        keys = store.keys.keys().keys
    assert processes.files() == {key.kid for key in keys if key.state in PUBLISHED}
    for key in keys:
        assert PublicKey.from_jwk(key.public_jwk).verifies(b"x", signer.sign(key.kid, b"x"), algorithm="ES256")
