"""A role's trust policy to ask in tests, and the verdict with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self, final

from daypass.errors import FileUnavailable
from daypass.names import ProviderArn, RoleArn
from daypass.trust.attempt import Attempt, likely_provider
from daypass.trust.edit import smallest_edit
from daypass.trust.explain import narrate
from daypass.trust.sources.choose import choose
from daypass.trust.sources.find import find_policies
from daypass.trust.steps import Verdict as StepVerdict
from daypass.trust.steps import explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.document import Policy
    from daypass.trust.edit import Edit, Refusal
    from daypass.trust.steps import Explanation


@final
@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """The answer to one token: true when it is allowed. `str()` is the whole explanation, `repr()` its first reason."""

    explanation: Explanation

    @property
    def allowed(self) -> bool:
        """Whether the role may be assumed."""
        return self.explanation.allowed

    @property
    def edit(self) -> Edit | Refusal | None:
        """The smallest safe edit that would allow the token, or why there is none; None when it is allowed."""
        return smallest_edit(self.explanation)

    def to_json(self) -> dict[str, object]:
        """As plain values, like `daypass trust explain --json`."""
        remedy = self.edit
        return self.explanation.to_json() | {"edit": None if remedy is None else remedy.to_json()}

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        return narrate(self.explanation, self.edit)

    def __repr__(self) -> str:
        headline = narrate(self.explanation).partition("\n")[0]
        failed = [step for step in self.explanation.steps if step.verdict is StepVerdict.NO]
        hints = [hint.text for step in failed for each in step.walk() for hint in each.hints]
        return f"<{headline}{'; ' + hints[0] if hints else ''}>"


@final
@dataclass(frozen=True, slots=True, repr=False)
class RoleTrust:
    """The trust policy of a role, with what is known about role and provider.

    Attributes:
        policy: as parsed.
        provider: the IAM OIDC provider; None to take the one that policy and token name.
        client_ids: registered with it; None leaves audiences to the policy alone.
        role: the role's ARN; None when it does not matter.
    """

    policy: Policy
    provider: ProviderArn | None = None
    client_ids: tuple[str, ...] | None = None
    role: RoleArn | None = None

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        role: str | None = None,
        provider_arn: str | None = None,
        client_ids: Sequence[str] | None = None,
        role_arn: str | None = None,
    ) -> Self:
        """Read a trust policy.

        Args:
            source: a file, or the policy's own text. A file may be a policy, a CloudFormation template, a Terraform
                plan as JSON, a `.tf.json` file, or the answer of `aws iam get-role`.
            role: which role, when the file has several.
            provider_arn: the IAM OIDC provider.
            client_ids: registered with the provider.
            role_arn: the role.

        Raises:
            PolicyMalformed, PolicyUnsupported: it cannot be read; the message has line and column.
            RequestInvalid: the file has no policy, or several and `role` names none of them.
            ArnInvalid: an ARN is none.
            FileUnavailable: the file cannot be read.
        """
        return cls(
            policy=_policy(source, role),
            provider=None if provider_arn is None else ProviderArn.parse(provider_arn),
            client_ids=None if client_ids is None else tuple(client_ids),
            role=None if role_arn is None else RoleArn.parse(role_arn),
        )

    def __repr__(self) -> str:
        count = len(self.policy.statements)
        whose = f" of {self.role}" if self.role else ""
        return f"<trust policy{whose} with {count} statement{'s' if count > 1 else ''}>"

    def allows(
        self,
        token: Mapping[str, JsonValue],
        *,
        action: str | None = None,
        session_name: str = "test",
        source_ip: str | None = None,
        now: datetime | None = None,
    ) -> Verdict:
        """Whether a token may assume the role.

        Args:
            token: from one of the builders, or any claims with `iss`, `sub` and `aud`.
            action: only this action; every one that the token needs otherwise (`sts:TagSession` with session tags).
            session_name: as it would be requested.
            source_ip: the caller's address, where the policy asks for it.
            now: the time of the request, where the policy asks for it; this moment otherwise.
        """
        issuer = token.get("iss")
        provider = self.provider or likely_provider(
            self.policy, issuer if isinstance(issuer, str) else None, role=self.role
        )
        attempt = Attempt.imagine(
            token,
            provider=provider,
            now=now or datetime.now(UTC),
            client_ids=self.client_ids,
            role=self.role,
            action=action,
            session_name=session_name,
            source_ip=source_ip,
        )
        return Verdict(explain(self.policy, attempt))


def _policy(source: str | Path, role: str | None) -> Policy:
    if isinstance(source, str) and source.lstrip().startswith("{"):
        name, data = "policy", source.encode()
    else:
        name = str(source)
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise FileUnavailable(f"cannot read `{name}`: {(error.strerror or type(error).__name__).lower()}") from None
    return choose(name, find_policies(name, data), role=role)
