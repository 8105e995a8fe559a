"""What a plan is made of: changes, each with the calls that make it, and what stands in the way. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.trust.diff import Difference


class Kind(StrEnum):
    """What a change does."""

    CREATE_PROVIDER = "create_provider"
    ADOPT_PROVIDER = "adopt_provider"
    ADD_CLIENT_ID = "add_client_id"
    REMOVE_CLIENT_ID = "remove_client_id"
    SET_THUMBPRINTS = "set_thumbprints"
    CREATE_ROLE = "create_role"
    ADOPT_ROLE = "adopt_role"
    TIGHTEN_TRUST = "tighten_trust_policy"
    WIDEN_TRUST = "widen_trust_policy"
    REPLACE_TRUST = "replace_trust_policy"
    SET_SESSION = "set_session_length"
    SET_DESCRIPTION = "set_description"
    SET_BOUNDARY = "set_boundary"
    REMOVE_BOUNDARY = "remove_boundary"
    ATTACH_POLICY = "attach_policy"
    DETACH_POLICY = "detach_policy"
    PUT_POLICY = "put_inline_policy"
    DELETE_POLICY = "delete_inline_policy"
    DELETE_ROLE = "delete_role"
    DELETE_PROVIDER = "delete_provider"
    TAG = "tag"
    UNTAG = "untag"


CREATING = frozenset({Kind.CREATE_PROVIDER, Kind.CREATE_ROLE})
ADDING = frozenset({*CREATING, Kind.ADD_CLIENT_ID, Kind.ATTACH_POLICY, Kind.ADOPT_PROVIDER, Kind.ADOPT_ROLE})
REMOVING = frozenset(
    {
        *(Kind.REMOVE_CLIENT_ID, Kind.REMOVE_BOUNDARY, Kind.DETACH_POLICY, Kind.DELETE_POLICY, Kind.UNTAG),
        *(Kind.DELETE_ROLE, Kind.DELETE_PROVIDER),
    }
)


_FATES = {
    **dict.fromkeys(CREATING, "to create"),
    **dict.fromkeys((Kind.DELETE_ROLE, Kind.DELETE_PROVIDER), "to remove"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of IAM, with its parameters as botocore takes them."""

    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        kind: what it does.
        resource: the ARN of what it changes.
        words: for people, without the resource.
        calls: that make it, in order.
        wider: why it would let more in, or allow more; None when it is proved not to.
        difference: of trust policies, where both can be compared.
        before: JSON text that is replaced.
        after: JSON text that replaces it, or is new.
    """

    kind: Kind
    resource: str
    words: str
    calls: tuple[Call, ...]
    wider: str | None = None
    difference: Difference | None = None
    before: str | None = None
    after: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values; the calls with their parameters, so that a reader can see all that will be done."""
        return {
            "kind": self.kind.value,
            "resource": self.resource,
            "words": self.words,
            "wider": self.wider,
            "difference": None if self.difference is None else self.difference.to_json(),
            "calls": [{"operation": call.operation, "parameters": dict(call.parameters)} for call in self.calls],
        }


@dataclass(frozen=True, slots=True)
class Blocked:
    """What a plan cannot do: `resource` is as it is, for this reason, and this may be done about it."""

    resource: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes for one account, in the order in which they are made.

    Attributes:
        account: twelve digits.
        partition: such as `aws`.
        stack: whose it is.
        changes: in order.
        blocked: what stands in the way; with any, nothing is done.
        unchanged: ARNs of what is as it should be.
        notes: what is to be known of each role, by name, in sentences.
    """

    account: str
    partition: str
    stack: str
    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    unchanged: tuple[str, ...] = ()
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do and nothing in the way."""
        return not self.changes and not self.blocked

    @property
    def wider(self) -> tuple[Change, ...]:
        """The changes that are made only when asked for."""
        return tuple(change for change in self.changes if change.wider is not None)

    def summary(self) -> str:
        """In a line: how many providers and roles."""
        if self.empty:
            return "nothing to do"
        fates = {change.resource: "to change" for change in self.changes}
        fates |= {change.resource: _FATES[change.kind] for change in self.changes if change.kind in _FATES}
        counted = Counter(fates.values())
        parts = [f"{counted[word]} {word}" for word in ("to create", "to change", "to remove") if counted[word]]
        if self.wider:
            parts.append(f"{len({change.resource for change in self.wider})} of them wider")
        if self.blocked:
            parts.append(f"{len(self.blocked)} in the way")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "account": self.account,
            "partition": self.partition,
            "stack": self.stack,
            "summary": self.summary(),
            "empty": self.empty,
            "changes": [change.to_json() for change in self.changes],
            "blocked": [
                {"resource": each.resource, "reason": each.reason, "advice": each.advice} for each in self.blocked
            ],
            "unchanged": list(self.unchanged),
            "notes": {role: list(notes) for role, notes in self.notes.items()},
        }
