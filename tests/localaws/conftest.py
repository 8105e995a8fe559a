"""A local AWS for each test, on one server for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from daypass.localaws.app import Front, LocalAwsConfig, build
from daypass.sts.observed import AS_OBSERVED, Observed
from support.asgi import served
from support.https_issuer import HttpsIssuer, https_issuer
from support.local_aws import Clock, LocalAws, Stage, end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, int]]:
    stage = Stage()
    with served(stage) as port:
        yield stage, port


@pytest.fixture(scope="session")
def shared_issuer(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as issuer:
        yield issuer


@pytest.fixture
def aws(stage: tuple[Stage, int], shared_issuer: HttpsIssuer, ca_file: Path) -> Iterator[LocalAws]:
    clock = Clock()

    def start(observed: Observed) -> None:
        if isinstance(stage[0].app, Front):
            stage[0].app.instance.close()
        stage[0].app = build(LocalAwsConfig(trust=(ca_file,), observed=observed), clock)

    start(AS_OBSERVED)
    shared_issuer.reset()
    local = LocalAws(port=stage[1], clock=clock, issuer=shared_issuer, start=start)
    yield local
    for client in local.clients:
        client.close()
    asyncio.run(end(stage[0].app))


@pytest.fixture
def ready(aws: LocalAws) -> LocalAws:
    aws.prepare()
    return aws
