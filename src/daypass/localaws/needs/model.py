"""One permission that a request needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Keys = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Need:
    """A permission.

    Attributes:
        action: `s3:GetObject` or the like.
        resource: the ARN; `*` where AWS has no resource for the action; None when it is not known here.
        shown: the resource as the service prints it in a refusal; None for none.
        keys: condition keys that only this request has.
        multivalued: those of `keys` that can have several values.
        bucket: of S3, which alone has no account in its ARNs; None elsewhere.
    """

    action: str
    resource: str | None
    shown: str | None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    multivalued: frozenset[str] = frozenset()
    bucket: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A request that cannot be read in one way only; `detail` is for the log."""

    detail: str


def tag_keys(tags: object) -> Keys:
    """`aws:RequestTag/…` and `aws:TagKeys` of a list of `{"Key": …, "Value": …}`."""
    found = [
        (tag["Key"], tag.get("Value", ""))
        for tag in (tags if isinstance(tags, list) else [])
        if isinstance(tag, dict) and isinstance(tag.get("Key"), str) and isinstance(tag.get("Value", ""), str)
    ]
    return {
        **{f"aws:RequestTag/{key}": (value,) for key, value in found},
        **({"aws:TagKeys": tuple(key for key, _ in found)} if found else {}),
    }


TAG_KEYS = frozenset({"aws:TagKeys"})
"""The keys with several values among those."""
