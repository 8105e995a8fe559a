"""Test data in `vectors/`: JSON that other implementations can use too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

VECTORS = Path(__file__).parents[2] / "vectors"


def documents(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each file of a folder but its schema: name without suffix, and content."""
    for path in sorted((VECTORS / folder).glob("*.json")):
        if path.name != "schema.json":
            yield path.stem, json.loads(path.read_bytes())


def cases(folder: str) -> list[ParameterSet]:
    """Every case of a folder for `parametrize`, with ids such as `string_operators::wildcard-in-string-equals`.

    What a file says for all its cases (`defaults`) is filled in.
    """
    return [
        pytest.param({**document.get("defaults", {}), **case}, id=f"{name}::{case['id']}")
        for name, document in documents(folder)
        for case in document["cases"]
    ]
