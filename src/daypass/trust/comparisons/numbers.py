"""Numbers are decimal and exact: 9007199254740993 is not 9007199254740992 (observed on AWS, September 2026)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


def number(text: str) -> Decimal | None:
    """The number that a text is; None for `NaN`, `Infinity`, the empty text and other words.

    `1`, `01`, `+1`, `1.`, `1.0` and `1e0` are one number (observed on AWS, September 2026).
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None
