"""A subject that is one claim, or `key:value:key:value` of chosen claims, unescaped. For compatibility only.

Two different workloads can have the same subject in this grammar when a value holds a `:`. It is here because
existing trust policies expect it byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.subjects.facts import WorkloadFacts


@dataclass(frozen=True, slots=True)
class ClaimKeySubject:
    """The grammar: the claim that is the subject when no keys are chosen, and the claims that may be chosen."""

    default: str
    keys: tuple[str, ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be chosen."""
        return self.keys

    def check(self, chosen: Sequence[str]) -> None:
        """Refuse a choice that this grammar does not allow. An empty one stands for the default.

        Raises:
            RequestInvalid: with `allowed` among the facts.
        """
        unknown = [name for name in chosen if name not in self.keys]
        if unknown or len(set(chosen)) != len(chosen):
            raise RequestInvalid(
                f"`{unknown[0]}` is not a claim for this subject" if unknown else "a subject claim is named twice",
                advice=f"Choose from {', '.join(self.keys)}.",
                allowed=list(self.keys),
            )

    def render(self, facts: WorkloadFacts, claims: Mapping[str, object], chosen: Sequence[str]) -> str:  # noqa: ARG002 (one call for all grammars)
        """The subject. A chosen claim that the token does not have gives an empty value."""
        if not chosen:
            return str(claims[self.default])
        return ":".join(f"{key}:{claims.get(key, '')}" for key in chosen)
