"""What all tests of this room start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from daypass.config import Settings
from support.identity_provider import ISSUER, World


@pytest.fixture
def settings() -> Settings:
    return Settings(issuer=ISSUER, data_folder=Path("unused"))


@pytest.fixture
def world(settings: Settings) -> World:
    return World(settings)
