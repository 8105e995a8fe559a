"""What a token may say about a workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class WorkloadKind(StrEnum):
    """What runs: the word in the subject and in the API."""

    WORKSPACE = "workspace"
    ENVIRONMENT = "environment"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """One workload with what it belongs to. Ids never change and are never given twice; slugs and names may change.

    `attributes` are the platform's own facts, text to text; each token format tells which of them it reads.
    `own_issuer` is whether the issuer serves this organization alone, so that no other can have one of its subjects.
    """

    organization_id: str
    organization_slug: str
    organization_name: str
    project_id: str
    project_slug: str
    project_name: str
    workload_id: str
    workload_kind: WorkloadKind
    workload_name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    own_issuer: bool = False
