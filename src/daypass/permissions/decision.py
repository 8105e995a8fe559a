"""A decision about a signed request that carries all its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.trust.statement import Effect

if TYPE_CHECKING:
    from daypass.trust.context import Context
    from daypass.trust.decision import ConditionResult


@dataclass(frozen=True, slots=True)
class Request:
    """What a session wants to do.

    Attributes:
        action: `s3:GetObject` or the like.
        resource: the ARN; `*` where AWS knows no resource for the action; None when it is not known here.
        context: condition keys of session and request.
    """

    action: str
    resource: str | None
    context: Context


class Layer(StrEnum):
    """The kinds of policy that each have to allow a request. The value is AWS's name for it."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"

    @property
    def with_article(self) -> str:
        """As in "an explicit deny in a …"."""
        return f"an {self}" if self is Layer.IDENTITY else f"a {self}"


@dataclass(frozen=True, slots=True)
class StatementResult:
    """How one statement came out: it applies when action, resource and every condition match."""

    index: int
    sid: str | None
    effect: Effect
    action: bool
    resource: bool
    resources: tuple[str, ...]
    conditions: tuple[ConditionResult, ...]

    @property
    def applies(self) -> bool:
        """Whether the statement has its effect on the request."""
        return self.action and self.resource and all(condition.matched for condition in self.conditions)

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "index": self.index,
            "sid": self.sid,
            "effect": self.effect.value,
            "applies": self.applies,
            "action": self.action,
            "resource": self.resource,
            "resources": list(self.resources),
            "conditions": [condition.to_json() for condition in self.conditions],
        }


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """How one policy came out. `name` is how it is attached: `inline policy read`, or an ARN."""

    layer: Layer
    name: str
    statements: tuple[StatementResult, ...]

    @property
    def denied_by(self) -> tuple[StatementResult, ...]:
        """The Deny statements that apply."""
        return tuple(result for result in self.statements if result.effect is Effect.DENY and result.applies)

    @property
    def allowed_by(self) -> tuple[StatementResult, ...]:
        """The Allow statements that apply."""
        return tuple(result for result in self.statements if result.effect is Effect.ALLOW and result.applies)

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "layer": self.layer.value,
            "policy": self.name,
            "statements": [result.to_json() for result in self.statements],
        }


@dataclass(frozen=True, slots=True)
class Authorization:
    """The answer of all policies to a request. `layers` are those that have to allow it, in AWS's order."""

    request: Request
    layers: tuple[Layer, ...]
    policies: tuple[PolicyResult, ...]

    @property
    def denied_by(self) -> tuple[PolicyResult, ...]:
        """The policies with a Deny that applies."""
        return tuple(policy for policy in self.policies if policy.denied_by)

    @property
    def allowed_by(self) -> tuple[PolicyResult, ...]:
        """The policies with an Allow that applies."""
        return tuple(policy for policy in self.policies if policy.allowed_by)

    @property
    def silent(self) -> tuple[Layer, ...]:
        """The layers in which nothing allows the request."""
        allowing = {policy.layer for policy in self.allowed_by}
        return tuple(layer for layer in self.layers if layer not in allowing)

    @property
    def allowed(self) -> bool:
        """Nothing denies, and every layer allows (IAM User Guide, "Policy evaluation logic")."""
        return not self.denied_by and not self.silent

    def to_json(self) -> dict[str, object]:
        """As plain values, for a log or a program."""
        return {
            "allowed": self.allowed,
            "action": self.request.action,
            "resource": self.request.resource,
            "denied_by": [policy.name for policy in self.denied_by],
            "allowed_by": [policy.name for policy in self.allowed_by],
            "silent": [layer.value for layer in self.silent],
            "policies": [policy.to_json() for policy in self.policies],
        }
