"""SQS: the queue's ARN follows from its URL (Service Authorization Reference, Amazon SQS).

SQS says the action in small letters, and asks for a batch what it asks for one message (observed in AWS's refusals).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from daypass.localaws.needs.model import TAG_KEYS, Keys, Need, Unreadable, of, request_tags, texts

if TYPE_CHECKING:
    from daypass.localaws.needs.model import Body, Here

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,75}(?:\.fifo)?")
_URL_PATH: Final = re.compile(r"/([0-9]{12})/([A-Za-z0-9_-]{1,75}(?:\.fifo)?)")
_BY_NAME: Final = frozenset({"CreateQueue", "GetQueueUrl"})
_BY_ARN: Final = {
    "StartMessageMoveTask": ("SourceArn", "DestinationArn"),
    "ListMessageMoveTasks": ("SourceArn",),
}
# Moving messages also takes them from one queue and gives them to the other.
_BESIDES: Final = {
    ("StartMessageMoveTask", "SourceArn"): ("receivemessage", "deletemessage", "getqueueattributes"),
    ("StartMessageMoveTask", "DestinationArn"): ("sendmessage",),
}


def needs(operation: str, body: Body, here: Here) -> tuple[Need, ...] | Unreadable:
    """The permissions for an operation."""
    action = operation.removesuffix("Batch").lower()
    keys = _keys(body)
    if operation == "ListQueues":
        return (Need(f"sqs:{action}", "*", here.arn("sqs", ""), keys),)
    wanted: list[tuple[str, str | None]] = []
    if operation in _BY_NAME:
        name = body.get("QueueName")
        owner = body.get("QueueOwnerAWSAccountId", here.account)
        wanted.append((action, name if isinstance(name, str) and owner == here.account else None))
        if operation == "CreateQueue" and "aws:TagKeys" in keys:
            wanted.append(("tagqueue", wanted[0][1]))
    elif operation in _BY_ARN:
        for member in _BY_ARN[operation]:
            if member in body or member == "SourceArn":
                queue = here.local("sqs", str(body.get(member)))
                first = (action,) if member == "SourceArn" else ()
                wanted += [(one, queue) for one in (*first, *_BESIDES.get((operation, member), ()))]
    elif operation == "CancelMessageMoveTask":
        return (Need(f"sqs:{action}", None, here.arn("sqs", ""), keys, TAG_KEYS),)
    else:
        wanted.append((action, _of_url(body.get("QueueUrl"), here)))
    needed = []
    for one, queue in wanted:
        if queue is None or not _NAME.fullmatch(queue):
            return Unreadable("the request names no queue of this account")
        arn = here.arn("sqs", queue)
        needed.append(of(Need(f"sqs:{one}", arn, arn, keys, TAG_KEYS), here.find(queue), ""))
    return tuple(needed)


def _of_url(url: object, here: Here) -> str | None:
    """The queue's name; None for one of another account, or of no form that is known. A bare name is taken too."""
    if not isinstance(url, str):
        return None
    if _NAME.fullmatch(url):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    named = _URL_PATH.fullmatch(parts.path)
    if parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "?" in url or "#" in url:
        return None
    return named[2] if named is not None and named[1] == here.account else None


def _keys(body: Body) -> Keys:
    given = body.get("tags") or body.get("Tags")
    pairs = {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    removed = texts(body.get("TagKeys")) or ()
    return {**request_tags(pairs), **({"aws:TagKeys": removed} if removed else {})}
