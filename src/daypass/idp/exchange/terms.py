"""The terms of a connection: what its owner chooses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from daypass.idp.exchange.rules import ClaimRule
    from daypass.names import IssuerUrl
    from daypass.tokens.key_set import KeySet

DEFAULT_ALGORITHMS: Final = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class Discovered:
    """Keys from the discovery document of this URL, which is not always `iss`: GitLab's first tokens had a bare host.

    `authorities` is PEM text of the certificate authorities to trust for it, None for the public ones. `private` lets
    its host have a private address, if the operator has allowed that host.
    """

    url: IssuerUrl
    authorities: str | None = None
    private: bool = False

    @property
    def host(self) -> str:
        """Whom it asks, in lower case, without the port; an IPv6 address in brackets."""
        return self.url.host.lower()


@dataclass(frozen=True, slots=True)
class KeySetUrl:
    """Keys from this https URL, for issuers whose discovery document cannot be reached. The rest as in `Discovered`."""

    url: str
    authorities: str | None = None
    private: bool = False

    @property
    def host(self) -> str:
        """As in `Discovered`."""
        name = urlsplit(self.url).hostname or ""
        return f"[{name}]" if ":" in name else name


@dataclass(frozen=True, slots=True)
class Pasted:
    """Keys that were handed over: nothing is fetched, ever."""

    keys: KeySet
    document: str


KeySource = Discovered | KeySetUrl | Pasted


class Mode(StrEnum):
    """Whether a connection gives out tokens, or only writes into the audit log what it would do."""

    ENFORCE = "enforce"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms tokens are taken.

    Attributes:
        preset: the token format that upstream tokens are known by, such as `gitlab`; None for no known one.
        issuer: `iss`, byte for byte.
        keys: where the issuer's keys are.
        algorithms: the allow-list; none but asymmetric ones.
        audience: what `aud` must be, alone. None takes tokens that have no `aud` at all, and no others: such a token
            was made for nobody, and everybody who sees it may bring it here.
        rules: all of which must hold; at least one.
        identity: paths of the claims that say what a workload is, run after run; at least one.
        attributes: workload attribute, and the path of the claim it is taken from. No other claim is carried over.
        contexts: untrusted contexts that are let in all the same, by name (`pull_request_target`, …).
        audiences: those a caller may ask for: some of the organization's.
        lifetime_seconds: the longest a token from here lives; never longer than the one that came in.
        mode: see `Mode`.
    """

    preset: str | None
    issuer: str
    keys: KeySource
    algorithms: tuple[str, ...]
    audience: str | None
    rules: tuple[ClaimRule, ...]
    identity: tuple[tuple[str, ...], ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    contexts: frozenset[str]
    audiences: tuple[str, ...]
    lifetime_seconds: int
    mode: Mode
