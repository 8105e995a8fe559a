"""Azure DevOps: service connections and pipelines."""

from __future__ import annotations

from typing import Final

from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Standing,
    TokenFormat,
    When,
)
from daypass.subjects.identity import PROJECT
from daypass.subjects.issuers.common import STANDARD, fact, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject
from daypass.subjects.shapes import ChosenBy, Grammar, Shape


def _azure(leaf: str, scheme: str, chosen_by: ChosenBy) -> Shape:
    return Shape(
        leaf,
        (
            f"{scheme}://",
            named("organization", "organization", ChosenBy.STRANGER, "/"),
            "/",
            named("project", "project", ChosenBy.OWNER, "/"),
            "/",
            named("name", leaf, chosen_by, "/"),
        ),
        leaf,
        ("organization", "project"),
        f"{scheme}://tidewater/billing/invoices-production",
    )


AZURE_DEVOPS: Final = Grammar(
    name="azure-devops",
    about="this Azure DevOps organization",
    issuer=r"vstoken\.dev\.azure\.com/[^/]+|app\.vstoken\.visualstudio\.com/[^/]+",
    shared=False,
    audience="api://AzureADTokenExchange",
    tenant="organization",
    shapes=(
        _azure("service connection", "sc", ChosenBy.OWNER),
        _azure("pipeline", "p", ChosenBy.OWNER),
    ),
    source="Microsoft Learn, workload identity federation for Azure DevOps",
)


def _form(leaf: str) -> Form:
    sources = {
        "organization": Attribute("organization_name"),
        "project": Attribute("project_name"),
        "name": Attribute(leaf.replace(" ", "_")),
    }
    return Form(AZURE_DEVOPS.shape_named(leaf), sources, (When(leaf.replace(" ", "_")),))


AZURE_DEVOPS_FORMAT: Final = TokenFormat(
    name="azure-devops",
    about="Azure DevOps': `sub` is a service connection (`sc://`) or a pipeline (`p://`)",
    noun="Azure DevOps ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=600,
    claims=(
        *STANDARD,
        *(
            fact(name, when=(When("pipeline"),))
            for name in ("org_id", "prj_id", "def_id", "rpo_id", "rpo_uri", "rpo_ver", "rpo_ref", "run_id")
        ),
    ),
    subject=ShapedSubject(always=(_form("service connection"), _form("pipeline"))),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "Microsoft Learn, workload identity federation for Azure DevOps; gravitational/teleport, lib/azuredevops, 2026",
        Certainty.PARTLY,
        (
            "The lifetime is not documented.",
            "New service connections have tokens of Entra, whose subject is not known here.",
        ),
    ),
    issuers=(AZURE_DEVOPS,),
    identity=(PROJECT,),
    marks=(),
    phrases=(
        Phrase("with the subject {}", "sub"),
        Phrase(", for {}", "rpo_uri"),
        Phrase("at {}", "rpo_ref"),
        Phrase(", run {}", "run_id"),
    ),
)
