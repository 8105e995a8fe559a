"""Why a request was refused: what AWS would never tell.

AWS answers with one sentence on purpose. Here what is behind it is kept for the last refusals, under the request id,
which cannot be guessed; the answer names the place in `x-daypass-why`. Neither token nor signature is in it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daypass.permissions import explain as permissions
from daypass.trust.edit import smallest_edit
from daypass.trust.explain import narrate, words
from daypass.trust.steps import explain

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.localaws.faults import AwsError

PATH: Final = "/_daypass/why/"
HEADER: Final = "x-daypass-why"

_LONGEST: Final = 10_000
"""Of a message that is kept, in characters."""


@dataclass(frozen=True, slots=True)
class _Kept:
    error: AwsError
    at: datetime
    asked: str


class Whys:
    """The last refusals by request id; the oldest makes room."""

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._refusals: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, request_id: str, error: AwsError, *, at: datetime, asked: str) -> str:
        """Keep the refusal of what was `asked`; the path under which it is told."""
        if len(error.message) > _LONGEST:  # a parameter of a megabyte is quoted whole: a thousand of those are not kept
            error = replace(error, message=f"{error.message[:_LONGEST]}…", refusal=None)
        self._refusals[request_id] = _Kept(error, at, asked[:_LONGEST])
        while len(self._refusals) > self._capacity:
            self._refusals.popitem(last=False)
        return PATH + request_id

    def clear(self) -> None:
        """Forget them all."""
        self._refusals.clear()

    def find(self, request_id: str) -> dict[str, object] | None:
        """A refusal as plain values, or None.

        `id`, `time`, `asked`, `code`, `message` and `detail` always; where policies said no, also their `decision` and
        it in `words`; of a trust policy also the whole `explanation`, and the `edit` that would help or why there is
        none.
        """
        kept = self._refusals.get(request_id)
        if kept is None:
            return None
        return {**_head(request_id, kept), "detail": kept.error.detail, **_told(kept.error)}

    def newest(self, most: int) -> list[dict[str, object]]:
        """The last refusals, newest first: `id`, `time`, `asked`, `code`, `message`, and in a `line` what is behind."""
        found = [(request_id, self._refusals[request_id]) for request_id in reversed(self._refusals)][:most]
        return [{**_head(request_id, kept), "line": kept.error.detail.partition("\n")[0]} for request_id, kept in found]


def _head(request_id: str, kept: _Kept) -> dict[str, object]:
    at = kept.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    error = kept.error
    return {"id": request_id, "time": at, "asked": kept.asked, "code": error.code, "message": error.message}


def log_lines(request_id: str, error: AwsError) -> str:
    """The refusal for the log: one line of AWS's, then what is behind it, indented."""
    told = _told(error)["words"]
    behind = told if isinstance(told, str) else error.detail
    lines = [f"refused {request_id}: {error.code}: {error.message}", *(f"  {line}" for line in behind.splitlines())]
    # What a token says reaches a terminal here.
    return "\n".join("".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line) for line in lines)


def _told(error: AwsError) -> dict[str, object]:
    if error.authorization is not None:
        told = permissions.words(error.authorization)
        return {"decision": error.authorization.to_json(), "explanation": None, "edit": None, "words": told}
    refusal = error.refusal
    if refusal is None or refusal.decision is None:
        return {"decision": None, "explanation": None, "edit": None, "words": None}
    if refusal.policy is None or refusal.attempt is None:
        told = f"{refusal.detail}\n{words(refusal.decision)}"
        return {"decision": refusal.decision.to_json(), "explanation": None, "edit": None, "words": told}
    explanation = explain(refusal.policy, refusal.attempt)
    remedy = smallest_edit(explanation)
    return {
        "decision": refusal.decision.to_json(),
        "explanation": explanation.to_json(),
        "edit": None if remedy is None else remedy.to_json(),
        "words": narrate(explanation, remedy),
    }
