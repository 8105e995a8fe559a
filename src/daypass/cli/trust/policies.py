"""The policies that `daypass trust` is told: any file that has some, or standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.trust import reading
from daypass.errors import UsageInvalid
from daypass.trust.sources.find import find_policies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.trust.document import Policy
    from daypass.trust.sources.found import FoundPolicy


def found(name: str) -> Sequence[FoundPolicy]:
    """Every trust policy of a file.

    Raises:
        UsageInvalid: there is none.
        FileUnavailable: the file cannot be read.
    """
    policies = find_policies(name, reading.read(name))
    if not policies:
        raise UsageInvalid(f"`{name}` has no trust policy")
    return policies


def one(name: str, *, role: str | None = None) -> Policy:
    """The trust policy of a file, or that of one role in it.

    Raises:
        PolicyMalformed, PolicyUnsupported: it cannot be read.
        UsageInvalid: there is none, or several and `role` names none of them.
        FileUnavailable: the file cannot be read.
    """
    policies = found(name)
    names = [each.where.resource for each in policies]
    if role is not None:
        policies = [each for each in policies if role in _names(each)]
        if not policies:
            raise UsageInvalid(f"`{name}` has no role `{role}`", advice=f"It has {', '.join(filter(None, names))}.")
    if len(policies) > 1:
        raise UsageInvalid(
            f"`{name}` has {len(policies)} trust policies", advice=f"Name one with --role: {', '.join(names)}."
        )
    if policies[0].policy is not None:
        return policies[0].policy
    assert policies[0].error is not None
    raise policies[0].error


def _names(each: FoundPolicy) -> tuple[str | None, ...]:
    """What a role in a file may be called."""
    return each.where.resource, each.where.resource.rpartition(".")[2], each.role.name
