"""What is found in a file: a trust policy, where it is, and what the file says about its role and providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daypass.errors import DaypassError
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

Path = tuple[str | int, ...]
Position = Callable[[Path], tuple[int, int]]
"""Line and column, both from 1, of the value at a path inside a policy."""


@dataclass(frozen=True, slots=True)
class Where:
    """The file, and the name of the role in it: `Resources.Deploy`, `aws_iam_role.deploy`; empty for a bare policy."""

    file: str
    resource: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.resource}" if self.resource else self.file


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """An IAM OIDC provider as a file or an account has it.

    `url` is as written, scheme and all; `client_ids` is None where they are not known, and so is `arn`; `place` is the
    line and column of the URL in the file.
    """

    url: str
    arn: str | None = None
    client_ids: tuple[str, ...] | None = None
    thumbprints: tuple[str, ...] = ()
    place: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What is known of the role that a policy belongs to.

    `account` is twelve digits; `max_session_duration` is seconds; `permissions` are the statements of its inline
    policies; `managed` the ARNs of managed ones. None where it is not known.
    """

    name: str | None = None
    account: str | None = None
    max_session_duration: int | None = None
    managed: tuple[str, ...] | None = None
    permissions: tuple[JsonValue, ...] | None = None


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """A trust policy that was found. Either `policy` or `error` is there.

    `text` is JSON: the file itself for a bare policy, else written anew from the value, with values that are not
    known marked (`daypass.trust.unknown`). `position` maps a path inside the policy to its place in the file.
    `providers` are those that the same file has; None when it is not a file that would have them.
    """

    where: Where
    text: str
    policy: Policy | None
    error: DaypassError | None
    position: Position = field(repr=False, compare=False)
    role: RoleFacts = field(default_factory=RoleFacts)
    providers: tuple[ProviderFacts, ...] | None = None
    whole_file: bool = False
    """Whether the policy is the file, so that a fix can be written back."""


def found(
    where: Where,
    text: str,
    position: Position,
    *,
    role: RoleFacts | None = None,
    providers: tuple[ProviderFacts, ...] | None = None,
    whole_file: bool = False,
) -> FoundPolicy:
    """A found policy, parsed, or with the error that parsing gave."""
    policy: Policy | None = None
    error: DaypassError | None = None
    try:
        policy = Policy.parse(text)
    except DaypassError as fault:
        error = fault
    return FoundPolicy(where, text, policy, error, position, role or RoleFacts(), providers, whole_file)
