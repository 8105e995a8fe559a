"""Azure DevOps: service connections and pipelines."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import named
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
