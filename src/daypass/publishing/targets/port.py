"""What publishing needs of a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from daypass.publishing.publication import PublishedObject


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it is there now.

    `version` is what a write is made conditional on; only the target reads it. The headers are None where the place
    keeps none: a web server in front of it decides.
    """

    body: bytes
    version: str
    content_type: str | None = None
    cache_control: str | None = None

    def holds(self, wanted: PublishedObject) -> bool:
        """Whether nothing of it would change."""
        return (
            self.body == wanted.body
            and self.content_type in (None, wanted.content_type)
            and self.cache_control in (None, wanted.cache_control)
        )


class Target(Protocol):
    """A place where objects have names and are replaced as a whole. `str` names it for people.

    Methods are synchronous; callers run them in a thread. Both raise `PublishingRefused` where the place says no, and
    `ServiceUnreachable` (a folder: `FileUnavailable`, `FileUnsafe`) where nothing is known.
    """

    def read(self, path: str) -> Stored | None:
        """What is there, or None when nothing is. Larger objects than any document of ours are not read whole."""
        ...

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        """Write it whole, if there still is what `was` there (None: nothing). Readers find the old or the new one.

        Raises:
            ChangedMeanwhile: when another has written since; nothing was written.
        """
        ...
