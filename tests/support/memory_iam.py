"""A client of IAM without a socket: the local AWS's own operations on one account, called as botocore's client is."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from daypass.localaws.faults import AwsError
from daypass.localaws.iam import OPERATIONS, carry_out
from daypass.localaws.iam.state import Account, Call

ACCOUNT = "111122223333"
_NAMES = {xform_name(name): name for name in OPERATIONS}


@dataclass
class MemoryIam:
    """`asked` are the operations in order; `failing` the next answers, by operation, as codes and texts."""

    account: Account = field(default_factory=lambda: Account(ACCOUNT))
    asked: list[str] = field(default_factory=list)
    failing: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def __getattr__(self, name: str, /) -> Any:
        if name not in _NAMES:
            raise AttributeError(name)
        return partial(self._call, _NAMES[name])

    @property
    def writes(self) -> list[str]:
        return [name for name in self.asked if not name.startswith(("Get", "List"))]

    def fail(self, operation: str, code: str, *, times: int = 1, message: str = "as arranged") -> None:
        self.failing.setdefault(operation, []).extend([(code, message)] * times)

    def _call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.asked.append(operation)
        if self.failing.get(operation):
            code, message = self.failing[operation].pop(0)
            raise _error(operation, AwsError(code, 400, message))
        if operation == "CreateOpenIDConnectProvider":
            given.setdefault("ThumbprintList", ["0" * 40])  # AWS would ask the issuer
        none: Any = None
        call = Call(operation, self.account, given, datetime(2026, 9, 1, tzinfo=UTC), "arn:aws:iam::1:root", none)
        answer = carry_out(call)
        assert not inspect.isawaitable(answer) or inspect.iscoroutine(answer)
        if inspect.iscoroutine(answer):
            answer = _run(answer)
        if isinstance(answer, AwsError):
            raise _error(operation, answer)
        plain: dict[str, Any] = json.loads(json.dumps(answer, default=str))
        return plain


def _run(coroutine: Any) -> Any:
    """What a coroutine gives that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for somebody")


def _error(operation: str, fault: AwsError) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": fault.code, "Message": fault.message},
            "ResponseMetadata": {"HTTPStatusCode": fault.http_status, "RequestId": "r-1"},
        },
        operation,
    )
