"""A policy as one function: whether it allows a request, without the reasons.

The conditions are the ones that `evaluate` asks, composed here to stop at the first answer. `evaluate` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.trust.statement import Effect

if TYPE_CHECKING:
    from daypass.trust.decision import Request
    from daypass.trust.document import Policy
    from daypass.trust.statement import Statement


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy for the hot path; made by `compile_policy`."""

    denying: tuple[Statement, ...]
    allowing: tuple[Statement, ...]

    def allows(self, request: Request) -> bool:
        """The same answer as `evaluate(policy, request).allowed`. Never raises."""
        for statement in self.denying:
            if statement.applies(request):
                return False
        for statement in self.allowing:  # noqa: SIM110 (a generator costs as much as the statement)
            if statement.applies(request):
                return True
        return False


def compile_policy(policy: Policy) -> Compiled:
    """Sort the statements by effect. Cheap: the work was done when the policy was parsed."""
    return Compiled(
        tuple(statement for statement in policy.statements if statement.effect is Effect.DENY),
        tuple(statement for statement in policy.statements if statement.effect is Effect.ALLOW),
    )
