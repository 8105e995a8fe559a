"""HCP Terraform and Terraform Enterprise."""

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
    When,
)
from daypass.subjects.identity import Identity
from daypass.subjects.issuers.common import TIMES, fact, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

HCP_TERRAFORM: Final = Grammar(
    name="hcp-terraform",
    about="app.terraform.io",
    issuer=r"app\.terraform\.io",
    shared=True,
    audience="aws.workload.identity",
    tenant="organization",
    shapes=tuple(
        Shape(
            phase,
            (
                "organization:",
                named("organization", "organization", ChosenBy.STRANGER),
                ":project:",
                named("project", "project", ChosenBy.OWNER),
                ":workspace:",
                named("workspace", "workspace", ChosenBy.OWNER),
                f":run_phase:{phase}",
            ),
            f"{phase} phase",
            ("organization", "project", "workspace"),
            f"organization:tidewater:project:Default Project:workspace:invoices-prod:run_phase:{phase}",
        )
        for phase in ("plan", "apply")
    ),
    source="HCP Terraform documentation, workload identity tokens",
)

_FROM: Final = {
    "organization": Attribute("terraform_organization_name"),
    "project": Attribute("terraform_project_name"),
    "workspace": Attribute("terraform_workspace_name"),
}
HCP_TERRAFORM_FORMAT: Final = TokenFormat(
    name="hcp-terraform",
    about="HCP Terraform's: `sub` is organization, project, workspace and phase, by name",
    noun="HCP Terraform ID token",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=300,
    not_before_seconds=5,
    claims=(
        Claim("jti", Source.JTI),
        Claim("iss", Source.ISSUER),
        Claim("aud", Source.AUDIENCE),
        *TIMES,
        Claim("sub", Source.SUBJECT),
        *(
            fact(f"terraform_{name}", required=True)
            for name in (
                *("organization_id", "organization_name", "project_id", "project_name", "workspace_id"),
                *("workspace_name", "full_workspace", "run_id", "run_phase"),
            )
        ),
    ),
    subject=ShapedSubject(
        always=tuple(
            Form(shape, _FROM, (When("terraform_run_phase", (shape.name,)),)) for shape in HCP_TERRAFORM.shapes
        )
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "HCP Terraform documentation, workload identity tokens (hashicorp/terraform-docs-common at 0ac64a49, 2026)",
        Certainty.DOCUMENTED,
        ("The lifetime is the phase's timeout there.",),
    ),
    issuers=(HCP_TERRAFORM,),
    identity=(Identity("terraform_workspace_id"),),
    marks=("terraform_workspace_id", "terraform_run_phase"),
    phrases=(
        Phrase("of the workspace {}", "terraform_workspace_name"),
        Phrase("(id {})", "terraform_workspace_id"),
        Phrase("in the project {}", "terraform_project_name"),
        Phrase("of the organization {}", "terraform_organization_name"),
        Phrase(", phase {}", "terraform_run_phase"),
        Phrase(", run {}", "terraform_run_id"),
    ),
)
