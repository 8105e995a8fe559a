"""Documents to publish, and what happens to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from daypass.errors import ChangedMeanwhile
from daypass.publishing.publication import Publication, publication
from daypass.publishing.targets import Stored
from daypass.tokens.key_set import KeySet
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daypass.publishing.publication import PublishedObject

ISSUER = "https://idp.example.com/idp"


def discovery(issuer: str = ISSUER, **members: object) -> bytes:
    """A discovery document with all that the standard demands."""
    return json.dumps(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/keys",
            "authorization_endpoint": f"{issuer}/not-supported",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            **members,
        }
    ).encode()


def keys(*names: str) -> bytes:
    """A key set with the keys of these names."""
    return KeySet(private_key(name=name).public for name in names or ("issuer",)).document()


def made(*names: str, issuer: str = ISSUER, **members: object) -> Publication:
    """What is published of an issuer with the keys of these names."""
    return publication(discovery(issuer, **members), keys(*names))


class Changing:
    """A `Source` that a test changes."""

    def __init__(self, *publications: Publication) -> None:
        self.publications: Sequence[Publication] = publications
        self.reads = 0
        self.fault: Exception | None = None
        self.after_read: Callable[[int], None] = lambda _: None

    async def read(self) -> Sequence[Publication]:
        """What there is; then `after_read` runs with the number of the read, and the answer grows old."""
        self.reads += 1
        if self.fault is not None:
            raise self.fault
        found = self.publications
        self.after_read(self.reads)
        return found


class MemoryTarget:
    """A `Target` in memory. `before_write` runs in front of each write."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.writes: list[str] = []
        self.before_write: Callable[[PublishedObject], None] = lambda _: None

    def __str__(self) -> str:
        return "memory"

    def read(self, path: str) -> Stored | None:
        return self.objects.get(path)

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        self.before_write(wanted)
        now = self.objects.get(wanted.path)
        if (now and now.version) != (was and was.version):
            raise ChangedMeanwhile("another has written")
        self.put(wanted)

    def put(self, wanted: PublishedObject) -> None:
        """Write whatever is there."""
        self.writes.append(wanted.path)
        version = str(len(self.writes))
        self.objects[wanted.path] = Stored(wanted.body, version, wanted.content_type, wanted.cache_control)
