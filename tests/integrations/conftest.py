"""One local AWS for all drop-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.ci_platforms import Platform, ci_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with ci_platforms(tmp_path_factory.mktemp("platforms")) as found:
        yield found
