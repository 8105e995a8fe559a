"""Kill the writer at any instant: whatever it was told is kept is there, and nothing needs repair."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daypass.idp.key_ring import KeyRing
from daypass.idp.model import KeyState
from daypass.secret import Secret
from daypass.signers import EncryptedFileSigner, Passphrase
from daypass.store import open_store

ROUNDS = 6
WRITER = Path(__file__).with_name("writer.py")


def killed_writer(folder: Path, seconds: float, *, ready: bool = True) -> list[list[str]]:
    """What a writer said before it was killed: some time after it was `ready`, or after the start of its process.

    A last line without its end was not said.
    """
    said = folder.with_name("said")
    with said.open("wb") as stdout:
        process = subprocess.Popen([sys.executable, str(WRITER), str(folder)], stdout=stdout)
        try:
            while ready and not said.stat().st_size and process.poll() is None:
                time.sleep(0.005)
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert process.returncode == -signal.SIGKILL
    return [line.split() for line in said.read_text().split("\n")[:-1]]


@pytest.mark.timeout(60)
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    chance = random.Random(seed)
    folder = tmp_path / "data"
    told: list[list[str]] = []
    for _ in range(ROUNDS):
        told += killed_writer(folder, chance.uniform(0, 0.25))

    def of(word: str) -> set[str]:
        return {line[1] for line in told if line[0] == word}

    with open_store(folder) as store:
        count = store.audit.verify()
        recorded = {each.entry.request_id for each in store.audit.entries(limit=count)}
        missing = of("row") - recorded
        assert not missing, f"seed {seed}"
        assert len(of("row")) > ROUNDS
        assert all(store.registry.organization(each) for each in of("registered")), f"seed {seed}"
        keys = store.keys.keys().keys
        kept = {key.kid: key for key in keys}
        assert of("key") | of("active") <= set(kept), f"seed {seed}"
        assert not any(kept[kid].state is KeyState.NEXT for kid in of("active")), f"seed {seed}"
        events = {(each.entry.event, each.entry.kid) for each in store.audit.entries(limit=count)}
        assert all(("key.created", kid) in events for kid in kept)  # no change without its row
        # Every key that the store tells of can sign: its private half was kept first.
        signer = EncryptedFileSigner(folder / "keys", Passphrase(Secret("correct horse")), lambda: datetime.now(UTC))
        ring = KeyRing(store.keys, signer, lambda: datetime.now(UTC), store.audit)
        asyncio.run(ring.load())
        for kid in kept:
            assert len(signer.sign(kid, b"x")) == 64
        assert sum(key.state is KeyState.ACTIVE for key in ring.keys) <= 1


@pytest.mark.timeout(60)
def test_kill_9_during_the_first_start_leaves_a_folder_that_opens(tmp_path: Path) -> None:
    """The folder, the database, its migration, the protection of the keys: each may be the last thing that happened."""
    started = time.monotonic()
    killed_writer(tmp_path / "measured", 0)
    whole = time.monotonic() - started
    for number in range(6):
        folder = tmp_path / str(number)
        killed_writer(folder, random.uniform(whole / 2, whole), ready=False)
        with open_store(folder) as store:
            store.audit.verify()
            EncryptedFileSigner(
                folder / "keys", Passphrase(Secret("correct horse"), cost=2**14), lambda: datetime.now(UTC)
            )
