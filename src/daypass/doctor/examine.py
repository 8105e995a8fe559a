"""One examination: every probe, as parallel as it goes, within a bounded time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daypass.fetching import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from daypass.doctor.facts import AccountFacts, Facts
    from daypass.names import RoleArn
    from daypass.secret import Secret


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be examined; everything may be left out but one of issuer, token and role.

    Attributes:
        issuer: its URL, as typed; None: the token's `iss`, else the one provider that the trust policy names.
        token: the token itself; it is sent nowhere.
        token_source: where it is from, for people.
        token_fault: why there is none though one was wanted.
        role_arn: which is to be assumed; IAM is asked about it where `ask_aws`.
        policy: the text of its trust policy; then IAM is not asked for it.
        audience: the client id that the provider is expected to have.
        ask_aws: whether IAM may be asked, with the credentials that AWS's own tools would find.
        ca_files: PEM files of authorities that count as trusted.
        connect_to: as curl's: another address for a host and port. A target is not judged as an address.
        allow_private: hosts that may lead to a private address, because a local AWS will ask them.
        repeat: how often each document is asked for.
        limits: of time (all that AWS fetches, and each answer) and size.
    """

    issuer: str | None = None
    token: Secret | None = None
    token_source: str = "file"  # noqa: S105 (a word, not a secret)
    token_fault: str | None = None
    role_arn: RoleArn | None = None
    policy: str | None = None
    audience: str | None = None
    ask_aws: bool = True
    ca_files: tuple[Path, ...] = ()
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    allow_private: frozenset[str] = frozenset()
    repeat: int = 3
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Progress:
    """A probe began (`done` False) or ended; `detail` is a word about what came out."""

    probe: str
    done: bool
    detail: str = ""


async def examine(
    question: Question,
    clock: Callable[[], datetime],
    *,
    progress: Callable[[Progress], object] = lambda _: None,
    account: AccountFacts | None = None,
) -> Facts:
    """Ask, and gather what is seen. Never raises for what the outside world does.

    Args:
        question: what about.
        clock: now, in UTC.
        progress: is told of each probe's begin and end, from the loop's thread.
        account: what is known of the account already; then IAM is not asked.
    """
    raise NotImplementedError
