"""What a CDK stack says in either language: its constructs as a tree, written by a language's own words. Pure.

The native provider construct is a resource of CloudFormation itself; `OpenIdConnectProvider` would bring a Lambda
function. Source: aws-cdk-lib's aws_iam module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.blueprint import ProviderReference
from daypass.aws.exporting.labels import stack_name
from daypass.errors import ExportImpossible
from daypass.trust.token_claims import LOGIN

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, ExportedRole

LIBRARY: Final = "2.275.0"
"""The oldest aws-cdk-lib that the files ask for."""
CONSTRUCTS: Final = "10.5.0"


_VERSION: Final = "2012-10-17"
"""The one that the CDK writes."""


@dataclass(frozen=True, slots=True)
class TrustStatement:
    """A statement of a trust policy as the CDK takes it: the actions, and the conditions of its principal."""

    actions: tuple[str, ...]
    conditions: dict[str, Any]

    @property
    def logs_in_only(self) -> bool:
        """Whether a `WebIdentityPrincipal` says all of it."""
        return self.actions == (LOGIN,)


def statements(role: ExportedRole) -> list[TrustStatement]:
    """The statements of a role's trust policy.

    Raises:
        ExportImpossible: for a policy that is not of those which Daypass writes: they allow, and trust one provider.
    """
    found = role.trust.get("Statement")
    read = [_statement(each, role.issuer) for each in found] if isinstance(found, list) else [None]
    if set(role.trust) != {"Version", "Statement"} or role.trust["Version"] != _VERSION or None in read:
        raise ExportImpossible(
            f"the trust policy of `{role.name}` holds what a WebIdentityPrincipal cannot say",
            advice="Choose another format, such as cloudformation.",
            text=role.name,
        )
    return [each for each in read if each is not None]


def _statement(value: Any, issuer: str) -> TrustStatement | None:
    if not isinstance(value, dict) or set(value) - {"Effect", "Principal", "Action", "Condition"}:
        return None
    actions = value.get("Action")
    if (
        value.get("Effect") != "Allow"
        or value.get("Principal") != {"Federated": ProviderReference(issuer)}
        or not actions
    ):
        return None
    return TrustStatement((actions,) if isinstance(actions, str) else tuple(actions), value.get("Condition", {}))


def stack_id(of: Blueprint) -> str:
    """The id of the stack, and its name in the account: two files make two stacks."""
    return f"DaypassStack-{stack_name(of)}"


def context_key(label: str) -> str:
    """The key of the context that brings a provider's ARN."""
    return f"{label[0].lower()}{label[1:]}Arn"
