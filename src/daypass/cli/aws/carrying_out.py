"""Carry out plans in every account: first all are made and looked at, and only then is anything changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daypass.aws.provisioning.apply import apply, demand_allowed
from daypass.cli import output
from daypass.cli.aws import show, working
from daypass.errors import Refused, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daypass.aws.provisioning.accounts import Account, Outcome
    from daypass.aws.provisioning.changes import Change, Plan
    from daypass.aws.provisioning.desired import AccountWay


def carry_out(
    ways: Sequence[AccountWay],
    plan: Callable[[Account], Plan],
    *,
    allow_wider: bool,
    as_json: bool,
    only_plan: bool = False,
) -> int:
    """Plan in each account, then make the changes in each.

    Args:
        ways: into the accounts.
        plan: what to do in one.
        allow_wider: also what lets more in.
        as_json: print results as JSON.
        only_plan: change nothing.

    Returns:
        0 done, 1 refused, 3 could not find out or only some was done; 130 and 143 when it was stopped.
    """
    interruptions = working.Interruptions()

    def allowed(account: Account) -> Plan:
        found = plan(account)
        plans.append(found)
        demand_allowed(found, allow_wider=allow_wider)
        return found

    plans: list[Plan] = []
    planned = working.each(ways, allowed, interruptions, doing=working.READING)
    _demand_different([outcome.account for outcome in planned if outcome.account is not None])
    if not as_json:
        _show(planned, plans)
    failed = working.status_of([outcome.error for outcome in planned])
    if failed or interruptions.status or only_plan:
        if as_json:
            output.as_json(working.plans_json(planned, applied=False))
        else:
            _summarize(planned, plans)
        working.tell_errors(planned)
        if not only_plan:
            output.note("Nothing was changed.")
        return interruptions.status or failed
    tell = working.told()
    # A profile can lead elsewhere a moment later; what was shown and allowed is for this account.
    planned_ways = [replace(outcome.way, account=outcome.account) for outcome in planned]
    made = working.each(
        planned_ways,
        lambda account: apply(
            account.iam,
            plan(account),
            plan_again=lambda: plan(account),
            patience=interruptions.patience(),
            allow_wider=allow_wider,
            progress=tell,
            stopped=interruptions.event.is_set,
        ),
        interruptions,
    )
    if as_json:
        output.as_json({"applied": True, "accounts": [_made_json(outcome) for outcome in made]})
    else:
        _show_made(made, planned)
    working.tell_errors(made)
    return max(interruptions.status, working.status_of([outcome.error for outcome in made]))


def _demand_different(accounts: Sequence[str]) -> None:
    """Refuse two ways into one account: they would change the same things at the same moment."""
    twice = next((account for account in accounts if accounts.count(account) > 1), None)
    if twice is not None:
        raise UsageInvalid(f"two ways lead to the account {twice}", advice="Leave one of them out.")


def _show(planned: Sequence[Outcome[Plan]], plans: Sequence[Plan]) -> None:
    to = show.console()
    by_account = {plan.account: plan for plan in plans}
    for outcome in planned:
        found = by_account.get(outcome.account or "")
        if found is not None:
            show.show_plan(found, str(outcome.way), to)


def _summarize(planned: Sequence[Outcome[Plan]], plans: Sequence[Plan]) -> None:
    """A line for each of several accounts in which nothing was changed: who stood in the way of the others."""
    if len(planned) < 2:
        return
    would = {plan.account: plan.summary() for plan in plans}
    words = []
    for outcome in planned:
        refused = "" if outcome.error is None else "refused" if isinstance(outcome.error, Refused) else "failed"
        words.append(": ".join(filter(None, (refused, would.get(outcome.account or "")))))
    show.show_summary(planned, words, show.console())


def _show_made(made: Sequence[Outcome[tuple[Change, ...]]], planned: Sequence[Outcome[Plan]]) -> None:
    to = show.console()
    words = [_word(outcome.result) for outcome in made]
    if len(made) > 1:
        show.show_summary(planned, words, to)
    elif made[0].result is not None:
        to.print(words[0][0].upper() + words[0][1:] + ".")


def _word(result: tuple[Change, ...] | None) -> str:
    if result is None:
        return "failed"
    return f"done: {len(result)} change{'s' * (len(result) != 1)} made" if result else "nothing to do"


def _made_json(outcome: Outcome[tuple[Change, ...]]) -> dict[str, object]:
    return {
        "account": outcome.account,
        "by": str(outcome.way),
        "made": None if outcome.result is None else [change.to_json() for change in outcome.result],
        "error": working.error_json(outcome.error),
    }
