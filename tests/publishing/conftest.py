"""An issuer's URL on this machine, and who looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.fetching import Fetcher
from daypass.names import IssuerUrl
from support.https_issuer import HttpsIssuer, https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from daypass.publishing import Publication


class Served:
    """What strangers get at an issuer's URL. `show` puts documents there."""

    def __init__(self, server: HttpsIssuer) -> None:
        self.server = server
        self.issuer = IssuerUrl.parse(server.url)

    def show(self, publication: Publication) -> None:
        """Serve these documents, as a web server in front of a target does."""
        for each in publication.objects:
            self.server.documents[f"/t/{each.path}"] = each.body
        self.server.headers |= {"cache-control": publication.objects[0].cache_control}


@pytest.fixture(scope="session")
def listening(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as server:
        yield server


@pytest.fixture
def outside(listening: HttpsIssuer) -> Served:
    listening.reset()
    listening.documents.clear()
    return Served(listening)


@pytest.fixture
def fetcher(ca_file: Path) -> Fetcher:
    return Fetcher(trust=[ca_file], allow_private=frozenset({"localhost"}))
