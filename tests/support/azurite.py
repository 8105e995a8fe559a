"""Azurite, Microsoft's emulator of Azure Storage: an npm package, in `tests/emulators/` or on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from daypass.bootstrap.server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(__file__).parents[1] / "emulators"
ACCOUNT = "devstoreaccount1"
# The emulator's published key; it opens nothing else (https://learn.microsoft.com/azure/storage/common/storage-use-azurite).
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """The connection string of one that answers; skips the test where there is none."""
    program = shutil.which("azurite-blob") or shutil.which("azurite-blob", path=str(FOLDER / "node_modules" / ".bin"))
    if program is None:
        pytest.skip("azurite is not installed: make emulators")
    port = free_port()
    command = [program, "--blobPort", str(port), "--inMemoryPersistence", "--skipApiVersionCheck"]
    log = folder / "azurite.log"
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--silent"], stdout=out, stderr=out, env=dict(os.environ), cwd=folder)
        try:
            url = f"http://127.0.0.1:{port}/{ACCOUNT}"
            given = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={url};"
            _wait(process, port, log)
            yield given
        finally:
            # It keeps nothing, and when it is asked to end it waits for clients that keep their connection.
            process.kill()
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import socket

    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("azurite does not listen")
