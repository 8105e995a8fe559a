"""The documentation's pages of rules say what the rules do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daypass.trust.lint.rules import RULES
from daypass.trust.lint.run import lint_text

if TYPE_CHECKING:
    from daypass.trust.lint.model import Rule

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"```(?:json|text)\n(.*?)\n```", re.DOTALL)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_examples_of_a_page_do_what_it_says(rule: Rule) -> None:
    page = (DOCS / f"{rule.page}.md").read_text("utf-8")
    fails, said, passes = _BLOCK.findall(page)
    findings = [finding for finding in lint_text(fails, rule.fails.known) if finding.code == rule.code]
    assert findings
    assert all(finding.message in said for finding in findings)
    assert not lint_text(passes, rule.passes.known)
    assert rule.title in page
    assert rule.remedy in page


def test_every_rule_is_in_the_index() -> None:
    index = (DOCS / "reference" / "lint-rules.md").read_text("utf-8")
    assert all(f"[{rule.code}](../{rule.page}.md)" in index for rule in RULES)
