"""Jenkins with the OpenID Connect Provider plugin."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_types import ClaimType
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
from daypass.subjects.issuers.common import fact, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject
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

JENKINS_FORMAT: Final = TokenFormat(
    name="jenkins",
    about="Jenkins' OpenID Connect Provider plugin: `sub` is the job's URL",
    noun="Jenkins ID token",
    typ=None,
    audience_form=AudienceForm.ALWAYS_ARRAY,
    lifetime_seconds=3600,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("aud", Source.AUDIENCE),
        Claim("iat", Source.ISSUED_AT),
        Claim("exp", Source.EXPIRES_AT),
        Claim("sub", Source.SUBJECT),
        fact("build_number", ClaimType.NUMBER, required=True),
    ),
    subject=ShapedSubject(always=(Form(JENKINS.shape_named("job"), whole=Attribute("job_url")),)),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "jenkinsci/oidc-provider-plugin at b5cde451, 2026",
        Certainty.READ_IN_CODE,
        ("Claim templates of an administrator are not issued.",),
    ),
    issuers=(JENKINS,),
    identity=(PROJECT,),
    marks=("build_number",),
    marks_absent=("pipeline_slug", "azp"),
    phrases=(Phrase("of the job {}", "sub"), Phrase(", build {}", "build_number")),
)
