"""`daypass publish` as people and service managers run it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from daypass.cli.main import main
from support.https_issuer import HttpsIssuer, https_issuer
from support.processes import DAYPASS, clean_environment
from support.publications import discovery, keys
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

DISCOVERY = ".well-known/openid-configuration"


class Shell:
    """A folder with two documents, a web server for the target, and the command line."""

    def __init__(self, folder: Path, server: HttpsIssuer, ca_file: Path) -> None:
        self.folder, self.server, self.ca_file = folder, server, ca_file
        self.target = folder / "www"
        self.issuer = "https://idp.example.com/idp"
        server.reset()
        server.documents.clear()
        self.write("issuer")

    def write(self, *names: str) -> None:
        (self.folder / "d.json").write_bytes(discovery(self.issuer))
        (self.folder / "k.json").write_bytes(keys(*names))

    def serve(self) -> None:
        """What the target has, at the issuer's host."""
        self.server.headers |= {"cache-control": "max-age=300"}
        for path in (DISCOVERY, "keys"):
            self.server.documents[f"/idp/{path}"] = (self.target / path).read_bytes()

    @property
    def source(self) -> list[str]:
        return ["--from-file", str(self.folder / "d.json"), str(self.folder / "k.json")]

    @property
    def outside(self) -> list[str]:
        at = f"idp.example.com:443=localhost:{self.server.port}"
        return ["--outside-connect-to", at, "--outside-ca-file", str(self.ca_file)]


@pytest.fixture
def certificate(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("idp.example.com")


@pytest.fixture
def shell(ca: trustme.CA, certificate: trustme.LeafCert, ca_file: Path, tmp_path: Path) -> Iterator[Shell]:
    with https_issuer(ca, "/idp", certificate=certificate) as listening:
        yield Shell(tmp_path, listening, ca_file)


def test_publish_then_look(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(shell.target), *shell.source, "--no-verify"]) == 0
    told = capsys.readouterr().out
    assert f"written: {shell.target}/keys\nwritten: {shell.target}/{DISCOVERY}\n" in told
    shell.serve()
    assert main(["publish", str(shell.target), *shell.source, *shell.outside]) == 0
    told = capsys.readouterr().out
    assert "nothing to write" in told
    assert "seen from outside: as it should be" in told


def test_drift_is_status_1_and_names_its_code(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(shell.target), *shell.source, "--no-verify"]) == 0
    shell.serve()
    shell.write("issuer", "next")
    assert main(["publish", "--verify-only", *shell.source, *shell.outside]) == 1
    assert "drift: outside_key_missing: https://idp.example.com/idp" in capsys.readouterr().err
    assert main(["publish", "--verify-only", "--json", *shell.source, *shell.outside]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [found["code"] for found in told["findings"]] == ["outside_key_missing"]
    assert told["written"] == []
    assert (shell.target / "keys").read_bytes() == keys("issuer"), "it only looks"


def test_who_could_not_look_says_3(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = ["--outside-connect-to", "idp.example.com:443=127.0.0.1:1"]
    assert main(["publish", "--verify-only", *shell.source, *nobody]) == 3
    assert "unknown: outside_unreachable" in capsys.readouterr().err


def test_who_is_overtaken_again_and_again_says_3(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from daypass.errors import ChangedMeanwhile
    from daypass.publishing.targets.folder import FolderTarget

    def overtaken(*_: object, **__: object) -> None:
        raise ChangedMeanwhile("another has written")

    monkeypatch.setattr(FolderTarget, "write", overtaken)
    assert main(["publish", str(shell.target), *shell.source, "--no-verify"]) == 3


def test_a_private_key_is_status_1_and_nothing_is_written(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    entry = json.loads(keys())["keys"][0] | {"d": "AAAA"}
    (shell.folder / "k.json").write_text(json.dumps({"keys": [entry]}))
    assert main(["publish", str(shell.target), *shell.source]) == 1
    assert "private member `d`" in capsys.readouterr().err
    assert not shell.target.exists()


def test_wait_looks_again(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from daypass.cli import publish as command

    monkeypatch.setattr(command, "_LOOK_AGAIN_SECONDS", 0.05)
    assert main(["publish", str(shell.target), *shell.source, "--no-verify"]) == 0
    import threading

    timer = threading.Timer(0.3, shell.serve)
    timer.start()
    try:
        assert main(["publish", "--verify-only", "--wait", "20", *shell.source, *shell.outside]) == 0
    finally:
        timer.join()


def test_keys_that_leave_are_named(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """One of them may be a thief's, who had written there while nobody looked."""
    shell.write("issuer", "stranger")
    assert main(["publish", str(shell.target), *shell.source, "--no-verify"]) == 0
    shell.write("issuer")
    capsys.readouterr()
    assert main(["publish", str(shell.target), *shell.source, "--no-verify"]) == 0
    assert f"taken out: the key {private_key(name='stranger').kid}" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["jwks-file", "pem"])
def test_uploaded_forms(form: str, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(shell.folder / "up"), *shell.source, "--form", form]) == 0
    assert ("gcloud" if form == "jwks-file" else "vault write") in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--form", "pem", "s3://bucket"],
        ["DIR", "--from", "https://a.example", "--from-file", "d", "k"],
        ["DIR", "--issuer", "https://a.example"],
        ["DIR", "--from", "https://a.example", "--organization", "acme"],
        ["DIR", "--from", "http://a.example"],
        ["--verify-only", "--no-verify"],
        ["DIR", "--interval", "5"],
        ["DIR", "--watch", "--interval", "0", "--from-file", "d", "k"],
        ["DIR", "--watch", "--json"],
        ["DIR", "--from-file", "d", "k", "--outside-ca-file", "/nowhere"],
        ["DIR", "--from", "https://a.example", "--ca-file", "/dev/null"],
        ["DIR", "--max-age", "-1", "--from-file", "d", "k"],
        ["DIR", "--max-age", "600"],
    ],
)
def test_wrong_usage(words: list[str]) -> None:
    assert main(["publish", *words]) == 2


class Watching:
    """`daypass publish --watch` as a process."""

    def __init__(self, shell: Shell) -> None:
        self.log = shell.folder / "watch.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [*DAYPASS, "publish", str(shell.target), *shell.source, *shell.outside, "--watch", "--interval", "1"],
                stderr=out,
                env=clean_environment(shell.folder),
            )

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def wait_for(self, event: str, **facts: object) -> dict[str, Any]:
        for _ in range(600):
            for found in self.events:
                if found["event"] == event and facts.items() <= found.items():
                    return found
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"no {event}: {self.log.read_text()}")


def test_watch_publishes_a_rotation_finds_an_intruder_and_ends_clean(shell: Shell) -> None:
    watching = Watching(shell)
    try:
        watching.wait_for("published")
        shell.serve()
        watching.wait_for("well")
        shell.write("issuer", "next")
        found = watching.wait_for("not_seen_yet", code="outside_key_missing")
        assert found["level"] == "info"
        assert (shell.target / "keys").read_bytes() == keys("issuer", "next")
        shell.serve()
        shell.server.documents["/idp/keys"] = keys("issuer", "next", "intruder")
        assert watching.wait_for("drift", code="outside_key_unknown")["level"] == "error"
        (shell.folder / "k.json").unlink()
        assert watching.wait_for("not_published")["code"] == "file_unavailable"
        watching.process.send_signal(signal.SIGTERM)
        assert watching.process.wait(10) == 0
    finally:
        watching.process.kill()
        watching.process.wait(10)
    assert all(line.startswith("{") for line in watching.log.read_text().splitlines())
