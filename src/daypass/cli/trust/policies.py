"""The policies that `daypass trust` is told: any file that has some, or standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.trust import reading
from daypass.errors import UsageInvalid
from daypass.trust.sources.choose import choose
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
        RequestInvalid: there is none, or several and `role` names none of them.
        FileUnavailable: the file cannot be read.
    """
    return choose(name, find_policies(name, reading.read(name)), role=role)
