"""The choices where AWS is not known: named, documented, and none that opens a door."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from daypass.errors import UsageInvalid
from daypass.sts.observed import ABOUT, AS_OBSERVED, CHOICES, AudienceText, Observed, TokenChecks

PAGE = Path(__file__).parents[2] / "docs" / "local-aws-sts.md"


def test_what_is_chosen_is_taken() -> None:
    assert Observed.parse([]) == AS_OBSERVED
    chosen = Observed.parse(["audience-text=incorrect", "token_checks=times-audience-signature"])
    assert chosen.audience_text is AudienceText.INCORRECT
    assert chosen.token_checks is TokenChecks.TIMES_AUDIENCE_SIGNATURE
    assert chosen.provider is AS_OBSERVED.provider


@pytest.mark.parametrize(
    "written",
    [["nothing=1"], ["provider"], ["provider="], ["provider=ARN"], ["provider=arn", "provider=issuer"], ["=arn"]],
)
def test_what_there_is_not_is_refused(written: list[str]) -> None:
    with pytest.raises(UsageInvalid):
        Observed.parse(written)


def test_every_order_makes_all_three_checks() -> None:
    for order in TokenChecks:
        assert sorted(order.split("-")) == ["audience", "signature", "times"]


def test_every_setting_is_documented() -> None:
    page = PAGE.read_text()
    assert set(ABOUT) == {each.name for each in fields(Observed)}
    for name, (about, source) in ABOUT.items():
        values = [f"`{value}`" for value in CHOICES[name]]
        default = values.index(f"`{getattr(AS_OBSERVED, name)}`")
        values[default] += " (default)"
        row = f"| `{name.replace('_', '-')}` | {about} | {', '.join(values)} | {source} |"
        assert row in page, row
