"""Buildkite."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import given, named
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
