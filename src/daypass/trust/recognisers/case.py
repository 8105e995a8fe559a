"""What recognisers look at, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from daypass.errors import ArnInvalid
from daypass.names import ProviderArn
from daypass.trust.statement import PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.attempt import Attempt
    from daypass.trust.decision import ConditionResult, Decision
    from daypass.trust.document import Policy


@dataclass(frozen=True, slots=True)
class Hint:
    """The mistake behind a part that does not match: a stable code, and a sentence without full stop."""

    code: str
    text: str

    def to_json(self) -> dict[str, str]:
        """As plain values."""
        return {"code": self.code, "text": self.text}


@dataclass(frozen=True, slots=True)
class Case:
    """A decision with what else is known; `policy` and `claims` are None when only the decision is at hand.

    `issuer` is that of the provider, without `https://`; None when the principal is no OIDC provider.
    """

    decision: Decision
    provider: ProviderArn | None
    policy: Policy | None = None
    claims: Mapping[str, JsonValue] | None = None
    client_ids: tuple[str, ...] | None = None

    @classmethod
    def of(cls, decision: Decision, policy: Policy | None = None, attempt: Attempt | None = None) -> Self:
        """The case of a decision."""
        principal = decision.request.principal
        provider = None
        if principal.kind is PrincipalKind.FEDERATED:
            try:
                provider = ProviderArn.parse(principal.value)
            except ArnInvalid:
                provider = None
        if attempt is None:
            return cls(decision, provider, policy)
        return cls(decision, provider, policy, attempt.claims, attempt.client_ids)

    @property
    def issuer(self) -> str | None:
        """The provider's issuer without `https://`."""
        return None if self.provider is None else self.provider.issuer

    def claim_of(self, condition: ConditionResult) -> str | None:
        """The last part of a key that is this issuer's own: `sub`; None for any other key."""
        if self.provider is None:
            return None
        prefix, _, name = condition.key.rpartition(":")
        issuer = self.provider.issuer
        return name.lower() if prefix == issuer or prefix.lower() == issuer.lower() else None
