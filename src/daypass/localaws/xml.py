"""Text inside XML. What a token or a caller wrote comes back as text, never as markup.

Vault once read a `GetCallerIdentity` answer out of text that STS had reflected (CVE-2020-16250).
"""

from __future__ import annotations

import re
from typing import Final

# XML 1.0 (fifth edition) section 2.2, production Char: whatever is not in it has no form in XML at all, escaped or not.
_NOT_AS_IT_IS: Final = re.compile("[&<>\"'\r]|[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AS_REFERENCE: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"}


def escaped(text: str) -> str:
    """`text` for element content or an attribute; characters that XML cannot carry become U+FFFD."""
    return _NOT_AS_IT_IS.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    return _AS_REFERENCE.get(found[0], "\N{REPLACEMENT CHARACTER}")
