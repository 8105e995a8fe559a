"""`daypass serve` as a process of its own, over TLS."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Self

import httpx
import trustme

from support.processes import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

READY = re.compile(r"daypass: ready at (https?)://(?:\[::1\]|127\.0\.0\.1):([0-9]+) for the issuer (\S+)")


class Serving:
    """The process, its certificate authority and its address. A context manager that ends it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        issued = self.ca.issue_cert("localhost", "127.0.0.1")
        (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
        (folder / "key.pem").chmod(0o600)
        self.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        self.settings = {
            "issuer": "https://localhost:8443/idp",
            "listen": "127.0.0.1:0",
            "data_folder": "data",
            "tls_certificate": "chain.pem",
            "tls_private_key": "key.pem",
            "log_format": "json",
        } | settings
        self.environment: dict[str, str] = {}
        self.log: list[str] = []

    def write_settings(self) -> Path:
        """Write daypass.toml; a setting that is empty is left out."""
        file = self.folder / "daypass.toml"
        file.write_text("".join(f"{name} = {_toml(text)}\n" for name, text in self.settings.items() if text))
        return file

    def start(self) -> Self:
        """Start it, and wait until it says that it is ready."""
        self.log = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daypass", "serve", "--config", str(self.write_settings())],
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(self.folder, self.environment),
        )
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self._reader.start()
        assert ready.wait(30), "".join(self.log)
        found = next((match for line in self.log if (match := READY.search(line))), None)
        assert found is not None, "".join(self.log)
        self.scheme, self.port = found[1], int(found[2])
        return self

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if READY.search(line):
                ready.set()
        ready.set()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self._wait()

    def stop(self) -> int:
        """End it as a service manager does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def _wait(self) -> int:
        status = self.process.wait(20)
        self._reader.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def base(self) -> str:
        """Where it is reached: the issuer's path at the port that it got."""
        return f"{self.scheme}://localhost:{self.port}/idp"

    @property
    def tls(self) -> ssl.SSLContext:
        """A client's side of TLS that trusts the certificate authority."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    @property
    def admin_token(self) -> str:
        """The first admin token."""
        return (self.folder / "data" / "admin-token").read_text().strip()

    def client(self, secret: str | None = None) -> httpx.Client:
        """An HTTP client below the issuer's path, with a bearer secret."""
        headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
        return httpx.Client(base_url=self.base, verify=self.tls, headers=headers, trust_env=False)


def _toml(text: str) -> str:
    return text if text in {"true", "false"} or text.isdecimal() or text.startswith("[") else f'"{text}"'
