"""Fixtures of every room."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest
import trustme

from support.postgresql import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgresql import PostgreSql

# A busy machine makes single examples slow; what a law costs is watched by the test's own time limit.
hypothesis.settings.register_profile("daypass", deadline=None)
hypothesis.settings.load_profile("daypass")

# What a shell starts in the background ignores Ctrl-C, and so do its children: what tests send would not arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """A certificate authority of this test run."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate as a PEM file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL server of this test run, started when the first test asks for it."""
    with postgresql_server() as server:
        yield server


@pytest.fixture
def database_url(postgresql: PostgreSql) -> str:
    """An empty PostgreSQL database, which goes with the server."""
    return postgresql.new_database()
