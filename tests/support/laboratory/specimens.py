"""The laboratory's cases, as `vectors/doctor/laboratory.json` has them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from support.vectors import VECTORS


@cache
def specimens() -> tuple[dict[str, Any], ...]:
    """Every case, with what the file says for all of them filled in."""
    document = json.loads((VECTORS / "doctor" / "laboratory.json").read_bytes())
    return tuple({**document["defaults"], **case} for case in document["cases"])
