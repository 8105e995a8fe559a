"""Buildkite."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Claim,
    Marking,
    Source,
    Standing,
    TokenFormat,
)
from daypass.subjects.identity import NOTHING_CHOSEN, Identity
from daypass.subjects.issuers.common import TIMES, fact, given, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, Part, ShapedSubject
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

BUILDKITE: Final = Grammar(
    name="buildkite",
    about="buildkite.com",
    issuer=r"agent\.buildkite\.com",
    shared=True,
    audience=None,
    tenant="organization",
    shapes=(
        Shape(
            "pipeline",
            (
                "organization:",
                named("organization", "organization", ChosenBy.STRANGER),
                ":pipeline:",
                named("pipeline", "pipeline", ChosenBy.OWNER),
                ":ref:",
                named("ref", "ref", ChosenBy.CONTRIBUTOR),
                ":commit:",
                named("commit", "commit", ChosenBy.CONTRIBUTOR),
                ":step:",
                named("step", "step", ChosenBy.CONTRIBUTOR),
            ),
            "step",
            ("organization", "pipeline"),
            "organization:tidewater:pipeline:invoices:ref:refs/heads/main"
            ":commit:9f2c41d07be358a6c1d4e7f80a9b2c3d5e6f7081:step:deploy",
        ),
        Shape(
            "id",
            (given("id", "id"),),
            "job",
            ("id",),
            "018f5c27-6d3e-4b90-9c42-10e2f3a4b5c6",
        ),
    ),
    customised="a job may ask for one id as its subject (--subject-claim)",
    source="Buildkite documentation, OIDC",
)

_FROM: Final = {
    "organization": Attribute("organization_slug"),
    "pipeline": Attribute("pipeline_slug"),
    "ref": Attribute("build_ref"),
    "commit": Attribute("build_commit"),
    "step": Attribute("step_key"),
}
_IDS: Final = (*("organization_id", "pipeline_id", "cluster_id", "queue_id", "build_id", "job_id", "agent_id"),)
BUILDKITE_FORMAT: Final = TokenFormat(
    name="buildkite",
    about="Buildkite's: `sub` is organization, pipeline, ref, commit and step, or one id",
    noun="Buildkite ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=300,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        *TIMES,
        fact("organization_slug", required=True),
        fact("pipeline_slug", required=True),
        fact("build_number", ClaimType.NUMBER, required=True),
        fact("build_branch", required=True),
        fact("build_tag"),
        fact("build_commit", required=True),
        fact("step_key"),
        fact("job_id", required=True),
        fact("agent_id", required=True),
        fact("build_source"),
        fact("runner_environment"),
        *(fact(name) for name in _IDS[:5]),
        fact("cluster_name"),
        fact("queue_key"),
    ),
    subject=ShapedSubject(
        always=(Form(BUILDKITE.shape_named("pipeline"), _FROM),),
        parts=tuple(
            Part(name, (Form(BUILDKITE.shape_named("id"), {"id": Attribute(name)}),), Marking.IMMUTABLE)
            for name in _IDS
        ),
        replaces=True,
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "Buildkite documentation, OIDC (buildkite/docs at 35cf0294, 2026)",
        Certainty.DOCUMENTED,
        ("`agent_tag:<name>` claims are not issued.", "Any claim that is a UUID may be the subject; these seven are."),
    ),
    issuers=(BUILDKITE,),
    identity=(Identity("pipeline_id", (NOTHING_CHOSEN,)),),
    marks=("organization_slug", "pipeline_slug", "build_number"),
    phrases=(
        Phrase("of the pipeline {}", "pipeline_slug"),
        Phrase("of the organization {}", "organization_slug"),
        Phrase(", build {}", "build_number"),
        Phrase("of the branch {}", "build_branch"),
        Phrase(", step {}", "step_key"),
        Phrase(", started by {}", "build_source"),
    ),
)
