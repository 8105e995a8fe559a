"""What others wrote into an account is shown, and moves no cursor and paints nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from daypass.aws.provisioning.apply import Progress, Step
from daypass.aws.provisioning.changes import Blocked, Change, Kind, Plan
from daypass.cli.aws import show

if TYPE_CHECKING:
    import pytest

NASTY = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\r\u2066"
ROLE = "arn:aws:iam::111122223333:role/r"


def shown(plan: Plan) -> str:
    stream = io.StringIO()
    show.show_plan(plan, f"profile {NASTY}", show.console(stream))
    show.show_progress(Progress("111122223333", Step.DONE, plan.changes[0], 1, 1), show.console(stream))
    return stream.getvalue()


def test_no_text_of_others_reaches_the_terminal_as_it_is() -> None:
    policy = f'{{"Statement": "{NASTY}"}}'
    changes = (
        Change(Kind.SET_DESCRIPTION, ROLE + NASTY, NASTY, (), wider=NASTY, before=policy, after=policy + NASTY),
        Change(Kind.CREATE_ROLE, ROLE, NASTY, (), after=policy),
    )
    blocked = (Blocked(ROLE + NASTY, NASTY, NASTY),)
    text = shown(Plan("111122223333", "aws", "s", changes, blocked, (ROLE + NASTY,), {NASTY: (NASTY,)}))
    assert "evil" in text
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    plan = Plan("111122223333", "aws", "s", (Change(Kind.CREATE_ROLE, ROLE, "create the role", ()),))
    assert "\x1b" not in shown(plan)
