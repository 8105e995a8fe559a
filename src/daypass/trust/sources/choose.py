"""One trust policy out of those that a file has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.trust.document import Policy
    from daypass.trust.sources.found import FoundPolicy


def choose(name: str, found: Sequence[FoundPolicy], *, role: str | None = None) -> Policy:
    """The only policy of a file, or that of one role in it.

    Args:
        name: the file's, for messages.
        found: what `find_policies` gave for it.
        role: the role's name, or the name of its resource with or without what stands before the last dot.

    Raises:
        PolicyMalformed, PolicyUnsupported: it cannot be read.
        RequestInvalid: there is none, or several and `role` names none of them.
    """
    if not found:
        raise RequestInvalid(f"`{name}` has no trust policy")
    names = ", ".join(each.where.resource for each in found if each.where.resource)
    chosen = [each for each in found if role is None or role in _names(each)]
    if not chosen:
        raise RequestInvalid(f"`{name}` has no role `{role}`", advice=f"It has {names}." if names else None)
    if len(chosen) > 1:
        raise RequestInvalid(f"`{name}` has {len(chosen)} trust policies", advice=f"Name a role: {names}.")
    if chosen[0].policy is not None:
        return chosen[0].policy
    assert chosen[0].error is not None
    raise chosen[0].error


def _names(each: FoundPolicy) -> tuple[str | None, ...]:
    return each.where.resource, each.where.resource.rpartition(".")[2], each.role.name
