"""What the doctor finds, and what a check is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from daypass.doctor.facts import Facts

DOCUMENTATION = "reference/doctor"
"""The page of the documentation that has every check."""


class Severity(IntEnum):
    """How bad it is: an error stops AWS or lets strangers in, a warning may, a note is good to know."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """As commands and reports say it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw: `text` is a sentence about this issuer, `where` what it is about, `remedy` a nearer one."""

    text: str
    where: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue.

    Attributes:
        code: stable; `area_fault`.
        severity: of its findings.
        title: the fault in a few words.
        why: why AWS cares.
        remedy: the next step, as a sentence.
        source: where AWS, a standard or an observation says so.
        look: what it sees in facts. Pure; silent where the facts do not tell, or tell of a fault that comes before.
    """

    code: str
    severity: Severity
    title: str
    why: str
    remedy: str
    source: str
    look: Callable[[Facts], Iterable[Seen]]

    @property
    def link(self) -> str:
        """The entry's place in the documentation."""
        return f"{DOCUMENTATION}.md#{self.code}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of this issuer, token or account. `where` is a URL, a host, `token`, or an ARN."""

    code: str
    severity: Severity
    title: str
    seen: str
    why: str
    remedy: str
    link: str
    where: str

    def to_json(self) -> dict[str, str]:
        """As plain values; the schema is stable."""
        return {
            "code": self.code,
            "severity": self.severity.word,
            "title": self.title,
            "seen": self.seen,
            "why": self.why,
            "remedy": self.remedy,
            "link": self.link,
            "where": self.where,
        }
