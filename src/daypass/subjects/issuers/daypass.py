"""Daypass's own: immutable ids in the subject, names beside them, nothing without a meaning."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import FURTHER, named
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

_DAYPASS_PROJECT: Final = (
    "organization:",
    named("organization", "organization", ChosenBy.ISSUER),
    ":project:",
    named("project", "project", ChosenBy.ISSUER),
)
DAYPASS: Final = Grammar(
    name="daypass",
    about="this Daypass",
    issuer=None,
    shared=False,
    audience=None,
    tenant="organization",
    shapes=(
        *(
            Shape(
                kind,
                (*_DAYPASS_PROJECT, f":{kind}:", named("workload", kind, ChosenBy.ISSUER)),
                kind,
                ("organization", "project"),
                f"organization:org_a1b2:project:prj_c3d4:{kind}:{kind[:3]}_e5f6",
            )
            for kind in ("job", "workspace", "environment")
        ),
        Shape(
            "chosen components",
            (*_DAYPASS_PROJECT, ":", FURTHER),
            "workload",
            ("organization", "project"),
            "organization:org_a1b2:project:prj_c3d4:ref:main",
        ),
    ),
    customised="the organization chooses the components behind organization and project",
    source="daypass.subjects.daypass_format",
)
