"""HCP Terraform and Terraform Enterprise."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import named
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
