"""Reads the cases: from the package when it is installed, from `vectors/sts/` in a checkout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SCHEMA: Final = "schema.json"
_CHECKOUT: Final = Path(__file__).parents[4] / "vectors" / "sts"


@dataclass(frozen=True, slots=True)
class Vector:
    """One case: `name` is `<file>::<id>`, `content` has what the file says for all its cases filled in."""

    name: str
    content: dict[str, Any]


def read() -> list[Vector]:
    """Every case, by file and in its order."""
    found = []
    for file in sorted(_folder().iterdir(), key=lambda each: each.name):
        if file.name.endswith(".json") and file.name != SCHEMA:
            document = json.loads(file.read_bytes())
            for case in document["cases"]:
                name = f"{file.name.removesuffix('.json')}::{case['id']}"
                found.append(Vector(name, {**document["defaults"], **case}))
    return found


def _folder() -> Traversable:
    """The wheel puts the vectors beside this module; a checkout has them once, at its root."""
    return _CHECKOUT if _CHECKOUT.is_dir() else resources.files(__package__) / "sts"
