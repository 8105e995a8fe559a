"""The errors that people meet on this way, as data: what each means, and what causes it, likeliest first.

The entries are in `errors/*.toml`. A text of AWS's that this program has already is named there, not written again.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from daypass.permissions import aws_texts as permissions_texts
from daypass.sts import answers
from daypass.trust import aws_texts as trust_texts
from daypass.trust import shared_issuers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

_TEXTS: Final[Mapping[str, ModuleType]] = {
    "sts": answers,
    "trust": trust_texts,
    "shared": shared_issuers,
    "permissions": permissions_texts,
}
DOCUMENTATION: Final = "troubleshooting"
"""The page of the documentation that has every error."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that leads to an error.

    Attributes:
        why: a sentence.
        remedy: the next step, as a sentence.
        found_by: codes of the doctor's checks that show it; empty where no check can.
        hinted_by: patterns of the codes of hints that the explanation of a trust policy gives of it.
        unless_other: whether what shows it counts only when it shows no other cause: a general finding.
    """

    why: str
    remedy: str
    found_by: tuple[str, ...] = ()
    hinted_by: tuple[str, ...] = ()
    unless_other: bool = False


@dataclass(frozen=True, slots=True)
class KnownError:
    """One error.

    Attributes:
        id: stable.
        title: the sentence as people look for it.
        texts: what is printed, with `{fields}` for what differs from case to case.
        codes: AWS's codes that mean this error and no other.
        meaning: what it tells, in a sentence or two.
        source: where it is from.
        causes: likeliest first.
    """

    id: str
    title: str
    texts: tuple[str, ...]
    codes: tuple[str, ...]
    meaning: str
    source: str
    causes: tuple[Cause, ...]

    @property
    def link(self) -> str:
        """The entry's place in the documentation."""
        return f"{DOCUMENTATION}.md#{self.id}"


@cache
def known_errors() -> tuple[KnownError, ...]:
    """Every entry, in the order of its files."""
    folder = files("daypass.doctor") / "errors"
    names = sorted((each.name for each in folder.iterdir() if each.name.endswith(".toml")), key=_place)
    return tuple(
        _known(entry) for name in names for entry in tomllib.loads((folder / name).read_text(encoding="utf-8"))["error"]
    )


def aws_text(name: str) -> str:
    """AWS's text of a name such as `sts.NOT_AUTHORIZED`, with its `{fields}`."""
    room, _, constant = name.partition(".")
    found = getattr(_TEXTS[room], constant)
    return found.template if isinstance(found, answers.Text) else str(found)


def _place(name: str) -> int:
    order = ("sts.toml", "iam.toml", "tools.toml")
    return order.index(name) if name in order else len(order)


def _known(entry: Mapping[str, Any]) -> KnownError:
    return KnownError(
        id=entry["id"],
        title=entry["title"],
        texts=(*(aws_text(name) for name in entry.get("of", ())), *entry.get("text", ())),
        codes=tuple(entry.get("codes", ())),
        meaning=entry["meaning"],
        source=entry["source"],
        causes=tuple(
            Cause(
                each["why"],
                each["remedy"],
                tuple(each.get("found_by", ())),
                tuple(each.get("hinted_by", ())),
                unless_other=each.get("unless_other", False),
            )
            for each in entry["cause"]
        ),
    )


_FIELD: Final = re.compile(r"\{([a-z_]+)\}")


def literals(text: str) -> Iterator[str]:
    """The parts of a text that are the same in every case."""
    yield from (part for part in _FIELD.split(text)[::2] if part.strip())


def fields(text: str) -> tuple[str, ...]:
    """The names of what differs from case to case."""
    return tuple(_FIELD.findall(text))


def plain_link(link: str) -> str:
    """A place in the documentation without the source's suffix: `reference/doctor#tls-chain-order`."""
    return link.replace(".md", "")
