"""The catalogue, in the order of the codes. A code that was given once never means anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.lint import account, breadth, conditions, document, keys, principals, subjects

if TYPE_CHECKING:
    from daypass.trust.lint.model import Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            rule
            for group in (document, principals, keys, conditions, breadth, subjects, account)
            for rule in group.RULES
        ),
        key=lambda rule: rule.code,
    )
)

BY_CODE: Final = {rule.code: rule for rule in RULES}
