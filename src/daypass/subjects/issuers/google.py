"""Google's service accounts; told apart only, never issued."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import DIGITS, given
from daypass.subjects.shapes import Grammar, Shape

GOOGLE: Final = Grammar(
    name="google",
    about="accounts.google.com",
    issuer=r"accounts\.google\.com",
    shared=True,
    audience=None,
    tenant="account",
    shapes=(
        Shape(
            "account",
            (given("account", "account", DIGITS),),
            "account",
            ("account",),
            "104417730982651120934",
        ),
    ),
    source="Google Cloud documentation, ID tokens",
)
