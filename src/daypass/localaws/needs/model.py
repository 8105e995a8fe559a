"""One permission that a request needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.localaws.faults import AwsError

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
        unknown: condition keys that AWS would fill and that are not known here, in lower case; one that ends in `:` or
            `/` stands for all that begin so. A statement about them cannot be judged.
    """

    action: str
    resource: str | None
    shown: str | None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    multivalued: frozenset[str] = frozenset()
    bucket: str | None = None
    unknown: frozenset[str] = frozenset()

    def is_unknown(self, key: str) -> bool:
        """Whether AWS would fill `key` and it is not known here. Letter case does not tell keys apart."""
        if not self.unknown:
            return False
        key = key.lower()
        return key not in {known.lower() for known in self.keys} and any(
            key.startswith(one) if one[-1] in ":/" else key == one for one in self.unknown
        )


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A request that cannot be read in one way only; `detail` is for the log.

    `answer` is what AWS says to everybody who asks so; None where it would read the request.
    """

    detail: str
    answer: AwsError | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that is there.

    Attributes:
        arn: its ARN.
        tags: key and value.
        keys: condition keys of its service that tell what it is, such as `kms:KeySpec`.
        partition_keys: of a table: the name of the partition key, under the empty text, and of each index.
    """

    arn: str
    tags: tuple[tuple[str, str], ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    partition_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Here:
    """Where a request is for, and what is there: `find` looks a resource up by the name its service gives it."""

    region: str
    account: str
    find: Callable[[str], Found | None]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this region and account."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def local(self, service: str, name: str) -> str | None:
        """What follows `arn:aws:<service>:<region>:<account>:` in an ARN of here; None for any other text."""
        start = self.arn(service, "")
        return name.removeprefix(start) if name.startswith(start) else None


Body = dict[str, Any]
"""The members of a request, by the names of the service's model."""


def of(need: Need, found: Found | None, prefix: str) -> Need:
    """The need with what is known of the resource that is there; `prefix` is of its own `ResourceTag` keys."""
    if found is None:
        return need
    tags = {f"{one}:{name}/{key}": (value,) for key, value in found.tags for one, name in _tag_prefixes(prefix)}
    return Need(
        need.action,
        need.resource,
        need.shown,
        {**found.keys, **tags, **need.keys},
        need.multivalued,
        need.bucket,
        need.unknown,
    )


def _tag_prefixes(prefix: str) -> tuple[tuple[str, str], ...]:
    # SSM's own key is written `ssm:resourceTag/…`; letter case has no meaning.
    return (("aws", "ResourceTag"), *(((prefix, "ResourceTag"),) if prefix else ()))


def tag_keys(tags: object) -> Keys:
    """`aws:RequestTag/…` and `aws:TagKeys` of a list of `{"Key": …, "Value": …}`."""
    found = [
        (tag["Key"], tag.get("Value", ""))
        for tag in (tags if isinstance(tags, list) else [])
        if isinstance(tag, dict) and isinstance(tag.get("Key"), str) and isinstance(tag.get("Value", ""), str)
    ]
    return request_tags(dict(found))


def request_tags(tags: Mapping[str, str]) -> Keys:
    """`aws:RequestTag/…` and `aws:TagKeys` of tags."""
    return {
        **{f"aws:RequestTag/{key}": (value,) for key, value in tags.items()},
        **({"aws:TagKeys": tuple(tags)} if tags else {}),
    }


def texts(value: object) -> tuple[str, ...] | None:
    """The texts of a list; None when it is anything else."""
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    return None


def text_keys(body: Mapping[str, Any], members: Mapping[str, str]) -> Keys:
    """Condition keys filled from members of the body; `members` are by key."""
    found: Keys = {}
    for key, member in members.items():
        value = body.get(member)
        if isinstance(value, bool):
            found[key] = ("true" if value else "false",)
        elif isinstance(value, str | int):
            found[key] = (str(value),)
    return found


TAG_KEYS = frozenset({"aws:TagKeys"})
"""The keys with several values among those."""
