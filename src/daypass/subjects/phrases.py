"""What the claims of a token say, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Phrase:
    """A few words about one claim, said when the token has it.

    Attributes:
        words: with `{}` where the value stands; without, the value is not said.
        claim: `outer/inner` for one that is nested.
        only: said for these values alone; empty for all.
        unlike: another claim; said only when it has another value.
    """

    words: str
    claim: str
    only: tuple[str, ...] = ()
    unlike: str | None = None

    def said(self, claims: Mapping[str, object]) -> str | None:
        """The words; None when there is nothing to say."""
        value = claim_at(claims, self.claim)
        if value is None or value == "" or isinstance(value, dict | list):
            return None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if self.only and text not in self.only:
            return None
        if self.unlike is not None and claim_at(claims, self.unlike) in (None, value):
            return None
        return self.words.replace("{}", shown(text))


def claim_at(claims: Mapping[str, object], path: str) -> object | None:
    """A claim by its name; where no claim has it, what stands at `outer/inner`."""
    if path in claims:
        return claims[path]
    outer, _, inner = path.partition("/")
    within = claims.get(outer)
    return claim_at(within, inner) if inner and isinstance(within, dict) else None


def shown(text: str) -> str:
    """A claim's text for people: short, and nothing in it that a terminal obeys or that turns the direction."""
    text = text if len(text) <= 255 else text[:254] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def sentence(noun: str, phrases: Iterable[Phrase], claims: Mapping[str, object]) -> str:
    """`a GitLab ID token of project mygroup/app (id 22), on branch main, protected`."""
    said = [words for phrase in phrases if (words := phrase.said(claims)) is not None]
    article = "an" if noun[0] in "AEIOH" else "a"  # H as in HCP
    return f"{article} {noun}" + "".join(words if words.startswith(",") else f" {words}" for words in said)
