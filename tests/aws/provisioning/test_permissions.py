"""Each permission of IAM that is needed is documented, and told by its name where it is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daypass.aws.provisioning.apply import apply
from daypass.aws.provisioning.destroy import plan_to_destroy, read_to_destroy
from daypass.errors import DaypassError
from support.memory_iam import ACCOUNT

if TYPE_CHECKING:
    from daypass.aws.provisioning.changes import Plan
    from support.provisioning import Bench

PAGE = Path(__file__).parents[3] / "docs" / "provisioning.md"
DOCUMENTED = sorted(set(re.findall(r"\biam:([A-Z][A-Za-z]+)", PAGE.read_text("utf-8"))))
INLINE = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}"


def file(letter: str, more: str) -> str:
    return f"""
providers:
  - {{issuer: "https://gitlab.com", audiences: [{letter}], thumbprints: ["{letter * 40}"], tags: {{{letter}: x}}}}
roles:
  r:
    who: [{{gitlab: {{project: g/p, project_id: 1, branch: {letter}}}}}]
    managed_policies: ["arn:aws:iam::aws:policy/{more}"]
    inline_policies: {{{letter}: {INLINE}}}
    tags: {{{letter}: x}}
"""


BOUNDARY = "    boundary: arn:aws:iam::aws:policy/PowerUserAccess\n"
FILES = (
    file("a", "ReadOnlyAccess"),
    file("a", "ReadOnlyAccess") + BOUNDARY,
    file("b", "AmazonS3ReadOnlyAccess") + "    max_session: 2h\n",
)


def life(bench: Bench) -> None:
    """A role's whole life: made, bounded, changed in all that it has, and removed with its provider."""
    for text in FILES:
        bench.apply(text, allow_wider=True)
    wanted = bench.desired(FILES[-1])

    def leaving() -> Plan:
        return plan_to_destroy(wanted, *read_to_destroy(bench.iam, wanted, ACCOUNT))

    apply(bench.iam, leaving(), plan_again=leaving, patience=bench.time.patience)


def test_all_that_is_asked_is_documented_and_nothing_else(bench: Bench) -> None:
    life(bench)
    assert sorted({*bench.iam.asked}) == DOCUMENTED


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_a_missing_permission_is_named(bench: Bench, operation: str) -> None:
    bench.iam.fail(operation, "AccessDenied", times=1000)
    with pytest.raises(DaypassError) as caught:
        life(bench)
    assert f"AWS denied iam:{operation}" in caught.value.message
    assert f"Allow iam:{operation}" in (caught.value.advice or "")
    assert "aws_permission_missing" in {caught.value.code, caught.value.facts.get("code")}
