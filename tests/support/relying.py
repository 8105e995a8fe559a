"""Relying parties as `vectors/relying` has them: they demand the recorded request, and give the recorded answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.services import Reply, identity_token
from support.vectors import documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.services import Seen

TOKEN = identity_token()
MARK = "{token}"


def recorded(party: str, case: str) -> Mapping[str, Any]:
    """One case of a party, with its defaults."""
    document = dict(documents("relying"))[party]
    found = next(each for each in document["cases"] if each["id"] == case)
    return {**document["defaults"], **found}


class Recorded:
    """Answers one recorded exchange after the other; what does not fit the record is kept in `wrong`.

    Args:
        exchanges: as they stand in a vector.
        token: what stands for the mark in it; None for whatever comes.
    """

    def __init__(self, exchanges: Sequence[Mapping[str, Any]], token: str | None = TOKEN) -> None:
        self._exchanges = list(exchanges)
        self._token = token
        self.served = 0
        self.wrong: list[str] = []

    def __call__(self, seen: Seen) -> Reply:
        exchange = self._exchanges[min(self.served, len(self._exchanges) - 1)]
        self.served += 1
        token = self._token if self._token is not None else _token_in(seen)
        self._compare(_filled(exchange["request"], token), seen)
        return reply(_filled(exchange["answer"], token))

    def _compare(self, wanted: Mapping[str, Any], seen: Seen) -> None:
        if (seen.method, seen.path) != (wanted["method"], wanted["path"]):
            self.wrong.append(f"{seen.method} {seen.path}, not {wanted['method']} {wanted['path']}")
        for name, value in wanted["headers"].items():
            if seen.headers.get(name) != value:
                self.wrong.append(f"{name}: {seen.headers.get(name)}, not {value}")
        if "form" in wanted and seen.form != wanted["form"]:
            self.wrong.append(f"{seen.form}, not {wanted['form']}")
        if "json" in wanted and seen.json != wanted["json"]:
            self.wrong.append(f"{seen.json}, not {wanted['json']}")


def reply(answer: Mapping[str, Any]) -> Reply:
    """A recorded answer."""
    headers = answer.get("headers", {})
    if "text" in answer:
        return Reply(answer["status"], answer["text"].encode(), "text/html", headers)
    body = b"" if answer.get("body") is None else json.dumps(answer["body"]).encode()
    return Reply(answer["status"], body, "application/json", headers)


def _filled(value: Any, token: str) -> Any:
    filled: Any = json.loads(json.dumps(value).replace(MARK, token))
    return filled


def _token_in(seen: Seen) -> str:
    """The token of a request, wherever it stands."""
    bearer = seen.headers.get("Authorization", "").removeprefix("Bearer ")
    if bearer.startswith("eyJ"):
        return bearer
    if seen.headers.get("Content-Type") == "application/json":
        return str(seen.json.get("jwt", ""))
    form = seen.form if seen.body else {}
    return form.get("subject_token") or form.get("client_assertion") or ""
