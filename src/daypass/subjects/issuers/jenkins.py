"""Jenkins with the OpenID Connect Provider plugin."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import named
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

JENKINS: Final = Grammar(
    name="jenkins",
    about="this Jenkins",
    issuer=r"[^/]*jenkins[^/]*(?:/[^/]+)*/oidc(?:/.*)?",
    shared=False,
    audience=None,
    tenant=None,
    shapes=(
        Shape(
            "job",
            (
                "https://",
                named("host", "host", ChosenBy.OWNER, "/"),
                "/job/",
                named("job", "job", ChosenBy.OWNER, ""),
            ),
            "job",
            ("host", "job"),
            "https://jenkins.tidewater.example/job/billing/job/invoices/",
        ),
    ),
    customised="claim templates may set another subject",
    source="Jenkins OpenID Connect Provider plugin",
)
