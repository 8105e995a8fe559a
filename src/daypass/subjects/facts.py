"""What a token may say about a workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """One workload with what it belongs to. Ids never change and are never given twice; slugs and names may change.

    `workload_kind` is `workspace`, `environment` or `job`. `attributes` are the platform's own facts, text to text;
    the names that token formats know are listed in `daypass.subjects.formats`.
    """

    organization_id: str
    organization_slug: str
    organization_name: str
    project_id: str
    project_slug: str
    project_name: str
    workload_id: str
    workload_kind: str
    workload_name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
