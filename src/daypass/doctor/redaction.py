"""What looks like a credential, taken out of everything that an examination keeps.

Facts hold no secrets by their making; but an issuer may print one into an error page or a document, and facts become
JSON in a job's log, a page, a bundle. So every text is looked through once more, in one place.
"""

from __future__ import annotations

import re
from typing import Any, Final

from daypass.doctor.facts import Facts

REMOVED: Final = "(removed: it looked like a secret)"
_SECRETS: Final = re.compile(
    # JWS and JWE in compact form. A run of such letters is tried from its beginning alone: time stays linear.
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]{10,}){1,4}\.?"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?i:bearer|basic)\s+[A-Za-z0-9._~+/-]{16,}=*"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[A-Za-z0-9_-]{20,}|glcbt-[A-Za-z0-9_-]{20,}"
    r"|(?<=://)[^\s/@:]{0,200}:[^\s/@]{1,500}(?=@)",  # user and password of a URL
    re.DOTALL,
)


def without_secrets(value: Any) -> Any:
    """Plain values, with everything taken out of their texts that looks like a credential."""
    if isinstance(value, str):
        return _SECRETS.sub(REMOVED, value)
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if isinstance(value, dict):
        return {without_secrets(name): without_secrets(each) for name, each in value.items()}
    return value


def cleaned(facts: Facts) -> Facts:
    """The same facts, without what looks like a credential."""
    plain = facts.to_json()
    clean = without_secrets(plain)
    return facts if clean == plain else Facts.from_json(clean)
