"""Whose a subject is: the immutable ids behind the names in it.

A name that is given up can be taken by somebody else ("Sub:jugation", 2026: one in seven of the GitHub namespaces that
AWS roles trusted were free). Each token format tells which ids make a thing the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.subjects.pairs import encode_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daypass.subjects.facts import WorkloadFacts
    from daypass.subjects.formats import TokenFormat

NOTHING_CHOSEN: Final = ""
"""Among the parts of an `Identity`: when the organization chose no subject claims, and none stand there by default."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One immutable id of what subjects are made for.

    Attributes:
        attribute: the workload's attribute with the platform's id. The project's id stands in for one that it lacks.
        parts: it counts when one of these is in the subject; empty for always.
    """

    attribute: str
    parts: tuple[str, ...] = ()


PROJECT: Final = Identity("")
"""The project's own id, for platforms that give no ids."""


def owner_of(token_format: TokenFormat, facts: WorkloadFacts, chosen: Sequence[str], *, exchanged: bool) -> str:
    """Whose the workload's subjects are, as text. Two that differ in one of the ids never give the same text.

    Args:
        token_format: what the subject is made by.
        facts: about the workload.
        chosen: the organization's subject claims; empty for the format's default.
        exchanged: whether the workload came in through the exchange; its id then stands for all that it is.
    """
    if exchanged:
        return encode_pairs((("organization", facts.organization_id), ("workload", facts.workload_id)))
    return encode_pairs((("organization", facts.organization_id), *_ids(token_format, facts, chosen)))


def _ids(token_format: TokenFormat, facts: WorkloadFacts, chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not token_format.identity:
        return
    parts = chosen or token_format.subject.default or (NOTHING_CHOSEN,)
    for identity in token_format.identity:
        if identity.parts and not any(part in identity.parts for part in parts):
            continue
        value = facts.attributes.get(identity.attribute)
        yield (identity.attribute, value) if value else ("project", facts.project_id)
