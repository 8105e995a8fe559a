"""A connection: one upstream issuer, and on what terms its tokens are taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from daypass.errors import ClaimUnavailable
from daypass.idp.exchange.rules import find

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.idp.exchange.rules import ClaimRule
    from daypass.names import IssuerUrl
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.strict_json import JsonValue

DEFAULT_ALGORITHMS: Final = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class Discovered:
    """Keys from the discovery document of this URL, which is not always `iss`: GitLab's first tokens had a bare host.

    `authorities` is PEM text of the certificate authorities to trust for it, None for the public ones. `private` lets
    its host have a private address.
    """

    url: IssuerUrl
    authorities: str | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class KeySetUrl:
    """Keys from this https URL, for issuers whose discovery document cannot be reached. The rest as in `Discovered`."""

    url: str
    authorities: str | None = None
    private: bool = False


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
class Connection:
    """The terms.

    Attributes:
        id: `con_…`, never given twice.
        organization_id: whose it is.
        project_id: the project that what comes in belongs to.
        name: unique in the organization; a slug.
        preset: the token format that upstream tokens are known by, such as `gitlab`; None for no known one.
        issuer: `iss`, byte for byte.
        keys: where the issuer's keys are.
        algorithms: the allow-list; none but asymmetric ones.
        audience: what `aud` must be, alone. None takes tokens that have no `aud` at all, and no others: such a token
            was made for nobody, and everybody who sees it may bring it here.
        rules: all of which must hold.
        identity: paths of the claims that say what a workload is, run after run: at least one.
        attributes: workload attribute to the path of the claim it is taken from. No other claim is carried over.
        contexts: untrusted contexts that are let in all the same, by name (`fork`, `pull_request_target`, …).
        audiences: those a caller may ask for: some of the organization's.
        lifetime_seconds: the longest a token from here lives; never longer than the one that came in.
        mode: see `Mode`.
        created_at: when it was made.
        disabled_at: since when it takes nothing, None while it does.
    """

    id: str
    organization_id: str
    project_id: str
    name: str
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
    created_at: datetime
    disabled_at: datetime | None = None

    def workload_id(self, claims: Mapping[str, JsonValue]) -> str:
        """The same for the same workload, and never for two: the connection's id and the values of `identity`.

        Values are percent-encoded, also `.`, which is what separates them here. The connection's id is in it, so two
        issuers' `project_id` 7 are two workloads (CVE-2025-11621: names matched without their account).

        Raises:
            ClaimUnavailable: when a claim is absent, or no text, whole number or boolean.
        """
        return ".".join((self.id, *(_encoded(_text(claims, path)) for path in self.identity)))

    def attribute_values(self, claims: Mapping[str, JsonValue]) -> dict[str, str]:
        """The workload's attributes: what `attributes` names and the token has, as text."""
        found = {name: find(claims, path) for name, path in self.attributes}
        return {name: written for name, value in found.items() if (written := _written(value)) is not None}


def _text(claims: Mapping[str, JsonValue], path: tuple[str, ...]) -> str:
    value = _written(find(claims, path))
    if not value:
        name = " > ".join(path)
        raise ClaimUnavailable(
            f"the upstream token has no `{name}`, which says what the workload is",
            advice="Name another claim as the connection's identity.",
            claim=name,
        )
    return value


def _written(value: object) -> str | None:
    """A value as an attribute holds it: text as it is, booleans and whole numbers as JSON writes them."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return None


def _encoded(value: str) -> str:
    return quote(value, safe="").replace(".", "%2E").replace("~", "%7E")
