"""The catalogue: every check, in the order of the way that AWS takes. `BY_CODE` finds one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.doctor.finding import Check

CHECKS: Final[tuple[Check, ...]] = ()
BY_CODE: Final[Mapping[str, Check]] = {check.code: check for check in CHECKS}
