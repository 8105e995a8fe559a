"""Where documents come from: an issuer, files, a cluster, our own database beside the running server."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daypass.bootstrap import identity_provider as room
from daypass.bootstrap.publishing import OwnIssuers
from daypass.config import Settings
from daypass.errors import (
    DocumentsRefused,
    FileUnavailable,
    IssuerUnreachable,
    NotFound,
    RequestInvalid,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    StoreUnavailable,
)
from daypass.idp.caller import Caller
from daypass.names import IssuerUrl
from daypass.publishing.sources import Cluster, FetchedIssuer, FromFiles
from daypass.tokens.key_set import KeySet
from daypass.web.application import application
from support.publications import discovery, keys, made

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.fetching import Fetcher
    from daypass.publishing import Publication
    from daypass.publishing.sources import Source
    from support.shown import Served

CALLER = Caller.operator(request_id="test")
ISSUER = IssuerUrl.parse("https://id.northwind.example/ci")


def read(source: Source) -> list[Publication]:
    return list(asyncio.run(source.read()))


class TestIssuer:
    def test_it_is_published_under_its_own_issuer(self, outside: Served, fetcher: Fetcher) -> None:
        outside.show(made(issuer=outside.issuer.text))
        (found,) = read(FetchedIssuer(fetcher, outside.issuer))
        assert found.issuer == outside.issuer
        assert found.objects == made(issuer=outside.issuer.text).objects

    def test_or_under_another(self, outside: Served, fetcher: Fetcher) -> None:
        outside.show(made(issuer=outside.issuer.text))
        (found,) = read(FetchedIssuer(fetcher, outside.issuer, ISSUER))
        assert json.loads(found.discovery)["issuer"] == str(ISSUER)
        assert json.loads(found.discovery)["jwks_uri"] == f"{ISSUER}/keys"

    def test_a_foreign_issuer_is_refused(self, outside: Served, fetcher: Fetcher) -> None:
        """One slash more is another issuer."""
        outside.show(made(issuer=outside.issuer.text))
        place = "/t/.well-known/openid-configuration"
        outside.server.documents[place] = discovery(f"{outside.issuer}/")
        with pytest.raises(IssuerUnreachable, match="byte for byte"):
            read(FetchedIssuer(fetcher, outside.issuer))

    def test_a_key_set_on_another_host_is_not_asked(self, outside: Served, fetcher: Fetcher) -> None:
        place = "/t/.well-known/openid-configuration"
        outside.server.documents[place] = discovery(outside.issuer.text, jwks_uri="https://evil.example/keys")
        with pytest.raises(IssuerUnreachable, match="own host and port"):
            read(FetchedIssuer(fetcher, outside.issuer))

    def test_a_private_key_is_not_passed_on(self, outside: Served, fetcher: Fetcher) -> None:
        outside.show(made(issuer=outside.issuer.text))
        entries = json.loads(outside.server.documents["/t/keys"])["keys"]
        outside.server.documents["/t/keys"] = json.dumps(
            {"keys": [entries[0], entries[0] | {"kid": "b", "d": "A"}]}
        ).encode()
        with pytest.raises(DocumentsRefused, match="private member"):
            read(FetchedIssuer(fetcher, outside.issuer))


class TestFiles:
    def test_two_files(self, tmp_path: Path) -> None:
        (tmp_path / "d").write_bytes(discovery())
        (tmp_path / "k").write_bytes(keys())
        (found,) = read(FromFiles(tmp_path / "d", tmp_path / "k"))
        assert found.objects == made().objects

    def test_one_is_missing(self, tmp_path: Path) -> None:
        (tmp_path / "d").write_bytes(discovery())
        with pytest.raises(FileUnavailable):
            read(FromFiles(tmp_path / "d", tmp_path / "k"))

    def test_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "d")
        with pytest.raises(Exception, match="pipe"):
            read(FromFiles(tmp_path / "d", tmp_path / "d"))


class TestCluster:
    """An API server over TLS, with an authority of its own."""

    @pytest.fixture
    def cluster(self, outside: Served, ca_file: Path, tmp_path: Path) -> Cluster:
        (tmp_path / "token").write_text("service-account-token\n")
        documents = made(issuer="https://oidc.example.com/cluster-1", jwks_uri="https://10.0.0.1:6443/openid/v1/jwks")
        outside.server.documents = {
            "/.well-known/openid-configuration": discovery(
                "https://oidc.example.com/cluster-1", jwks_uri="https://10.0.0.1:6443/openid/v1/jwks"
            ),
            "/openid/v1/jwks": documents.keys.document(),
        }
        server = f"https://localhost:{outside.server.port}/"
        return Cluster(server, tmp_path / "token", ca_file, environ={})

    def test_its_documents_under_its_issuer(self, cluster: Cluster) -> None:
        (found,) = read(cluster)
        document = json.loads(found.discovery)
        assert document["issuer"] == "https://oidc.example.com/cluster-1"
        assert document["jwks_uri"] == "https://oidc.example.com/cluster-1/.well-known/jwks.json"
        assert found.keys.document() == keys()

    def test_another_issuer_is_refused(self, cluster: Cluster) -> None:
        from dataclasses import replace

        with pytest.raises(DocumentsRefused, match="cluster's issuer is"):
            read(replace(cluster, issuer=ISSUER))

    def test_no_permission(self, cluster: Cluster, outside: Served) -> None:
        outside.server.refuses = 403
        with pytest.raises(ServiceUnreachable) as refusal:
            read(cluster)
        assert "system:service-account-issuer-discovery" in str(refusal.value.advice)
        assert "service-account-token" not in str(refusal.value)
        outside.server.refuses = 500
        with pytest.raises(ServiceAnswerInvalid):
            read(cluster)

    def test_the_token_is_sent_to_it_and_read_anew(self, cluster: Cluster, outside: Served, tmp_path: Path) -> None:
        read(cluster)
        (tmp_path / "token").write_text("the-next-one")
        read(cluster)
        assert [request["authorization"] for request in outside.server.requests[-4:]] == [
            "Bearer service-account-token",
            "Bearer service-account-token",
            "Bearer the-next-one",
            "Bearer the-next-one",
        ]

    def test_never_in_plain_http(self, cluster: Cluster) -> None:
        from dataclasses import replace

        with pytest.raises(RequestInvalid):
            read(replace(cluster, server="http://10.0.0.1:6443"))

    def test_an_empty_token_file(self, cluster: Cluster, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("\n")
        with pytest.raises(FileUnavailable, match="no token"):
            read(cluster)


class TestOwn:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(issuer=ISSUER, data_folder=tmp_path / "d", key_set_max_age_seconds=120)

    @staticmethod
    async def served(services: Any, path: str) -> bytes:
        transport = httpx.ASGITransport(application(services))
        async with httpx.AsyncClient(transport=transport, base_url="https://id.northwind.example") as client:
            return (await client.get(f"/ci{path}")).content

    def test_what_is_published_is_what_the_server_serves(self, settings: Settings) -> None:
        """The root issuer and an organization's own, while the server has the database, and after it."""

        async def story() -> list[Publication]:
            async with room.identity_provider(settings) as services:
                organization = await services.registry.create_organization(CALLER, slug="acme")
                await services.registry.create_organization(CALLER, slug="other")
                await services.registry.update_organization(CALLER, organization.id, own_issuer=True)
                await services.key_rings.open(await services.registry.organization(CALLER, "acme"))
                await services.key_ring.rotate(CALLER, "RS256")
                found = list(await OwnIssuers(settings).read())
                for each in found:
                    below = f"/{each.folder}".rstrip("/")
                    keys_object, discovery_object = each.objects
                    assert await self.served(services, f"{below}/keys") == keys_object.body
                    document = await self.served(services, f"{below}/.well-known/openid-configuration")
                    assert document == discovery_object.body
                return found

        running = asyncio.run(story())
        assert [each.issuer.text for each in running] == [str(ISSUER), f"{ISSUER}/o/acme"]
        assert [each.objects[0].path for each in running] == ["keys", "o/acme/keys"]
        assert {each.max_age_seconds for each in running} == {120}
        assert len(running[0].keys.keys) == 3, "the next key, too"
        after = read(OwnIssuers(settings))
        assert [each.objects for each in after] == [each.objects for each in running]
        (alone,) = read(OwnIssuers(settings, "acme"))
        assert [each.path for each in alone.objects] == ["keys", ".well-known/openid-configuration"]
        assert alone.issuer.text == f"{ISSUER}/o/acme"
        with pytest.raises(NotFound):
            read(OwnIssuers(settings, "other"))

    def test_reading_changes_nothing(self, settings: Settings) -> None:
        async def start() -> None:
            async with room.identity_provider(settings):
                pass

        asyncio.run(start())
        database = settings.data_folder / "daypass.db"
        before = database.read_bytes()
        read(OwnIssuers(settings))
        assert database.read_bytes() == before
        from daypass.store.sqlite import sqlite_engine

        engine = sqlite_engine(database, reads_only=True)
        with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
            connection.exec_driver_sql("DELETE FROM signing_keys")
        engine.dispose()

    def test_where_nobody_has_started_nothing_is_made(self, settings: Settings) -> None:
        with pytest.raises(StoreUnavailable, match="no database"):
            read(OwnIssuers(settings))
        assert not settings.data_folder.exists()

    def test_another_version_of_the_database_is_left_alone(self, settings: Settings) -> None:
        import sqlite3

        async def start() -> None:
            async with room.identity_provider(settings):
                pass

        asyncio.run(start())
        connection = sqlite3.connect(settings.data_folder / "daypass.db")
        with connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        with pytest.raises(StoreUnavailable, match="another version"):
            read(OwnIssuers(settings))

    @pytest.mark.timeout(60)
    def test_postgresql_too(self, database_url: str, tmp_path: Path) -> None:
        from daypass.secret import Secret

        settings = Settings(issuer=ISSUER, data_folder=tmp_path / "d", database_url=Secret(database_url))

        async def story() -> bytes:
            async with room.identity_provider(settings) as services:
                (found,) = await OwnIssuers(settings).read()
                assert found.objects[0].body == services.key_ring.published
                return found.objects[0].body

        assert len(KeySet.parse(asyncio.run(story())).keys) == 2
