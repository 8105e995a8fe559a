"""Why a web identity was refused: what AWS would never tell, told to whoever holds the request's id.

AWS answers with one sentence on purpose. Here the decision behind it is kept for the last refusals, under the request
id, which cannot be guessed; the answer names the place in `x-daypass-why`. Neither token nor signature is in it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from daypass.trust import explain

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
        """The refusal at a path as JSON: `code`, `message`, `detail`, `decision` and its `words`, or None."""
        refusal = self._refusals.get(path.removeprefix(PATH))
        if refusal is None:
            return None
        decision = refusal.decision
        return json.dumps(
            {
                "code": refusal.answer.code,
                "message": refusal.message,
                "detail": refusal.detail,
                "decision": None if decision is None else decision.to_json(),
                "words": None if decision is None else explain.words(decision),
            }
        ).encode()
