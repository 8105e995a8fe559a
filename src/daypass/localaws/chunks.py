"""Uploads in signed chunks (AWS S3 API reference, "Signature calculations: transferring payload in multiple chunks").

Each chunk is `<hex size>;chunk-signature=<64 hex>`, CRLF, the bytes, CRLF; the last one is empty, and trailing headers
with a signature of their own may follow it. A signature covers the one before it, so that chunks can be neither
altered nor reordered nor dropped.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMING_SIGNED: Final = frozenset(
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}
)

_CHUNK_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,8});chunk-signature=([0-9a-f]{64})\r\n")
_TRAILER_SIGNATURE: Final = b"x-amz-trailer-signature:"
_EMPTY: Final = hashlib.sha256(b"").hexdigest()


def chunks_are_signed(
    body: bytes, *, seed: str, stamp: str, credential_scope: str, sign: Callable[[str], str], trailer: bool
) -> bool:
    """Whether every chunk of `body`, and the trailer if there is to be one, carries its right signature.

    Args:
        body: the framed body.
        seed: the signature of the request's headers, which the first chunk follows.
        stamp: the request's time, as signed.
        credential_scope: `<date>/<region>/<service>/aws4_request`.
        sign: signs a string with the derived key; hex.
        trailer: whether trailing headers follow the last chunk.
    """
    previous, position, last = seed, 0, False
    while not last:
        head = _CHUNK_HEAD.match(body, position)
        if head is None:
            return False
        size, start = int(head[1], 16), head.end()
        data = body[start : start + size]
        if len(data) != size:
            return False
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{credential_scope}\n{previous}\n{_EMPTY}\n{_sha256(data)}"
        previous = sign(text)
        if not hmac.compare_digest(previous.encode(), head[2]):
            return False
        last = size == 0
        position = start + size
        if not (last and trailer):
            if body[position : position + 2] != b"\r\n":
                return False
            position += 2
    if not trailer:
        return position == len(body)
    return _trailer_is_signed(body[position:], previous, stamp, credential_scope, sign)


def _trailer_is_signed(
    rest: bytes, previous: str, stamp: str, credential_scope: str, sign: Callable[[str], str]
) -> bool:
    lines = [line for line in re.split(rb"\r?\n", rest) if line]
    if not lines or not lines[-1].startswith(_TRAILER_SIGNATURE):
        return False
    covered = b"".join(line + b"\n" for line in lines[:-1])
    expected = sign(f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{credential_scope}\n{previous}\n{_sha256(covered)}")
    return hmac.compare_digest(expected.encode(), lines[-1].removeprefix(_TRAILER_SIGNATURE).strip())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
