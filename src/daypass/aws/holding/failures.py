"""The last failure of a cache entry, remembered for seconds: those who waited for the one who asked share it.

Without it, 200 processes that are all refused would ask STS 200 times, one after the other, each holding up the next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.aws.holding import age
from daypass.calling.persist import Fate
from daypass.errors import DaypassError, FileUnavailable, FileUnsafe, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = 5.0
"""How long. Whoever mended a role and tries again is told so, and waits no longer than that."""
SUFFIX: Final = ".failure"
_MAX_BYTES: Final = 256 * 1024


def remember(path: str, failure: DaypassError, at: age.Reading, *, seconds: float = SECONDS) -> None:
    """Keep a failure of the entry at `path`; what the request itself has wrong is not kept, for nobody was asked.

    A place that cannot be written to costs calls, and stops nobody.
    """
    if not isinstance(failure, Refused | Unavailable):
        return
    kept = {
        "code": failure.code,
        "message": failure.message,
        "advice": failure.advice,
        "facts": failure.facts,
        "seconds": seconds,
        "wall": at.wall,
        "boot": at.boot,
        "boot_id": at.boot_id,
    }
    try:
        files.write_atomic(path + SUFFIX, json.dumps(kept, default=_plain).encode("ascii"))
    except (FileUnsafe, FileUnavailable):
        return


def remembered(path: str, at: age.Reading) -> DaypassError | None:
    """The failure of the entry at `path`, while it counts; its advice, and `again` in its facts, say how old it is."""
    try:
        kept = json.loads(files.read_private(path + SUFFIX, max_bytes=_MAX_BYTES))
        life = age.Span(age.Reading(kept["wall"], kept["boot"], kept["boot_id"]), kept["seconds"], 0.0)
        left, old = age.left_seconds(life, at), age.age_seconds(life, at)
        kind = next(leaf for leaf in _descendants(DaypassError) if leaf.code == kept["code"])
        facts = {**kept["facts"], "remembered": True}
        if left <= 0 or old is None:
            return None
        if "fate" in facts:
            facts["fate"] = Fate(facts["fate"])
        again = (
            f"That is the answer of {max(0, round(old))} seconds ago; in {max(1, round(left))} it is asked for anew."
        )
        advice = kept["advice"]
        facts["again"] = again
        return kind(str(kept["message"]), advice=f"{advice}\n{again}" if advice else again, **facts)
    except (
        FileUnsafe,
        FileUnavailable,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        StopIteration,
        RecursionError,
    ):
        return None


def forget(path: str) -> None:
    """There is a session again."""
    try:
        files.remove(path + SUFFIX)
    except FileUnavailable:
        return


def _plain(value: object) -> object:
    """What JSON has no form for: a token's claims are a read-only mapping; the rest is told to no one."""
    return dict(value) if isinstance(value, Mapping) else None


def _descendants(kind: type[DaypassError]) -> Iterator[type[DaypassError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
