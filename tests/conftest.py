"""Fixtures of every room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest
import trustme

if TYPE_CHECKING:
    from pathlib import Path

# A busy machine makes single examples slow; what a law costs is watched by the test's own time limit.
hypothesis.settings.register_profile("daypass", deadline=None)
hypothesis.settings.load_profile("daypass")


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
