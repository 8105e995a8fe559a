"""A connection: one upstream issuer, and on what terms its tokens are taken."""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from daypass.errors import ClaimUnavailable
from daypass.idp.exchange.rules import find

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.idp.exchange.terms import Terms
    from daypass.tokens.strict_json import JsonValue

MAX_READABLE: Final = 27
"""Characters of a workload's id that claims say themselves: our own subjects have 127, and ids fill the rest."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]*")
"""What `_encoded` would leave as it is."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of an organization.

    Attributes:
        id: `con_…`, never given twice.
        organization_id: whose it is.
        project_id: the project that what comes in belongs to.
        name: unique in the organization; a slug.
        terms: see `Terms`.
        created_at: when it was made.
        disabled_at: since when it takes nothing, None while it does.
    """

    id: str
    organization_id: str
    project_id: str
    name: str
    terms: Terms
    created_at: datetime
    disabled_at: datetime | None = None

    def workload_id(self, claims: Mapping[str, JsonValue]) -> str:
        """The same for the same workload, and never for two: the connection's id and the values of `identity`.

        What would be too long for a subject is a digest of it, behind a second dot: no value is ever empty.

        Values are percent-encoded, also `.`, which is what separates them here. The connection's id is in it, so two
        issuers' `project_id` 7 are two workloads (CVE-2025-11621: names matched without their account).

        Raises:
            ClaimUnavailable: when a claim is absent, or no text, whole number or boolean.
        """
        readable = ".".join(_encoded(_text(claims, path)) for path in self.terms.identity)
        return f"{self.id}.{readable if len(readable) <= MAX_READABLE else _digest(readable)}"

    def attribute_values(self, claims: Mapping[str, JsonValue]) -> dict[str, str]:
        """The workload's attributes: what the terms' `attributes` name and the token has, as text."""
        found = ((name, find(claims, path)) for name, path in self.terms.attributes if path[0] in claims)
        return {name: written for name, value in found if (written := _written(value)) is not None}


def _digest(text: str) -> str:
    """130 bits of SHA-256, as a subject can hold them."""
    return "." + b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:26]


def _text(claims: Mapping[str, JsonValue], path: tuple[str, ...]) -> str:
    value = _written(find(claims, path))
    if not value:
        name = " > ".join(path)
        raise ClaimUnavailable(
            f"the upstream token has no `{name}`, which says what the workload is",
            advice="Name another claim as the connection's identity.",
            claim=name,
        )
    return value


def _written(value: object) -> str | None:
    """A value as an attribute holds it: text as it is, booleans and whole numbers as JSON writes them."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return None


def _encoded(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else quote(value, safe="").replace(".", "%2E").replace("~", "%7E")
