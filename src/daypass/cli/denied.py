"""A login that AWS refused, told to a person: AWS's sentence, the claims that matter, and why or what to look at.

The reason comes from whoever knows it: the endpoint itself (the local AWS), a policy file, or IAM; then the trust
engine tells it with the smallest edit. Where nobody knows, what to look at is told in the order of likelihood.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from daypass.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.aws.credentials import Credentials
    from daypass.aws.login import Assumed
    from daypass.aws.role_reading import RoleRead
    from daypass.errors import AwsRefused
    from daypass.names import RoleArn
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.document import Policy

# AWS's answers that a trust policy or the provider's audiences can explain.
_EXPLAINED: Final = frozenset({"AccessDenied", "InvalidIdentityToken"})
_WITH_POLICY: Final = "add --policy FILE with the role's trust policy"
# Set while a role is read. The credentials to read it with may come from a `credential_process` of ours, which may be
# refused itself: without this each refusal would start the next process, and none would end.
_READING: Final = "DAYPASS_READING_ROLE"


class _Told(NamedTuple):
    """An explanation in words and as plain values."""

    words: str
    explanation: Mapping[str, object] | None = None
    edit: Mapping[str, object] | None = None


def refused(problem: AwsRefused, *, role: RoleArn, policy: str | None, as_json: bool, is_login: bool = True) -> int:
    """Print a refusal, and why.

    Args:
        problem: as `assume` raises it; `token_from` in its facts is where the token was found, if that is known.
        role: which was asked for.
        policy: the file with its trust policy, or None.
        as_json: whether standard output gets it as JSON, too.
        is_login: whether the command that was typed is `login aws`, which has --policy and --wait.

    Returns:
        The exit status: refused.

    Raises:
        DaypassError: when the policy file has no trust policy that can be read.
    """
    from daypass.aws.causes import causes
    from daypass.aws.fate import is_too_long
    from daypass.aws.next_step import next_step

    shown, claims = problem.facts["claims"], problem.facts["token_claims"]
    assert isinstance(shown, dict)
    assert isinstance(claims, Mapping)
    code, words = problem.facts["aws_code"], problem.facts["words"]
    aws_message = problem.message.partition("): ")[2]
    session_name = str(problem.facts.get("session_name") or "daypass")
    told = _Told(words) if isinstance(words, str) else None
    looked: list[str] = []
    read: RoleRead | None = None
    if told is None and policy is not None and code in _EXPLAINED:
        told = _explained(_file(policy), claims, role, session_name, None)
    elif told is None and (code in _EXPLAINED or is_too_long(problem)):
        read = _read(role, claims)
        looked = _notes(read, role)
        if read.policy is not None and code in _EXPLAINED:
            told = _explained(_parsed(read.policy), claims, role, session_name, read.client_ids)
        if read.max_duration_seconds is not None and is_too_long(problem):
            problem.advice = f"The role's maximum is {read.max_duration_seconds} seconds. {problem.advice or ''}"
    likely = causes(claims, aws_code=code, aws_message=aws_message, role=role, waits=is_login) if told is None else ()
    if told is not None:
        known = next_step(
            claims, aws_code=code, aws_message=aws_message, explanation=told.words, role=role, waits=is_login
        )
        # Advice that fits every refusal of a kind is less than what a whole explanation says.
        step = known or (None if "\n" in told.words else problem.advice)
    elif likely:
        step = "To be told which it was, "
        step += _WITH_POLICY if is_login else f"run daypass idp login aws --role-arn {role} --policy FILE"
        if read is not None and read.unread is not None:
            step += f", or {'' if is_login else 'have '}AWS credentials with iam:GetRole ({read.unread})"
    else:
        step = problem.advice
    known_besides = (problem.facts.get("clock"), problem.facts.get("again"))
    looked += [text for text in known_besides if isinstance(text, str) and text not in (step or "")]
    problem.advice = None
    if as_json:
        output.as_json(
            {
                "error": problem.code,
                "aws_code": code,
                "message": problem.message,
                "role_arn": str(role),
                "claims": shown,
                "words": None if told is None else told.words,
                "explanation": None if told is None else told.explanation,
                "edit": None if told is None else told.edit,
                "causes": list(likely),
                "next": step,
            }
        )
    output.error(problem)
    output.note("")
    _claims({"role": str(role), **_where_from(problem), **shown})
    output.note("")
    for text in looked:
        output.note(text)
    if told is not None:
        _why(told.words)
    elif likely:
        output.note("AWS does not say which of these it was. Look at them in this order:")
        for number, text in enumerate(likely, start=1):
            output.note(f"  {number}. {text}")
    if step:
        _next(step, apart=bool(likely) or (told is not None and "\n" in told.words))
    return 1


def allowed(assumed: Assumed, *, role: RoleArn, policy: str | None) -> None:
    """Print what the token says, and why it is let in, as far as the role can be read.

    Raises:
        DaypassError: when the policy file has no trust policy that can be read.
    """
    from daypass.aws.login import shown_claims

    claims = assumed.claims
    _claims({"role": str(role), **shown_claims(claims)})
    if policy is not None:
        told = _explained(_file(policy), claims, role, assumed.session_name, None)
    else:
        read = _read(role, claims, assumed.session.credentials)
        if read.policy is None:
            output.note(f"AWS let this token in; the role cannot be read to say why ({read.unread}).")
            output.note(f"To be told why, {_WITH_POLICY}.")
            return
        told = _explained(_parsed(read.policy), claims, role, assumed.session_name, read.client_ids)
    if told is not None:
        _lines(told.words)


def _where_from(problem: AwsRefused) -> dict[str, object]:
    place = problem.facts.get("token_from")
    return {"from": place} if place else {}


def _claims(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        output.note(f"  {name.ljust(4)}  {value if isinstance(value, str) else output.compact(value)}")


def _lines(words: str) -> None:
    for text in words.splitlines():
        output.note(text, explains=True)


def _why(words: str) -> None:
    _lines(words if "\n" in words else f"why: {words}")


def _next(step: str, *, apart: bool) -> None:
    if apart:
        output.note("")
    _lines(f"next: {step}")


def _file(name: str) -> Policy:
    from daypass.cli.trust import policies

    return policies.one(name)


def _parsed(text: str) -> Policy | None:
    from daypass.errors import Invalid
    from daypass.trust.document import Policy

    try:
        return Policy.parse(text)
    except Invalid:
        # AWS knows more of policies than the engine does; then there is no explanation, and still a refusal.
        return None


def _explained(
    policy: Policy | None,
    claims: Mapping[str, JsonValue],
    role: RoleArn,
    session_name: str,
    client_ids: Sequence[str] | None,
) -> _Told | None:
    from datetime import UTC, datetime

    from daypass.errors import Invalid
    from daypass.trust.attempt import Attempt, likely_provider
    from daypass.trust.edit import smallest_edit
    from daypass.trust.explain import narrate
    from daypass.trust.steps import explain

    if policy is None:
        return None
    issuer = claims.get("iss")
    try:
        attempt = Attempt.imagine(
            claims,
            provider=likely_provider(policy, issuer if isinstance(issuer, str) else None, role=role),
            now=datetime.now(UTC),
            client_ids=client_ids,
            role=role,
            session_name=session_name,
            judge_times=True,
        )
    except Invalid:
        return None
    explanation = explain(policy, attempt)
    remedy = smallest_edit(explanation)
    return _Told(narrate(explanation, remedy), explanation.to_json(), None if remedy is None else remedy.to_json())


def _read(role: RoleArn, claims: Mapping[str, JsonValue], credentials: Credentials | None = None) -> RoleRead:
    from daypass.aws.role_reading import RoleRead, read_role
    from daypass.errors import Invalid
    from daypass.names import ProviderArn

    if os.environ.get(_READING):
        return RoleRead(unread="these are the credentials to read it with")
    issuer = str(claims.get("iss", "")).removeprefix("https://")
    try:
        provider = ProviderArn.parse(f"arn:{role.partition}:iam::{role.account}:oidc-provider/{issuer}")
    except Invalid:
        provider = None
    os.environ[_READING] = "1"
    try:
        found = read_role(role, provider)
        if found.policy is None and credentials is not None:
            found = read_role(role, provider, credentials=credentials)
    finally:
        del os.environ[_READING]
    return found


def _notes(read: RoleRead, role: RoleArn) -> list[str]:
    """What IAM's answers say by themselves; only of the account that the credentials here are of."""
    notes = []
    if read.provider_absent:
        notes.append("IAM finds no OIDC provider for this issuer in the account of the credentials here.")
    if read.absent:
        notes.append(f"IAM finds no role `{role.name}` in the account of the credentials here.")
    return notes
