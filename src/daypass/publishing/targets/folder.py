"""A folder, with the layout that any web server serves and that can be copied anywhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.errors import ChangedMeanwhile, FileUnavailable
from daypass.publishing.targets.port import Stored
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.publishing.publication import PublishedObject

LOCK: Final = ".daypass-publish"
LOCK_SECONDS: Final = 10.0


class FolderTarget:
    """A `Target`: files that anybody may read (0644), in folders that anybody may enter (0755)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def __str__(self) -> str:
        return str(self._folder)

    def read(self, path: str) -> Stored | None:
        """See `Target`."""
        try:
            body = files.read_bounded(self._folder / path, MAX_DOCUMENT_BYTES)
        except FileUnavailable as error:
            if error.facts.get("missing"):
                return None
            raise
        return Stored(body, hashlib.sha256(body).hexdigest())

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        """See `Target`."""
        place = self._folder / wanted.path
        files.public_folder(place.parent)
        with files.locked(self._folder / LOCK, timeout_seconds=LOCK_SECONDS):
            now = self.read(wanted.path)
            if (now and now.version) != (was and was.version):
                raise ChangedMeanwhile(f"`{place}` is not as it was any more")
            files.write_atomic(place, wanted.body, mode=0o644)
