"""Why a web identity was refused: what AWS would never tell, told to whoever holds the request's id.

AWS answers with one sentence on purpose. Here what explains it is kept for the last refusals, under the request id,
which cannot be guessed; the answer names the place in `x-daypass-why`. Neither token nor signature is in it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from daypass.trust.edit import smallest_edit
from daypass.trust.explain import narrate
from daypass.trust.steps import explain

if TYPE_CHECKING:
    from daypass.sts.refusal import Refusal

PATH: Final = "/_daypass/why/"
HEADER: Final = "x-daypass-why"


class Whys:
    """The last refusals by request id; the oldest makes room."""

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._refusals: OrderedDict[str, Refusal] = OrderedDict()

    def keep(self, request_id: str, refusal: Refusal) -> str:
        """Keep a refusal; the path under which it is told."""
        self._refusals[request_id] = refusal
        while len(self._refusals) > self._capacity:
            self._refusals.popitem(last=False)
        return PATH + request_id

    def tell(self, path: str) -> bytes | None:
        """The refusal at a path as JSON, or None.

        `code`, `message` and `detail` always; where the trust policy said no, also its `decision`, the whole
        `explanation`, the `edit` that would help or why there is none, and all of that in `words`.
        """
        refusal = self._refusals.get(path.removeprefix(PATH))
        if refusal is None:
            return None
        return json.dumps(
            {"code": refusal.answer.code, "message": refusal.message, "detail": refusal.detail, **_told(refusal)}
        ).encode()


def _told(refusal: Refusal) -> dict[str, object]:
    if refusal.decision is None or refusal.policy is None or refusal.attempt is None:
        return {"decision": None, "explanation": None, "edit": None, "words": None}
    explanation = explain(refusal.policy, refusal.attempt)
    remedy = smallest_edit(explanation)
    return {
        "decision": refusal.decision.to_json(),
        "explanation": explanation.to_json(),
        "edit": None if remedy is None else remedy.to_json(),
        "words": narrate(explanation, remedy),
    }
