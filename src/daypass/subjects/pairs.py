"""A subject of `name:value` pairs in which no value can forge a pair.

    organization:org_a1…:project:prj_b2…:workspace:wsp_c3…

Names are from a closed list and hold no `:`; values are percent-encoded, so a `:` is always a separator and a `*` is
never somebody's text. Which pairs, and in which order, is the organization's choice, behind two that are always
first: whoever can choose a branch name or an environment name cannot choose the beginning of a subject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from daypass.errors import ClaimUnavailable, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daypass.subjects.facts import WorkloadFacts
    from daypass.subjects.formats import SubjectPart

_KEPT: Final = "@"
"""Beside the unreserved characters of RFC 3986 section 2.3: letters, digits and `-._~`."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~@-]*")
"""What `quote` would leave as it is; ids are, and asking here costs a tenth."""


def encode_value(value: str) -> str:
    """Percent-encode the UTF-8 of everything but letters, digits and `-._~@` (RFC 3986 section 2.1)."""
    return value if _PLAIN.fullmatch(value) else quote(value, safe=_KEPT)


def encode_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """One subject of many pairs. Two different lists of pairs never give the same subject."""
    return ":".join(f"{name}:{encode_value(value)}" for name, value in pairs)


def decode_pairs(subject: str) -> tuple[tuple[str, str], ...]:
    """The pairs that `encode_pairs` made `subject` of.

    Raises:
        RequestInvalid: when it could not have been made by `encode_pairs`.
    """
    parts = subject.split(":")
    try:
        pairs = tuple(
            (name, unquote(value, errors="strict")) for name, value in zip(parts[::2], parts[1::2], strict=True)
        )
        canonical = encode_pairs(pairs)
    except ValueError:
        canonical = None
        pairs = ()
    if canonical != subject:
        raise RequestInvalid(f"`{subject}` is not a subject of encoded pairs", subject=subject)
    return pairs


@dataclass(frozen=True, slots=True)
class PairSubject:
    """The grammar: components by name, those that are always first, and what is used when nothing is chosen.

    `organization` and `project` stand for their ids, `workload` for its kind and id (`job:job_d4…`), `kind` for the
    kind alone; every other component is the attribute of that name.
    """

    components: tuple[SubjectPart, ...]
    first: tuple[str, ...]
    default: tuple[str, ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be chosen."""
        return tuple(part.name for part in self.components)

    def part(self, name: str) -> SubjectPart:
        """What may be chosen by that name; its longest text is without the name.

        Raises:
            RequestInvalid: when there is none.
        """
        found = next((part for part in self.components if part.name == name), None)
        if found is None:
            raise RequestInvalid(
                f"`{name}` is not a component of this subject",
                advice=f"Choose from {', '.join(self.allowed)}.",
                allowed=list(self.allowed),
            )
        return found

    def check(self, chosen: Sequence[str]) -> None:
        """Refuse a choice that this grammar does not allow. An empty one stands for the default.

        Raises:
            RequestInvalid: with `allowed` and `first` among the facts.
        """
        if not chosen:
            return
        for name in chosen:
            self.part(name)
        if tuple(chosen[: len(self.first)]) != self.first or len(set(chosen)) != len(chosen):
            raise RequestInvalid(
                f"subject claims begin with {', '.join(f'`{name}`' for name in self.first)} and name nothing twice",
                advice="Who is trusted comes before what they may choose themselves.",
                allowed=list(self.allowed),
                first=list(self.first),
            )

    def names_organization(self, chosen: Sequence[str]) -> bool:  # noqa: ARG002 (one call for all grammars)
        """Always: the organization's id is the first pair."""
        return True

    def longest(self, chosen: Sequence[str]) -> int | None:
        """Its greatest length in characters; None when nothing bounds it."""
        total = -1
        for name in chosen or self.default:
            longest = self.part(name).longest
            if longest is None:
                return None
            total += longest + 1 + (0 if name == "workload" else len(name) + 1)
        return total

    def parse(self, subject: str) -> Mapping[str, str] | None:
        """The pairs of a subject by name; None for any other text."""
        try:
            pairs = decode_pairs(subject)
        except RequestInvalid:
            return None
        begins = tuple(name for name, _ in pairs[: len(self.first)]) == self.first
        return dict(pairs) if begins and len({name for name, _ in pairs}) == len(pairs) else None

    def render(self, facts: WorkloadFacts, claims: Mapping[str, object], chosen: Sequence[str]) -> str:  # noqa: ARG002 (one call for all grammars)
        """The subject.

        Raises:
            ClaimUnavailable: when the workload lacks an attribute that was chosen.
        """
        return encode_pairs(self._pair(name, facts) for name in chosen or self.default)

    @staticmethod
    def _pair(name: str, facts: WorkloadFacts) -> tuple[str, str]:
        match name:
            case "organization":
                return name, facts.organization_id
            case "project":
                return name, facts.project_id
            case "workload":
                return facts.workload_kind.value, facts.workload_id
            case "kind":
                return name, facts.workload_kind.value
        value = facts.attributes.get(name, "")
        if not value:
            raise ClaimUnavailable(
                f"the subject needs the attribute `{name}`, and this workload has none",
                advice=f"Create the workload with `{name}`, or take it out of the organization's subject claims.",
                attribute=name,
            )
        return name, value
