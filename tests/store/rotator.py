"""Processes that change one issuer's keys on one data folder, and die where they are told to.

Reads a JSON object per line: `action` (`advance` or `rotate`), `deaths` (one per process: after how many boundaries of
a write it is killed, or null), `later` (seconds by which clock and uptime are ahead once the keys are read). It forks
that many processes, lets them begin at once, and prints a JSON list of what each said; null for one that was killed.

A boundary is each side of making a private key, each statement of a transaction that writes, its commit, and what
follows it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from daypass.idp.caller import Caller
from daypass.idp.key_ring import KeyRing
from daypass.idp.memory import MemoryAuditLog
from daypass.signers import EncryptedFileSigner, KeyFile
from daypass.store.keys import SqlKeyStore
from daypass.store.opening import DATABASE
from daypass.store.sqlite import sqlite_engine

if TYPE_CHECKING:
    from daypass.idp.model import SigningKey


class Boundaries:
    """Counts down, and kills the process."""

    def __init__(self, left: int | None) -> None:
        self.left = left

    def reached(self, *_: object) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalSigner(EncryptedFileSigner):  # type: ignore[misc]  # final for the product; here each side of it is a boundary
    """An encrypted-file signer in a process that may die beside it."""

    boundaries: Boundaries

    def create_key(self, algorithm: str) -> SigningKey:
        self.boundaries.reached()
        key = super().create_key(algorithm)
        self.boundaries.reached()
        return key


async def live(folder: Path, action: str, death: int | None, later: float, go: int) -> list[str]:
    ahead = 0.0

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead)

    engine = sqlite_engine(folder / DATABASE)
    signer = MortalSigner(folder / "keys", KeyFile(folder / "wrapping-key"), now)
    signer.boundaries = Boundaries(None)
    ring = KeyRing(
        SqlKeyStore(engine),
        signer,
        now,
        MemoryAuditLog(),
        algorithms=["ES256"],
        monotonic=lambda: time.monotonic() + ahead,
    )
    await ring.load()
    ahead = later
    os.read(go, 1)  # the end of the pipe: everybody begins at once
    signer.boundaries.left = death

    def statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith(("INSERT", "UPDATE")):
            signer.boundaries.reached()

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", signer.boundaries.reached)
    operator = Caller.operator(request_id="rotator")
    changed = [await ring.rotate(operator, "ES256", soon=True)] if action == "rotate" else await ring.advance()
    signer.boundaries.reached()
    return [f"{key.kid} {key.state}" for key in changed]


def child(folder: Path, action: str, death: int | None, later: float, go: int, said: int) -> None:
    try:
        os.write(said, json.dumps(asyncio.run(live(folder, action, death, later, go))).encode())
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 (a forked process must not go on as its parent)
        os.write(said, json.dumps([repr(error)]).encode())
        os._exit(1)


def run(folder: Path, action: str, deaths: list[int | None], later: float) -> list[Any]:
    go, begin = os.pipe()
    children = []
    for death in deaths:
        heard, said = os.pipe()
        number = os.fork()
        if number == 0:
            os.close(begin)
            child(folder, action, death, later, go, said)
        os.close(said)
        children.append((number, heard))
    os.close(go)
    os.close(begin)
    answers = []
    for number, heard in children:
        with os.fdopen(heard, "rb") as pipe:
            text = pipe.read()
        os.waitpid(number, 0)
        answers.append(json.loads(text) if text else None)
    return answers


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(Path(sys.argv[1]), **json.loads(line))) + "\n")
        sys.stdout.flush()
