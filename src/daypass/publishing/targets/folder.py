"""A folder, with the layout that any web server serves and that can be copied anywhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.errors import ChangedMeanwhile, FileUnavailable, FileUnsafe
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
            size = self._size(path)
            if size <= MAX_DOCUMENT_BYTES:
                raise
            return Stored(b"", f"{size} bytes")  # no document of ours, and so to be replaced
        return Stored(body, hashlib.sha256(body).hexdigest())

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        """See `Target`."""
        place = self._folder / wanted.path
        self._demand_inside(place.parent)
        files.public_folder(place.parent)
        with files.locked(self._folder / LOCK, timeout_seconds=LOCK_SECONDS):
            now = self.read(wanted.path)
            if (now and now.version) != (was and was.version):
                raise ChangedMeanwhile(f"`{place}` is not as it was any more")
            files.write_atomic(place, wanted.body, mode=0o644)

    def _size(self, path: str) -> int:
        try:
            return (self._folder / path).stat().st_size
        except OSError:
            return 0

    def _demand_inside(self, folder: Path) -> None:
        """Follow a link that is the folder itself, and none below: whoever may write there would choose where we do."""
        if not folder.resolve().is_relative_to(self._folder.resolve()):
            raise FileUnsafe(
                f"`{folder}` leads out of `{self._folder}` by a link",
                advice="Remove the link, or name the folder that it leads to.",
                path=str(folder),
            )
