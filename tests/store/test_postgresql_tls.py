"""PostgreSQL as it is run in earnest: over TCP, by TLS with a checked certificate, with a password."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest
import trustme

from daypass.errors import StoreUnavailable
from daypass.idp.model import AuditEntry
from daypass.secret import Secret
from daypass.store import open_database
from support.postgresql import PasswordPostgreSql, password_postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(ca: trustme.CA) -> Iterator[PasswordPostgreSql]:
    with password_postgresql_server(ca) as running:
        yield running


def test_with_tls_and_a_password_everything_works(server: PasswordPostgreSql, ca_file: Path) -> None:
    url = server.url(sslmode="verify-full", sslrootcert=str(ca_file))
    with open_database(Secret(url)) as store:
        entry = AuditEntry(at=datetime.now(UTC), event="token.issue", outcome="issued", request_id="r1")
        asyncio.run(store.audit.append(entry))
        assert store.audit.verify() == 1
    with psycopg.connect(url) as other:
        assert other.pgconn.ssl_in_use
        assert other.pgconn.used_password


def test_what_is_not_so_is_refused_and_the_password_is_not_told(
    server: PasswordPostgreSql, ca_file: Path, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    trusted = {"sslmode": "verify-full", "sslrootcert": str(ca_file)}
    for url in (
        server.url(password="hunter2 and more", **trusted),
        server.url(sslmode="verify-full", sslrootcert=str(stranger)),
        server.url(**trusted).replace("localhost", "127.0.0.1"),  # not the name of the certificate
        server.url(sslmode="disable"),
    ):
        with pytest.raises(StoreUnavailable) as refused:
            open_database(Secret(url))
        told = f"{refused.value.message} {refused.value.advice} {refused.value.facts} {refused.value!r}"
        assert "hunter2" not in told
        assert "battery" not in told
