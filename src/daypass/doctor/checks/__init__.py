"""The catalogue: every check, in the order of the way that AWS takes. `BY_CODE` finds one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import (
    account,
    answers,
    audience,
    chain,
    discovery,
    issuer,
    keys,
    reach,
    rest,
    tls_versions,
    token,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.doctor.finding import Check

AREAS: Final[Mapping[str, tuple[Check, ...]]] = {
    "The issuer's URL": issuer.CHECKS,
    "The way to the host": reach.CHECKS,
    "TLS": tls_versions.CHECKS,
    "The certificates": chain.CHECKS,
    "The answers": answers.CHECKS,
    "The discovery document": discovery.CHECKS,
    "The keys": keys.CHECKS,
    "The token": (*token.CHECKS, *audience.CHECKS),
    "The AWS account": account.CHECKS,
    "What is left": (rest.REFUSES,),
}
"""Every check, by what it is about."""

CHECKS: Final[tuple[Check, ...]] = tuple(check for checks in AREAS.values() for check in checks)
BY_CODE: Final[Mapping[str, Check]] = {check.code: check for check in CHECKS}
