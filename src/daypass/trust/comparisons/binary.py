"""Bytes, written in base64 (RFC 4648 section 4) with its padding."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from daypass.errors import PolicyMalformed
from daypass.trust.comparisons.outcome import negatable

if TYPE_CHECKING:
    from daypass.trust.comparisons.outcome import Test, Values


def _is_canonical(text: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        return False


def equal(values: Values, *, negated: bool) -> Test:
    """`BinaryEquals`: byte for byte, so text for text: each has one spelling.

    `YQ`, `YR==` and ` YQ== ` are not `YQ==`, and a policy with a value that is not base64 is refused (observed on AWS,
    September 2026).

    Raises:
        PolicyMalformed: when a value is not base64.
    """
    for text in values.texts:
        if not _is_canonical(text):
            raise PolicyMalformed(f"`{text}` is not base64")
    wanted = frozenset(values.texts)
    return negatable(lambda found, _: found in wanted, negated=negated)
