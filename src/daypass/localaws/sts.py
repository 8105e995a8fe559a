"""STS: the role session that a web identity token buys, and who is asking.

The decision is `daypass.sts`; here its facts are gathered (provider, role, the issuer's keys) and its answer is carried
out. Two points AWS leaves open are settled as they were observed on AWS in September 2026: `Provider` in the answer is
the provider's ARN, and a token may be used until it expires.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from daypass.errors import Unavailable
from daypass.localaws.iam.managed import managed_policy
from daypass.localaws.sessions import Session
from daypass.sts.decide import KeysUnavailable, Provider, Role, decide
from daypass.sts.refusal import Refusal
from daypass.sts.request import read_request
from daypass.sts.token import inspect_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from daypass.fetching import KeySetCache
    from daypass.localaws.iam.state import IamState
    from daypass.localaws.sessions import Administrator, Sessions
    from daypass.names import IssuerUrl, RoleArn
    from daypass.sts.decide import Granted
    from daypass.tokens.key_set import KeySet


class WebIdentity:
    """AssumeRoleWithWebIdentity."""

    def __init__(self, iam: IamState, keys: KeySetCache, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self._iam = iam
        self._keys = keys
        self._sessions = sessions
        self._clock = clock

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
        keys = None if found is None else await self._keys_of(found.issuer, kid)
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
            managed_policies={
                arn: managed.policy
                for arn in request.policy_arns
                if (managed := managed_policy(account, arn)) is not None
            },
        )
        return outcome if isinstance(outcome, Refusal) else self._session(outcome, request.role_arn)

    async def _keys_of(self, issuer: IssuerUrl, kid: object) -> KeySet | KeysUnavailable:
        try:
            return await self._keys.keys(issuer, kid if isinstance(kid, str) else None)
        except Unavailable as fault:
            return KeysUnavailable(fault.message)

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
            )
        )
        return {
            "Credentials": {
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret_access_key.reveal(),
                "SessionToken": credentials.session_token.reveal(),
                "Expiration": credentials.expires_at,
            },
            "SubjectFromWebIdentityToken": granted.subject,
            "AssumedRoleUser": {"AssumedRoleId": granted.assumed_role_id, "Arn": granted.session_arn},
            "PackedPolicySize": granted.packed_policy_size,
            "Provider": str(granted.provider),
            "Audience": granted.audience,
            "SourceIdentity": granted.source_identity,
        }


def get_caller_identity(who: Administrator | Session) -> dict[str, Any]:
    """GetCallerIdentity: needs no permission."""
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}
