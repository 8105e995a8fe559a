"""AssumeRoleWithWebIdentity: the role session that a web identity token buys.

The decision is `daypass.sts`; here its facts are gathered (provider, role, the issuer's keys) and its answer is carried
out. A token may be used until it expires, as was observed on AWS in September 2026.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from daypass.errors import Unavailable
from daypass.fetching import THUMBPRINT_PHASE
from daypass.localaws.iam.managed import managed_policy
from daypass.localaws.sessions import Session
from daypass.localaws.sts.credentials import shown
from daypass.sts.decide import KeysUnavailable, Provider, Role, decide
from daypass.sts.observed import AS_OBSERVED, ProviderShown
from daypass.sts.refusal import Refusal
from daypass.sts.request import read_request
from daypass.sts.token import inspect_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from daypass.fetching import KeySetCache
    from daypass.localaws.iam.state import IamState, OidcProvider
    from daypass.localaws.sessions import Sessions
    from daypass.names import RoleArn
    from daypass.sts.decide import Granted
    from daypass.sts.observed import Observed
    from daypass.tokens.key_set import KeySet


class WebIdentity:
    """AssumeRoleWithWebIdentity."""

    def __init__(
        self,
        iam: IamState,
        keys: KeySetCache,
        sessions: Sessions,
        clock: Callable[[], datetime],
        *,
        observed: Observed = AS_OBSERVED,
    ) -> None:
        self._iam = iam
        self._keys = keys
        self._sessions = sessions
        self._clock = clock
        self._observed = observed

    async def assume(
        self,
        parameters: Mapping[str, str],
        *,
        source_ip: str | None,
        secure_transport: bool,
        region: str,
        user_agent: str | None,
    ) -> dict[str, Any] | Refusal:
        """The operation's output, or why there is none."""
        request = read_request(parameters)
        if isinstance(request, Refusal):
            return request
        token = inspect_token(request.token.reveal())
        if isinstance(token, Refusal):
            return token
        account = self._iam.to_read(request.role_arn.account)
        found = next((one for one in account.providers.values() if one.issuer.text == token.issuer), None)
        kid = token.header.get("kid")
        keys = None if found is None else await self._keys_of(found, kid)
        kept = account.roles.get(request.role_arn.name.lower())
        outcome = decide(
            request,
            token,
            provider=None if found is None else Provider(arn=found.arn, client_ids=found.client_ids),
            keys=keys,
            role=None
            if kept is None or kept.arn != request.role_arn
            else Role(
                arn=kept.arn,
                role_id=kept.role_id,
                trust_policy=kept.trust_policy,
                max_session_seconds=kept.max_session_seconds,
            ),
            now=self._clock(),
            source_ip=source_ip,
            secure_transport=secure_transport,
            region=region,
            user_agent=user_agent,
            managed_policies=[arn for arn in request.policy_arns if managed_policy(account, arn) is not None],
            observed=self._observed,
        )
        return outcome if isinstance(outcome, Refusal) else self._session(outcome, request.role_arn)

    async def _keys_of(self, provider: OidcProvider, kid: object) -> KeySet | KeysUnavailable:
        try:
            return await self._keys.keys(provider.issuer, kid if isinstance(kid, str) else None, provider.thumbprints)
        except Unavailable as fault:
            return KeysUnavailable(fault.message, thumbprint=fault.facts.get("phase") == THUMBPRINT_PHASE)

    def _session(self, granted: Granted, role: RoleArn) -> dict[str, Any]:
        issued_at = self._clock().replace(microsecond=0)
        credentials = self._sessions.issue(
            Session(
                account=role.account,
                arn=granted.session_arn,
                user_id=granted.assumed_role_id,
                expires_at=issued_at + timedelta(seconds=granted.duration_seconds),
                issued_at=issued_at,
                role=str(role),
                provider=str(granted.provider),
                federated=tuple(granted.session_keys.items()),
                source_identity=granted.source_identity,
                tags=tuple(granted.tags.principal_tags.items()),
                policy=granted.policy,
                policy_arns=granted.policy_arns,
                transitive_tag_keys=granted.tags.transitive_keys,
            )
        )
        return {
            "Credentials": shown(credentials),
            "SubjectFromWebIdentityToken": granted.subject,
            "AssumedRoleUser": {"AssumedRoleId": granted.assumed_role_id, "Arn": granted.session_arn},
            "PackedPolicySize": granted.packed_policy_size,
            "Provider": granted.provider.issuer_url
            if self._observed.provider is ProviderShown.ISSUER
            else str(granted.provider),
            "Audience": granted.audience,
            "SourceIdentity": granted.source_identity,
        }
