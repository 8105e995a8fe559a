"""Text inside XML. What a token or a caller wrote comes back as text, never as markup.

Vault once read a `GetCallerIdentity` answer out of text that STS had reflected (CVE-2020-16250).
"""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape

# XML 1.0 (fifth edition) section 2.2, production Char: whatever is not in it has no form in XML at all, escaped or not.
_NOT_A_CHAR: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AS_REFERENCE: Final = {'"': "&quot;", "'": "&apos;", "\r": "&#13;"}


def escaped(text: str) -> str:
    """`text` for element content or an attribute; characters that XML cannot carry become U+FFFD."""
    return escape(_NOT_A_CHAR.sub("\N{REPLACEMENT CHARACTER}", text), _AS_REFERENCE)
