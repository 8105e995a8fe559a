"""Base64url without padding (RFC 7515 section 2), where every value has exactly one text."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
# The characters of plain base64 become one that is in no alphabet.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/???")
_PADDING: Final = (b"", None, b"==", b"=")
# The last character of 8 or 16 left-over bits holds 4 or 2 more, which must be zero (RFC 4648 section 3.5).
_LAST: Final = (None, None, b"AQgw", b"AEIMQUYcgkosw048")


def encode(data: bytes) -> bytes:
    """The text of `data`, as ASCII bytes."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def decode(text: str | bytes) -> bytes:
    """The bytes of `text`.

    Raises:
        ValueError: for padding, white space or another foreign character, a length that no value has, or left-over
            bits that are not zero.
    """
    data = text.encode("ascii") if isinstance(text, str) else text
    rest = len(data) % 4
    padding, last = _PADDING[rest], _LAST[rest]
    if padding is None or (last is not None and data[-1] not in last):
        raise ValueError("not base64url")
    try:
        return a2b_base64(data.translate(_FROM_URL) + padding, strict_mode=True)
    except Error:
        raise ValueError("not base64url") from None
