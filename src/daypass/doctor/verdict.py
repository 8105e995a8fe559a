"""What STS would answer: the engine of the local STS, asked with what the probes found."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daypass.doctor.facts import Verdict
from daypass.errors import Invalid
from daypass.names import ProviderArn, RoleArn
from daypass.sts.decide import KeysUnavailable, Provider, Role, decide
from daypass.sts.refusal import Refusal
from daypass.sts.request import read_request
from daypass.sts.token import inspect_token
from daypass.trust.attempt import NO_ACCOUNT, likely_provider
from daypass.trust.document import Policy
from daypass.trust.edit import Edit, smallest_edit
from daypass.trust.explain import narrate
from daypass.trust.steps import Kind, explain
from daypass.trust.steps import Verdict as StepVerdict
from daypass.trust.token_claims import effective_audience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from daypass.doctor.facts import AccountFacts
    from daypass.secret import Secret
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.peek import UnverifiedToken
    from daypass.trust.steps import Explanation, Step

SESSION_NAME: Final = "daypass"
_ANY_ROLE: Final = "daypass-doctor"


@dataclass(frozen=True, slots=True)
class _Account:
    """The account as STS sees it; what nobody told is taken as right, and named in `assumed`."""

    role_arn: RoleArn
    provider: Provider | None
    role: Role | None
    assumed: tuple[str, ...]


def answer(
    token: Secret,
    keys: KeySet | KeysUnavailable | None,
    account: AccountFacts | None,
    *,
    role_arn: RoleArn | None,
    audience: str | None,
    duration_seconds: int | None = None,
    now: datetime,
) -> Verdict:
    """Decide, by the same steps and in the same order as the local STS.

    Args:
        token: as STS would get it.
        keys: the issuer's, or why there are none.
        account: as far as it is known.
        role_arn: that is asked for; None: one that trusts the token is imagined.
        audience: the client id that a provider nobody read is expected to have.
        duration_seconds: that the session is to last.
        now: in UTC.
    """
    unverified = inspect_token(token.reveal())
    seen = None if isinstance(unverified, Refusal) else unverified
    try:
        there = _account(account, seen, role_arn, audience)
    except Invalid as fault:
        return Verdict(None, detail=fault.message)
    lasting = {} if duration_seconds is None else {"DurationSeconds": str(duration_seconds)}
    request = read_request(
        {
            "RoleArn": str(there.role_arn),
            "RoleSessionName": SESSION_NAME,
            "WebIdentityToken": token.reveal(),
            **lasting,
        }
    )
    if isinstance(request, Refusal):
        return _refused(request, there.assumed)
    if isinstance(unverified, Refusal):
        return _refused(unverified, there.assumed)
    outcome = decide(request, unverified, provider=there.provider, keys=keys, role=there.role, now=now)
    if isinstance(outcome, Refusal):
        return _refused(outcome, there.assumed)
    return Verdict(True, detail=f"a session {outcome.session_arn}", assumed=there.assumed)


def without_token(keys: KeySet | KeysUnavailable | None) -> Verdict:
    """What can be said of any token of the issuer."""
    if isinstance(keys, KeysUnavailable):
        return Verdict(None, detail=f"no token of this issuer can be verified: {keys.reason}")
    return Verdict(None, detail="the issuer's keys can be had")


def _refused(refusal: Refusal, assumed: tuple[str, ...]) -> Verdict:
    told = Verdict(False)
    if refusal.policy is not None and refusal.attempt is not None:
        explanation = explain(refusal.policy, refusal.attempt)
        remedy = smallest_edit(explanation)
        told = Verdict(
            False,
            words=narrate(explanation, remedy),
            reasons=tuple(_reasons(explanation)),
            edit=_shown_edit(remedy) if isinstance(remedy, Edit) else None,
            hints=tuple(dict.fromkeys(hint.code for hint in explanation.hints)),
        )
    return replace(
        told,
        code=refusal.answer.code,
        message=refusal.message,
        http_status=refusal.answer.http_status,
        detail=refusal.detail,
        assumed=assumed,
    )


def _shown_edit(edit: Edit) -> str:
    """The changes alone, a line each; what it admits is told in `words`."""
    return "\n".join(line.strip() for line in edit.lines() if line.startswith("  "))


def _reasons(explanation: Explanation) -> Iterator[str]:
    """Why the statement does not apply that comes nearest to letting the token in; of a Deny, that it applies."""
    statements = [step for each in explanation.steps for step in each.walk() if step.kind is Kind.STATEMENT]
    denying = [step for step in statements if step.title.endswith("(Deny)") and step.verdict is StepVerdict.YES]
    if denying:
        yield f"{denying[0].title} applies"
        return
    allowing = [step for step in statements if step.title.endswith("(Allow)")]
    if not allowing:
        yield "no statement allows anything"
        return
    nearest = min(allowing, key=lambda step: len(_in_the_way(step)))
    for step in _in_the_way(nearest):
        wanted, found = (" or ".join(f"`{value}`" for value in values[:3]) for values in (step.wanted, step.found))
        why = "; ".join(hint.text for hint in step.hints) or step.detail
        difference = f"{step.title} wants {wanted or 'nothing'}, and there is {found or 'nothing'}"
        yield f"{difference}: {why}" if why else difference


def _in_the_way(statement: Step) -> list[Step]:
    return [part for part in statement.steps if part.verdict is StepVerdict.NO]


def _account(
    facts: AccountFacts | None, token: UnverifiedToken | None, asked: RoleArn | None, audience: str | None
) -> _Account:
    assumed: list[str] = []
    issuer = "" if token is None else (token.issuer or "")
    text = None if facts is None or facts.role is None else facts.role.trust_policy
    policy = None if text is None else Policy.parse(text)
    role_arn = asked
    if role_arn is None:
        meant = None if policy is None else likely_provider(policy, issuer)
        account, partition = (NO_ACCOUNT, "aws") if meant is None else (meant.account, meant.partition)
        role_arn = RoleArn(partition, account, "/", _ANY_ROLE)
    own = _own_provider(role_arn, issuer)
    provider = None
    client_ids: tuple[str, ...] | None = None
    if facts is None or facts.providers is None:
        assumed.append("provider")
        provider = own
    else:
        found = next((each for each in facts.providers if each.url == issuer), None)
        if found is not None:
            provider, client_ids = ProviderArn.parse(found.arn), found.client_ids
    if provider is not None and client_ids is None:
        assumed.append("client_ids")
        theirs = "" if token is None else effective_audience(token.claims)
        client_ids = (audience or theirs,)
    role = None
    if facts is None or not facts.role_absent:
        if policy is None:
            assumed.append("trust_policy")
            policy = _open_to(own)
        known = None if facts is None else facts.role
        role = Role(
            arn=role_arn,
            role_id=(known.role_id if known else None) or "AROADAYPASSDOCTOR0000",
            trust_policy=policy,
            max_session_seconds=(known.max_session_seconds if known else None) or 3600,
        )
    engine = None if provider is None else Provider(arn=provider, client_ids=client_ids or ())
    return _Account(role_arn, engine, role, tuple(assumed))


def _own_provider(role: RoleArn, issuer: str) -> ProviderArn:
    return ProviderArn(role.partition, role.account, issuer.removeprefix("https://") or "nobody")


def _open_to(provider: ProviderArn) -> Policy:
    """The policy of a role that trusts all of one provider; it exists in this decision alone."""
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": {"Federated": str(provider)}, "Action": actions}
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
