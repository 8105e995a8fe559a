"""An issuer's URL on this machine, and who looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.fetching import Fetcher
from support.https_issuer import HttpsIssuer, https_issuer
from support.shown import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme


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
