"""SPIFFE JWT-SVIDs."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import named
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

SPIFFE: Final = Grammar(
    name="spiffe",
    about="this trust domain",
    issuer=None,
    shared=False,
    audience=None,
    tenant=None,
    shapes=(
        Shape(
            "workload",
            (
                "spiffe://",
                named("trust_domain", "trust domain", ChosenBy.OWNER, "/:"),
                "/",
                named("path", "workload", ChosenBy.OWNER, ""),
            ),
            "workload",
            ("trust_domain", "path"),
            "spiffe://tidewater.example/ns/billing/sa/invoices",
        ),
    ),
    source="SPIFFE, JWT-SVID section 3",
)
