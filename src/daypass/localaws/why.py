"""Why a request was refused: what AWS would never tell, told to whoever holds the request's id.

AWS answers with one sentence on purpose. Here what is behind it is kept for the last refusals, under the request id,
which cannot be guessed; the answer names the place in `x-daypass-why`. Neither token nor signature is in it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from daypass.permissions import explain as permissions
from daypass.trust.edit import smallest_edit
from daypass.trust.explain import narrate, words
from daypass.trust.steps import explain

if TYPE_CHECKING:
    from daypass.localaws.faults import AwsError

PATH: Final = "/_daypass/why/"
HEADER: Final = "x-daypass-why"


class Whys:
    """The last refusals by request id; the oldest makes room."""

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._refusals: OrderedDict[str, AwsError] = OrderedDict()

    def keep(self, request_id: str, error: AwsError) -> str:
        """Keep a refusal; the path under which it is told."""
        self._refusals[request_id] = error
        while len(self._refusals) > self._capacity:
            self._refusals.popitem(last=False)
        return PATH + request_id

    def tell(self, path: str) -> bytes | None:
        """The refusal at a path as JSON, or None.

        `code`, `message` and `detail` always; where policies said no, also their `decision` and it in `words`; of a
        trust policy also the whole `explanation`, and the `edit` that would help or why there is none.
        """
        error = self._refusals.get(path.removeprefix(PATH))
        if error is None:
            return None
        return json.dumps(
            {"code": error.code, "message": error.message, "detail": error.detail, **_told(error)}
        ).encode()


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
