"""An account to try a file on."""

from __future__ import annotations

import pytest

from support.memory_iam import MemoryIam
from support.provisioning import Bench, Time


@pytest.fixture
def bench() -> Bench:
    return Bench(MemoryIam(), Time(), [])
