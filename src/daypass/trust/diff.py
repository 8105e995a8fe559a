"""What changes when one policy takes the place of another: sound and complete over the string conditions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.subjects.grammars import grammar_for
from daypass.trust.callers import TokenBearer, callers
from daypass.trust.search import Found, Undecided, find
from daypass.trust.witness import shaped

if TYPE_CHECKING:
    from daypass.trust.decision import Request
    from daypass.trust.document import Policy


class Verdict(StrEnum):
    """How the new policy is, compared with the old one."""

    EQUIVALENT = "equivalent"
    NARROWER = "narrower"
    WIDER = "wider"
    BOTH = "both"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Difference:
    """The verdict, with a request for each direction that only one of the policies admits.

    Attributes:
        verdict: how the new one is. Undecided as soon as one direction without a request was not proved.
        wider: what the new policy admits and the old one does not.
        narrower: what the old policy admits and the new one does not.
        undecided: why a direction was not decided, None when both were.
    """

    verdict: Verdict
    wider: Found | None
    narrower: Found | None
    undecided: str | None = None

    def words(self) -> str:
        """For a terminal."""
        lines = [_HEADLINES[self.verdict] + (f": {self.undecided}" if self.undecided else "")]
        for found, about in ((self.wider, "only the new policy admits"), (self.narrower, "only the old policy admits")):
            if found is not None:
                lines.append(f"  {about}")
                lines += [f"    {line}" for line in described(found.request)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "verdict": self.verdict.value,
            "wider": None if self.wider is None else _plain(self.wider),
            "narrower": None if self.narrower is None else _plain(self.narrower),
            "undecided": self.undecided,
        }


_HEADLINES = {
    Verdict.EQUIVALENT: "equivalent: both policies admit the same requests",
    Verdict.NARROWER: "narrower: the new policy admits less",
    Verdict.WIDER: "wider: the new policy admits more",
    Verdict.BOTH: "both: the new policy admits some that the old one does not, and the other way round",
    Verdict.UNDECIDED: "undecided",
}


def diff(old: Policy, new: Policy) -> Difference:
    """Compare two policies over every request of everybody whom they name."""
    wider, narrower = _only(new, old), _only(old, new)
    undecided = next((each.reason for each in (wider, narrower) if isinstance(each, Undecided)), None)
    more = wider if isinstance(wider, Found) else None
    less = narrower if isinstance(narrower, Found) else None
    if more is not None and less is not None:
        verdict = Verdict.BOTH
    elif undecided is not None:
        verdict = Verdict.UNDECIDED
    elif more is not None:
        verdict = Verdict.WIDER
    else:
        verdict = Verdict.EQUIVALENT if less is None else Verdict.NARROWER
    return Difference(verdict, more, less, undecided)


def described(request: Request) -> list[str]:
    """A request in a few lines: who, what, and the condition keys."""
    shown = [f"{key} = {' | '.join(values)}" for key, values in sorted(request.context.values.items())]
    return [f"{request.principal.value} asks for {request.action}", *shown]


def _only(policy: Policy, unless: Policy) -> Found | Undecided | None:
    undecided: Undecided | None = None
    for caller in callers(policy, unless):
        found = find(policy, caller, unless=unless)
        if isinstance(found, Found):
            return _likely(policy, unless, found) or found
        undecided = found or undecided
    return undecided


def _likely(policy: Policy, unless: Policy, found: Found) -> Found | None:
    """Such a request with a subject that the issuer makes, where its grammar is known and has one."""
    caller = found.caller
    grammar = grammar_for(caller.provider.issuer) if isinstance(caller, TokenBearer) else None
    if grammar is None or not isinstance(caller, TokenBearer):
        return None
    for limit in shaped(caller, grammar):
        likely = find(policy, caller, unless=unless, limits=[limit], statement=found.statement)
        if isinstance(likely, Found):
            return likely
    return None


def _plain(found: Found) -> dict[str, object]:
    request = found.request
    return {
        "principal": {"kind": request.principal.kind.value, "value": request.principal.value},
        "actions": list(found.asked.actions),
        "context": {key: list(values) for key, values in request.context.values.items()},
        "claims": None if found.asked.claims is None else dict(found.asked.claims),
    }
