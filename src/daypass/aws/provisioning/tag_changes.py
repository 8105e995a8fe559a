"""The tags of a provider or role: what the file says, and the records of whose each thing is. Pure.

A record is written before what it stands for, and taken back after it is gone. Whatever is interrupted, what was put
by a stack is known as its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.aws.provisioning.ownership import TAGS, record, recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from daypass.aws.provisioning.desired import Tags


@dataclass(frozen=True, slots=True)
class Held:
    """Things of one sort that a stack puts beside others': which are ours after all, and which of ours go."""

    ours: frozenset[str]
    going: tuple[str, ...]

    @classmethod
    def of(cls, desired: Collection[str], seen: Collection[str], value: str | None) -> Held:
        """By what is wanted, what is there, and the record of what we put there."""
        ours = frozenset(each for each in desired if each not in seen or recorded(value, each))
        return cls(ours, tuple(sorted(each for each in seen if each not in desired and recorded(value, each))))

    @property
    def before(self) -> str:
        """The record while changes are made."""
        return record({*self.ours, *self.going})

    @property
    def after(self) -> str:
        """The record when they are made."""
        return record(self.ours)


@dataclass(frozen=True, slots=True)
class TagChanges:
    """Tags to set first, keys to remove, and tags to set last."""

    first: Mapping[str, str]
    remove: tuple[str, ...]
    last: Mapping[str, str]


def tag_changes(
    seen: Mapping[str, str],
    desired: Tags,
    *,
    constant: Mapping[str, str],
    records: Mapping[str, Held],
    kept_empty: Collection[str] = (),
) -> TagChanges:
    """What to do to the tags of something that is there.

    Args:
        seen: its tags.
        desired: what the file says.
        constant: those that say whose it is.
        records: of what we put there, by the tag that holds the record.
        kept_empty: records that stay when they stand for nothing.
    """
    wanted = dict(desired)
    own = Held.of(wanted, seen, seen.get(TAGS))
    all_records = {**records, TAGS: own}
    first = {**wanted, **constant}
    last, remove = {}, [*own.going]
    for key, held in all_records.items():
        if held.before or key in kept_empty:
            first[key] = held.before
        if held.after or key in kept_empty:
            if held.after != held.before:
                last[key] = held.after
        elif key in seen or held.before:
            remove.append(key)
    return TagChanges({key: value for key, value in first.items() if seen.get(key) != value}, tuple(remove), last)


def tags_of_new(
    desired: Tags, *, constant: Mapping[str, str], records: Mapping[str, Collection[str]]
) -> list[dict[str, str]]:
    """The tags of something that is created, as IAM takes them."""
    tags = {**dict(desired), **constant}
    for key, texts in {**records, TAGS: [key for key, _ in desired]}.items():
        if texts:
            tags[key] = record(texts)
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
