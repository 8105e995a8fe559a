"""A process that changes the store as fast as it can, and says so only when it was told the change is kept.

It prints `registered <id>`, `key <kid>` and `row <request id>`, one a line, until it is killed.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from daypass.idp.caller import Caller
from daypass.idp.key_ring import KeyRing
from daypass.idp.model import AuditEntry
from daypass.idp.registry import Registry
from daypass.secret import Secret
from daypass.signers import EncryptedFileSigner, Passphrase
from daypass.store import open_store


def now() -> datetime:
    return datetime.now(UTC)


def tell(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    with open_store(folder) as store:
        signer = EncryptedFileSigner(folder / "keys", Passphrase(Secret("correct horse"), cost=2**14), now)
        ring = KeyRing(store.keys, signer, now, store.audit)
        registry = Registry(store.registry, store.audit, now, secrets.token_bytes)
        operator = Caller.operator(request_id="writer")
        await ring.load()
        tell("ready")

        async def rows() -> None:
            for _ in count():
                request_id = secrets.token_hex(8)
                await store.audit.append(AuditEntry(at=now(), event="e", outcome="issued", request_id=request_id))
                tell("row", request_id)

        async def keys() -> None:
            for _ in count():
                key = await ring.create(operator, "ES256")
                tell("key", key.kid)
                await ring.activate(operator, key.kid, at_once=True)
                tell("active", key.kid)

        async def organizations() -> None:
            for _ in count():
                organization = await registry.create_organization(operator, slug=f"o-{secrets.token_hex(8)}")
                tell("registered", organization.id)

        await asyncio.gather(rows(), rows(), rows(), keys(), organizations())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
