"""SPIFFE JWT-SVIDs."""

from __future__ import annotations

from typing import Final

from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Claim,
    Source,
    Standing,
    TokenFormat,
)
from daypass.subjects.identity import PROJECT
from daypass.subjects.issuers.common import named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject
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

SPIFFE_FORMAT: Final = TokenFormat(
    name="spiffe",
    about="A JWT-SVID: `sub` is a SPIFFE ID",
    noun="SPIFFE JWT-SVID",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=300,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        Claim("iat", Source.ISSUED_AT),
        Claim("exp", Source.EXPIRES_AT),
    ),
    subject=ShapedSubject(always=(Form(SPIFFE.shape_named("workload"), whole=Attribute("spiffe_id")),)),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "spiffe/spiffe at 665a28f3, standards/JWT-SVID.md",
        Certainty.DOCUMENTED,
        (
            "`iss` is not required there; AWS requires it.",
            "Keys of a SPIFFE bundle say `use: jwt-svid`, which verifiers of ID tokens do not take.",
        ),
    ),
    issuers=(SPIFFE,),
    identity=(PROJECT,),
    phrases=(Phrase("of the workload {}", "sub"),),
    algorithms=("RS256", "ES256", "ES384"),
)
