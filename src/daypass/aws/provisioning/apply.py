"""Carry out a plan: what may not be done stops it before anything is, and what failed on the way is told in full.

IAM forgets for some seconds what it has just made. A call about something new, or that names something new, is tried
again for half a minute, at random times (AWS Architecture Blog, "Exponential Backoff And Jitter": full jitter).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.aws.provisioning.calls import ask
from daypass.aws.provisioning.changes import CREATING, Kind
from daypass.errors import (
    AlreadyExists,
    AwsPermissionMissing,
    AwsRefused,
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
            advice="Nothing was changed. If that is meant, add --allow-wider.",
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
    for attempt in range(_MOST_PLANS):
        run = _Run(iam, plan, patience, progress, stopped, made)
        try:
            demand_allowed(plan, allow_wider=allow_wider)
            run.all()
        except (AlreadyExists, ChangedMeanwhile, NotFound) as fault:
            if attempt + 1 == _MOST_PLANS:
                raise run.incomplete(fault) from None
            progress(Progress(plan.account, Step.PLANNED_AGAIN))
            plan = plan_again()
        except DaypassError as fault:
            raise run.incomplete(fault) from None
        else:
            break
    return tuple(made)


class _Run:
    """One plan on its way."""

    def __init__(
        self,
        iam: AwsClient,
        plan: Plan,
        patience: Patience,
        progress: Callable[[Progress], None],
        stopped: Callable[[], bool],
        made: list[Change],
    ) -> None:  # one way in, `apply`
        self._iam, self._plan, self._patience = iam, plan, patience
        self._progress, self._stopped = progress, stopped
        self._made = made
        self._begun = 0
        self._fresh_until: float | None = None
        self._fresh: set[str] = {change.resource for change in made if change.kind in CREATING}
        if self._fresh:
            self._fresh_until = patience.now() + PROPAGATION_SECONDS

    def all(self) -> None:
        total = len(self._plan.changes)
        for number, change in enumerate(self._plan.changes, start=1):
            if self._stopped():
                raise ProvisioningIncomplete("it was stopped", code="interrupted")
            self._tell(Step.BEGUN, change, number, total)
            try:
                for call in change.calls:
                    self._do(change, call, number, total)
            except DaypassError:
                self._tell(Step.FAILED, change, number, total)
                raise
            self._begun = number
            self._made.append(change)
            if change.kind in CREATING:
                self._fresh.add(change.resource)
                self._fresh_until = self._patience.now() + PROPAGATION_SECONDS
            self._tell(Step.DONE, change, number, total)

    def _do(self, change: Change, call: Call, number: int, total: int) -> None:
        tries = 0
        while True:
            try:
                ask(self._iam, call.operation, **call.parameters)
            except DaypassError as fault:
                left = (self._fresh_until or 0.0) - self._patience.now()
                if not self._may_be_late(change, fault) or left <= 0 or self._stopped():
                    raise
                longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**tries, left)
                tries += 1
                self._tell(Step.WAITING, change, number, total)
                self._patience.sleep(self._patience.random() * longest)
            else:
                return

    def _may_be_late(self, change: Change, fault: DaypassError) -> bool:
        """Whether it fails only because what was made a moment ago is not known everywhere yet."""
        if self._fresh_until is None:
            return False
        if change.resource in self._fresh and isinstance(fault, AwsPermissionMissing | NotFound):
            return True
        names_new = change.kind in {Kind.CREATE_ROLE, Kind.TIGHTEN_TRUST, Kind.WIDEN_TRUST, Kind.REPLACE_TRUST}
        late = isinstance(fault, AwsRefused) and fault.facts.get("aws_code") == "MalformedPolicyDocument"
        return names_new and late

    def incomplete(self, fault: DaypassError) -> DaypassError:
        """The error, with what was done and what was not when something was."""
        changes = self._plan.changes
        interrupted = isinstance(fault, ProvisioningIncomplete)
        if not self._made and not interrupted:
            return fault
        refused = isinstance(fault, ProvisioningRefused)
        failed = None if interrupted or refused or self._begun >= len(changes) else changes[self._begun]
        left = changes[self._begun + (failed is not None) :]
        return ProvisioningIncomplete(
            f"{fault.message}; {len(self._made)} changes were made, {len(left) + (failed is not None)} were not",
            advice=f"{fault.advice or 'Put right what failed.'} The same command goes on from here.",
            account=self._plan.account,
            code=fault.facts.get("code", fault.code),
            done=[_named(each) for each in self._made],
            failed=None if failed is None else _named(failed),
            left=[_named(each) for each in left],
        )

    def _tell(self, step: Step, change: Change, number: int, total: int) -> None:
        self._progress(Progress(self._plan.account, step, change, number, total))


def _named(change: Change) -> str:
    return f"{change.kind.value} {change.resource}"
