"""The policies that `daypass trust` is told: any file that has some, or standard input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass.cli.trust import reading
from daypass.errors import UsageInvalid
from daypass.trust.sources.choose import choose
from daypass.trust.sources.find import find_policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from daypass.trust.document import Policy
    from daypass.trust.sources.found import FoundPolicy


_TEMPLATES: Final = "*.template.json"


def files(names: Iterable[str]) -> Iterator[str]:
    """The files that are meant; of a folder, the templates that CDK put there (`cdk.out`).

    Raises:
        UsageInvalid: a folder has none.
    """
    for name in names:
        if name == "-" or not Path(name).is_dir():
            yield name
            continue
        templates = sorted(Path(name).rglob(_TEMPLATES))
        if not templates:
            raise UsageInvalid(f"`{name}` has no templates ({_TEMPLATES})", advice="Name the files themselves.")
        yield from map(str, templates)


def found(name: str) -> Sequence[FoundPolicy]:
    """Every trust policy of a file or of a CDK folder.

    Raises:
        UsageInvalid: there is none.
        FileUnavailable: a file cannot be read.
    """
    policies = _all(name)
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
    return choose(name, _all(name), role=role)


def _all(name: str) -> list[FoundPolicy]:
    return [policy for file in files([name]) for policy in find_policies(file, reading.read(file))]
