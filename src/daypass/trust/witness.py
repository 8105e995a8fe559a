"""A concrete token that a policy lets in: claims that the engine itself admits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.names import ProviderArn
    from daypass.subjects.grammars import Grammar
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.context import Context
    from daypass.trust.document import Policy


@dataclass(frozen=True, slots=True)
class Witness:
    """A token that a policy lets in.

    Attributes:
        claims: of the token: `iss`, `sub`, `aud` and what else the policy asks for.
        subject: its `sub`.
        audience: its `aud`.
        provider: the IAM OIDC provider it is for.
        context: the condition keys that `evaluate` admitted.
        realistic: whether the issuer is known, and its grammar has such a subject.
        statement: the Allow statement that lets it in, from 0.
    """

    claims: Mapping[str, JsonValue]
    subject: str
    audience: str
    provider: ProviderArn
    context: Context
    realistic: bool
    statement: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither a witness nor a proof that there is none; `reason` says why."""

    reason: str


def witness(
    policy: Policy,
    *,
    provider: ProviderArn | None = None,
    grammar: Grammar | None = None,
    not_matching: Sequence[str] = (),
) -> Witness | None:
    """A token that the policy admits and whose `sub` fits none of the patterns; None when none was found.

    Args:
        policy: as parsed.
        provider: the one to look at; by default each that the policy names.
        grammar: of its issuer; by default the known one, if any.
        not_matching: `StringLike` patterns of the subjects that are meant to enter.
    """
    found = search(policy, provider=provider, grammar=grammar, not_matching=not_matching)
    return found if isinstance(found, Witness) else None


def search(
    policy: Policy,
    *,
    provider: ProviderArn | None = None,
    grammar: Grammar | None = None,
    not_matching: Sequence[str] = (),
) -> Witness | Undecided | None:
    """As `witness`; None is a proof that there is no such token."""
    raise NotImplementedError
