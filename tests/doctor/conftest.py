"""The fault laboratory, and a local AWS that asks its issuers over real TLS."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from support.asgi import served
from support.laboratory import Laboratory
from support.laboratory.sts import Sts
from support.local_aws import Stage, end

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET: Final = 1.2
"""Seconds for an issuer's answers in these tests. AWS gives about five; two cores and other tests need some room."""


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(BUDGET) as servers:
        yield servers


@pytest.fixture(scope="session")
def sts(laboratory: Laboratory) -> Iterator[Sts]:
    stage = Stage()
    with served(stage) as port:
        local = Sts(stage, port, laboratory)
        yield local
        if stage.app is not None:
            asyncio.run(end(stage.app))
