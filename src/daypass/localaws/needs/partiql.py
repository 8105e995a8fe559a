"""The table of a PartiQL statement (DynamoDB Developer Guide, "PartiQL statements for DynamoDB").

The service behind cuts a statement at its keywords, in texts too. So a statement in which one comes twice has no one
reading, and is not read at all.
"""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = r'"([A-Za-z0-9_-]{1,255})"|([A-Za-z0-9_-]{1,255})'
_TABLE: Final = rf"(?:{_QUOTED})"
_INDEX: Final = rf"(?:\.(?:{_QUOTED}))?"
_FORMS: Final = (
    ("PartiQLSelect", re.compile(rf"\s*SELECT\s(.+?)\sFROM\s+{_TABLE}{_INDEX}(?:\s+WHERE\s(.+))?\s*", re.I | re.S)),
    ("PartiQLInsert", re.compile(rf"()\s*INSERT\s+INTO\s+{_TABLE}()()\s+VALUE\s(.+)", re.I | re.S)),
    ("PartiQLUpdate", re.compile(rf"()\s*UPDATE\s+{_TABLE}()()\s+((?:SET|REMOVE)\s.+)", re.I | re.S)),
    ("PartiQLDelete", re.compile(rf"()\s*DELETE\s+FROM\s+{_TABLE}()()\s+WHERE\s(.+)", re.I | re.S)),
)
_KEYWORDS: Final = re.compile(r"\b(?:SELECT|FROM|WHERE|INTO|INSERT|UPDATE|DELETE|JOIN|UNPIVOT|AS|AT)\b|--|/\*|;", re.I)
_IN_UPDATE: Final = re.compile(r"\bWHERE\b", re.I)


def read(statement: str) -> tuple[str, str, str | None] | None:
    """Action, table and index of a statement; None when it has no one reading here."""
    for action, form in _FORMS:
        found = form.fullmatch(statement)
        if found is None:
            continue
        rest = found[found.re.groups] or ""
        if action == "PartiQLUpdate":
            rest = _IN_UPDATE.sub("", rest, count=1)
        if _KEYWORDS.search(found[1]) or _KEYWORDS.search(rest):
            return None
        return action, found[2] or found[3], found[4] or found[5] or None
    return None
