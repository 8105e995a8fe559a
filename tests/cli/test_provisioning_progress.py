"""What is told while accounts are read and changed: on a terminal at once, and in a job's log line by line."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from daypass.aws.provisioning.apply import Progress, Step
from daypass.aws.provisioning.changes import Change, Kind
from daypass.aws.provisioning.desired import AccountWay
from daypass.cli.aws import working
from daypass.errors import AwsCredentialsUnusable

if TYPE_CHECKING:
    import pytest

WAYS = [AccountWay(profile="nobody"), AccountWay(profile="no-one")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def read(monkeypatch: pytest.MonkeyPatch, to: io.StringIO) -> str:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", to)
    outcomes = working.each(WAYS, lambda account: account.account, working.Interruptions(), doing=working.READING)
    assert all(isinstance(outcome.error, AwsCredentialsUnusable) for outcome in outcomes)
    return to.getvalue()


def test_a_terminal_is_told_how_many_accounts_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = read(monkeypatch, Terminal())
    assert "reading what is there in 2 accounts: 2 done …" in shown


def test_a_log_is_told_nothing_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, io.StringIO()) == ""


def test_a_log_is_told_of_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    arn = "arn:aws:iam::111122223333:role/shop"
    change = Change(Kind.DELETE_ROLE, arn, "delete the role", ())
    tell = working.told()
    for step in Step:
        tell(Progress("111122223333", step, None if step is Step.PLANNED_AGAIN else change, 1, 2))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "111122223333  … 1/2  role shop: delete the role (AWS does not know it everywhere yet)",
        "111122223333  ✓ 1/2  role shop: delete the role",
        "111122223333  ✗ 1/2  role shop: delete the role",
        "111122223333  somebody else changed the same things; planning again",
    ]
