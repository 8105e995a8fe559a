"""Carry out a plan: what may not be done stops it before anything is, and what failed on the way is told in full.

IAM forgets for some seconds what it has just made. A call about something new, or that names something new, is tried
again for half a minute, at random times (AWS Architecture Blog, "Exponential Backoff And Jitter": full jitter).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.aws.provisioning.account import read_role
from daypass.aws.provisioning.calls import ask
from daypass.aws.provisioning.changes import CREATING, Kind
from daypass.aws.provisioning.same import same_form
from daypass.errors import (
    AlreadyExists,
    AwsPermissionMissing,
    ChangedMeanwhile,
    DaypassError,
    NotFound,
    ProvisioningIncomplete,
    ProvisioningRefused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.aws.provisioning.calls import AwsClient
    from daypass.aws.provisioning.changes import Call, Change, Plan

PROPAGATION_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0
_MOST_PLANS: Final = 4
"""How often to plan again because somebody else changed the same things at the same moment."""


_TRUSTING: Final = frozenset({Kind.CREATE_ROLE, Kind.TIGHTEN_TRUST, Kind.WIDEN_TRUST, Kind.REPLACE_TRUST})


class Step(StrEnum):
    """What became of a change."""

    BEGUN = "begun"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    PLANNED_AGAIN = "planned_again"


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened while a plan was carried out. `change` is None when all was planned again."""

    account: str
    step: Step
    change: Change | None = None
    number: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How time passes: `now` in seconds from anywhere, `sleep` in seconds, `random` from 0 to 1."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]


def demand_allowed(plan: Plan, *, allow_wider: bool) -> None:
    """Refuse a plan with something in the way, or that would let more in without being asked to.

    Raises:
        ProvisioningRefused: with `account`, `resources` and `reasons` among the facts.
    """
    if plan.blocked:
        first = plan.blocked[0]
        raise ProvisioningRefused(
            f"`{first.resource}`: {first.reason}",
            advice=first.advice,
            account=plan.account,
            resources=[each.resource for each in plan.blocked],
            reasons=[each.reason for each in plan.blocked],
        )
    if plan.wider and not allow_wider:
        first_wider = plan.wider[0]
        raise ProvisioningRefused(
            f"`{first_wider.resource}`: {first_wider.words}: {first_wider.wider}",
            advice="If that is meant, add --allow-wider.",
            account=plan.account,
            resources=[each.resource for each in plan.wider],
            reasons=[each.wider for each in plan.wider],
        )


def apply(
    iam: AwsClient,
    plan: Plan,
    *,
    plan_again: Callable[[], Plan],
    patience: Patience,
    allow_wider: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Change, ...]:
    """Make every change of a plan.

    Args:
        iam: a client of the account.
        plan: what to do; it may be empty.
        plan_again: reads the account again. Asked when somebody else made or changed the same thing meanwhile.
        patience: how time passes.
        allow_wider: make also what would let more in.
        progress: told of each change.
        stopped: whether to stop before the next call.

    Returns:
        The changes that were made.

    Raises:
        ProvisioningRefused: see `demand_allowed`; nothing was changed, unless it is a plan made on the way.
        ProvisioningIncomplete: some changes were made and some not: `done`, `failed` and `left` among the facts,
            each `kind resource`, and `code` of the error behind it.
        DaypassError: the first call failed, and nothing was changed.
    """
    made: list[Change] = []
    fresh: dict[str, float] = {}
    for attempt in range(_MOST_PLANS):
        run = _Run(iam, plan, patience, progress, stopped, made, fresh)
        try:
            demand_allowed(plan, allow_wider=allow_wider)
            run.all()
        except (AlreadyExists, ChangedMeanwhile, NotFound) as fault:
            progress(Progress(plan.account, Step.PLANNED_AGAIN))
            again = plan_again()
            if attempt + 1 == _MOST_PLANS or (isinstance(fault, NotFound) and run.would_fail_again(again)):
                raise run.incomplete(fault) from None
            plan = again
        except DaypassError as fault:
            raise run.incomplete(fault) from None
        else:
            break
    return tuple(made)


@dataclass(slots=True)
class _Run:
    """One plan on its way. `made` and `fresh`, with the time until which each new thing is waited for, outlive it."""

    iam: AwsClient
    plan: Plan
    patience: Patience
    progress: Callable[[Progress], None]
    stopped: Callable[[], bool]
    made: list[Change]
    fresh: dict[str, float]
    begun: int = 0

    def all(self) -> None:
        total = len(self.plan.changes)
        for number, change in enumerate(self.plan.changes, start=1):
            if self.stopped():
                raise ProvisioningIncomplete("it was stopped", code="interrupted")
            self._tell(Step.BEGUN, change, number, total)
            try:
                self._demand_as_planned(change)
                for call in change.calls:
                    self._do(change, call, number, total)
            except DaypassError:
                self._tell(Step.FAILED, change, number, total)
                raise
            self.begun = number
            self.made.append(change)
            if change.kind in CREATING:
                self.fresh[change.resource] = self.patience.now() + PROPAGATION_SECONDS
            self._tell(Step.DONE, change, number, total)

    def _demand_as_planned(self, change: Change) -> None:
        """Refuse to write over a trust policy that is no longer the one that was compared.

        IAM has no conditional write; what somebody locks in the moment between these two calls is still lost.
        """
        if change.before is None or change.kind not in _TRUSTING:
            return
        role = change.calls[0].parameters["RoleName"]
        there = read_role(self.iam, role)
        if there is None or not same_form(there.trust_policy, change.before):
            raise ChangedMeanwhile(f"the trust policy of `{role}` changed", advice="Run the same command again.")

    def _do(self, change: Change, call: Call, number: int, total: int) -> None:
        tries = 0
        while True:
            try:
                ask(self.iam, call.operation, **call.parameters)
            except DaypassError as fault:
                left = self._waits_until(change, call, fault) - self.patience.now()
                if left <= 0 or self.stopped():
                    raise
                longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**tries, left)
                tries += 1
                self._tell(Step.WAITING, change, number, total)
                self.patience.sleep(self.patience.random() * longest)
            else:
                return

    def _waits_until(self, change: Change, call: Call, fault: DaypassError) -> float:
        """Until when it may fail only because what was made a moment ago is not known everywhere yet."""
        never = float("-inf")
        late = isinstance(fault, AwsPermissionMissing | NotFound)
        # "Policy … does not exist" is about what was never made here.
        if late and str(call.parameters.get("PolicyArn")) not in fault.message:
            return self.fresh.get(change.resource, never)
        if fault.facts.get("aws_code") == "MalformedPolicyDocument" and change.kind in _TRUSTING:
            return max(self.fresh.values(), default=never)
        return never

    def would_fail_again(self, again: Plan) -> bool:
        """Whether a new plan begins with what has just failed."""
        failed = self.plan.changes[self.begun : self.begun + 1]
        return bool(failed) and again.changes[:1] == failed

    def incomplete(self, fault: DaypassError) -> DaypassError:
        """The error, with what was done and what was not when something was."""
        changes = self.plan.changes
        interrupted = isinstance(fault, ProvisioningIncomplete)
        if not self.made and not interrupted:
            return fault
        refused = isinstance(fault, ProvisioningRefused)
        failed = None if interrupted or refused or self.begun >= len(changes) else changes[self.begun]
        left = changes[self.begun + (failed is not None) :]
        return ProvisioningIncomplete(
            f"{fault.message}; changes made: {len(self.made)}, not made: {len(left) + (failed is not None)}",
            advice=f"{fault.advice or 'Put right what failed.'} The same command goes on from here.",
            account=self.plan.account,
            code=fault.facts.get("code", fault.code),
            done=[_named(each) for each in self.made],
            failed=None if failed is None else _named(failed),
            left=[_named(each) for each in left],
        )

    def _tell(self, step: Step, change: Change, number: int, total: int) -> None:
        self.progress(Progress(self.plan.account, step, change, number, total))


def _named(change: Change) -> str:
    return f"{change.kind.value} {change.resource}"
