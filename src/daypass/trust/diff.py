"""What changes when one policy takes the place of another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.trust.decision import Request
    from daypass.trust.document import Policy


class Verdict(StrEnum):
    """How the new policy is, compared with the old one."""

    EQUIVALENT = "equivalent"
    NARROWER = "narrower"
    WIDER = "wider"
    BOTH = "both"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Difference:
    """The verdict, with a request for each direction that only one of the policies admits.

    Attributes:
        verdict: how the new one is.
        wider: a request that the new policy admits and the old one does not.
        narrower: a request that the old policy admits and the new one does not.
        undecided: why something was not decided, None when all was.
    """

    verdict: Verdict
    wider: Request | None
    narrower: Request | None
    undecided: str | None = None


def diff(old: Policy, new: Policy) -> Difference:
    """Compare two policies over every request."""
    raise NotImplementedError
