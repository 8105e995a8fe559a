"""A subject that is one claim, or `key:value:key:value` of chosen claims, unescaped. For compatibility only.

Two organizations can have the same subject in this grammar unless it begins with the organization's id. It is here
because existing trust policies expect it byte for byte. Values are not escaped; one that would be read as several pairs
is refused, so within an organization different values never give one subject. What it must never be is a subject of
another grammar: an issuer's formats share one `iss`, so the text of an attribute would become somebody else's
`organization:…:project:…`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.errors import ClaimUnavailable, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.subjects.facts import WorkloadFacts
    from daypass.subjects.formats import SubjectPart
    from daypass.subjects.shapes import Grammar


@dataclass(frozen=True, slots=True)
class ClaimKeySubject:
    """The grammar.

    `default` is the claim that is the subject when no keys are chosen, and `default_pattern` what its value must match
    for that. `keys` are the claims that may be chosen; `organization_key` is the one with the organization's id.
    `known` is what subjects of the vendor's own are made of.
    """

    default: str
    default_pattern: str
    keys: tuple[SubjectPart, ...]
    organization_key: str
    known: Grammar

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be chosen."""
        return tuple(part.name for part in self.keys)

    def part(self, name: str) -> SubjectPart:
        """What may be chosen by that name.

        Raises:
            RequestInvalid: when there is none.
        """
        self.check([name])
        return next(part for part in self.keys if part.name == name)

    def check(self, chosen: Sequence[str]) -> None:
        """Refuse a choice that this grammar does not allow. An empty one stands for the default.

        Raises:
            RequestInvalid: with `allowed` among the facts.
        """
        unknown = [name for name in chosen if name not in self.allowed]
        if unknown or len(set(chosen)) != len(chosen):
            raise RequestInvalid(
                f"`{unknown[0]}` is not a claim for this subject" if unknown else "a subject claim is named twice",
                advice=f"Choose from {', '.join(self.allowed)}.",
                allowed=list(self.allowed),
            )

    def names_organization(self, chosen: Sequence[str]) -> bool:
        """Whether the subject begins with the organization's id, which holds no `:`, so that it is nobody else's."""
        return tuple(chosen[:1]) == (self.organization_key,)

    def longest(self, chosen: Sequence[str]) -> int | None:  # noqa: ARG002 (one call for all grammars)
        """None: contexts have any length."""
        return None

    def parse(self, subject: str) -> Mapping[str, str] | None:
        """The components of a subject of the vendor's own. Values are not escaped, so others cannot be told apart."""
        return self.known.parse(subject)

    def render(self, facts: WorkloadFacts, claims: Mapping[str, object], chosen: Sequence[str]) -> str:  # noqa: ARG002 (one call for all grammars)
        """The subject. A chosen claim that the token does not have gives an empty value.

        Raises:
            ClaimUnavailable: when the default claim's value does not match its pattern.
        """
        if not chosen:
            subject = str(claims[self.default])
            if not re.fullmatch(self.default_pattern, subject):
                raise ClaimUnavailable(
                    f"the claim `{self.default}` cannot be the subject: `{subject[:255]}` is not a URL",
                    advice="Create the workload with an http or https URL, or choose subject claims.",
                    claim=self.default,
                )
            return subject
        values = [str(claims.get(key, "")) for key in chosen]
        subject = ":".join(f"{key}:{value}" for key, value in zip(chosen, values, strict=True))
        if _read(subject, chosen) != values:
            raise ClaimUnavailable(
                f"the subject `{subject[:255]}` could be read another way", advice="Rename what it is made of."
            )
        return subject


def _read(subject: str, chosen: Sequence[str]) -> list[str]:
    """The values in a subject of those keys, each ending where the next key stands first."""
    rest, values = subject.removeprefix(f"{chosen[0]}:"), []
    for key in chosen[1:]:
        value, _, rest = rest.partition(f":{key}:")
        values.append(value)
    return [*values, rest]
