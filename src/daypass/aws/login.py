"""Log in to AWS: a token, and a session of a role for it."""

from __future__ import annotations

import re

from daypass.aws.fate import is_too_long
from daypass.calling.persist import Fate, persist
from daypass.errors import AccountUnexpected, AwsRefused, DaypassError
from daypass.light_typing import NamedTuple
from daypass.names import session_name_from
from daypass.tokens import peek, strict_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime
    from typing import Final

    from daypass.aws.credentials import Session
    from daypass.aws.sts_client import StsClient
    from daypass.names import RoleArn
    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

_WHY_PATH: Final = r"/[A-Za-z0-9._~/-]{1,255}"
_ALWAYS_ALLOWED_SECONDS: Final = 3600
_SHOWN_CLAIMS: Final = ("iss", "aud", "azp", "sub")
_OF_AWS: Final = "https://aws.amazon.com/"


class Assumed(NamedTuple):
    """A session that was given for a token, what the token says of itself, and how long the session was asked for."""

    session: Session
    claims: Mapping[str, JsonValue]
    session_name: str
    duration_seconds: int


def assume(
    role: RoleArn,
    *,
    duration_seconds: int,
    session_name: str | None,
    find_token: Callable[[], Secret],
    sts: StsClient,
    clock: Callable[[], datetime],
    wait_seconds: float = 0.0,
    clamp_duration: bool = False,
    expected_accounts: Collection[str] = (),
) -> Assumed:
    """A session of a role, for a token.

    What may pass by itself is tried again (see `persist`), each time with a fresh token, and never with one whose
    time is over.

    Args:
        role: which one.
        duration_seconds: how long the session is to last.
        session_name: None makes one from the token's subject and the time.
        find_token: gives a token; asked again for each try.
        sts: where.
        clock: tells whether a token's time is over.
        wait_seconds: how long a refusal is waited out that a change of a moment ago would explain; 0: not at all.
        clamp_duration: whether a session that is longer than the role allows is asked for again, as long as it does.
        expected_accounts: when there are any, the role must be of one of them.

    Raises:
        AccountUnexpected: before anybody is asked, when the role's account is another one; and when the session's is.
        DaypassError: what finding the token raises.
        AwsRefused: with `claims` in its `facts` (those that AWS looks at first), `token_claims` (all of them),
            `session_name`, and `words` when the endpoint explains its refusals, as the local AWS does; else None.
        ServiceUnreachable, ServiceAnswerInvalid: see `StsClient`.
    """
    demand_account(role.account, expected_accounts)
    attempt = _Attempt(role, session_name, find_token, sts, clock)

    def asked_for(seconds: int) -> Assumed:
        return persist(lambda: attempt.once(seconds), waiting=sts.waiting, wait_seconds=wait_seconds)

    try:
        assumed = asked_for(duration_seconds)
    except AwsRefused as refused:
        if not is_too_long(refused):
            raise
        shorter = longest_hours(asked_for, duration_seconds) if clamp_duration else None
        if shorter is None:
            refused.advice = _too_long(duration_seconds, role)
            raise
        assumed = shorter
    demand_account(assumed.session.account, expected_accounts)
    return assumed


class _Attempt:
    """One try after the other, and what the last one came to."""

    def __init__(
        self,
        role: RoleArn,
        session_name: str | None,
        find_token: Callable[[], Secret],
        sts: StsClient,
        clock: Callable[[], datetime],
    ) -> None:
        self._role = role
        self._session_name = session_name
        self._find_token = find_token
        self._sts = sts
        self._clock = clock
        self._failure: DaypassError | None = None

    def once(self, duration_seconds: int) -> Assumed:
        token = self._find_token()
        claims = _claims(token)
        if self._failure is not None and _is_over(claims, self._clock()):
            # The answer would be about the token's age, and hide what went wrong.
            self._failure.facts["fate"] = Fate.FINAL
            raise self._failure
        # The same name each time, so that CloudTrail shows one login.
        name = self._session_name = self._session_name or default_session_name(claims, self._clock())
        try:
            session = self._sts.assume_role_with_web_identity(
                token, role=self._role, session_name=name, duration_seconds=duration_seconds
            )
        except DaypassError as failure:
            self._failure = failure
            if isinstance(failure, AwsRefused):
                failure.facts["claims"] = shown_claims(claims)
                failure.facts["token_claims"] = claims
                failure.facts["session_name"] = name
                failure.facts["words"] = _words(self._sts, failure.facts.get("why"))
            raise
        return Assumed(session, claims, name, duration_seconds)


def longest_hours(ask: Callable[[int], Assumed], duration_seconds: int) -> Assumed | None:
    """The longest session of whole hours below `duration_seconds` that a role allows, in at most four tries.

    A role's maximum is 1 to 12 hours (IAM API reference, `MaxSessionDuration`), in practice whole ones.

    Raises:
        DaypassError: when it is refused for another reason than its length.
    """
    low, high = 1, (duration_seconds - 1) // 3600
    found: Assumed | None = None
    while low <= high:
        middle = (low + high + 1) // 2
        try:
            found = ask(middle * 3600)
        except AwsRefused as refused:
            if not is_too_long(refused):
                raise
            high = middle - 1
        else:
            low = middle + 1
    return found


def demand_account(account: str, expected: Collection[str]) -> None:
    """Refuse an account that is not among those expected, if any are.

    Raises:
        AccountUnexpected: when it is not.
    """
    if expected and account not in expected:
        wanted = ", ".join(sorted(expected))
        raise AccountUnexpected(
            f"the role is of account {account}, and {wanted} is expected",
            advice="Check --role-arn and --expect-account; nothing was written.",
            wanted=sorted(expected),
            found=account,
        )


def default_session_name(claims: Mapping[str, JsonValue], now: datetime) -> str:
    """A session name that leads back to the workload: the last part of its subject, and the Unix time."""
    subject = claims.get("sub")
    workload = subject.replace("/", ":").rpartition(":")[2] if isinstance(subject, str) else ""
    return session_name_from(f"{workload[:50] or 'daypass'}-{int(now.timestamp())}")


def shown_claims(claims: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The claims that AWS looks at before any policy, and those that it made up (tags, roles, source identity)."""
    named = {name: claims[name] for name in _SHOWN_CLAIMS if name in claims}
    return named | {name: value for name, value in claims.items() if name.startswith(_OF_AWS)}


def _is_over(claims: Mapping[str, JsonValue], now: datetime) -> bool:
    end = claims.get("exp")
    return isinstance(end, int | float) and now.timestamp() >= end


def _too_long(duration_seconds: int, role: RoleArn) -> str:
    if duration_seconds <= _ALWAYS_ALLOWED_SECONDS:
        return "Ask for a shorter session with --duration-seconds."
    return (
        "Add --clamp-duration for the longest session that the role allows, or ask for at most 3600 seconds, which"
        " every role allows. To raise the limit:\n"
        f"  aws iam update-role --role-name {role.name} --max-session-duration {duration_seconds}"
    )


def _claims(token: Secret) -> Mapping[str, JsonValue]:
    """What the token says of itself; for names and messages only. A strange token is AWS's to judge."""
    try:
        return peek.peek(token.reveal(), duplicates="last").claims
    except DaypassError:
        return {}


def _words(sts: StsClient, why: object) -> str | None:
    """The endpoint's own explanation. Only a path is followed, so nobody can send us elsewhere."""
    if not isinstance(why, str):
        return None
    path = why.removeprefix(sts.origin)
    if not re.fullmatch(_WHY_PATH, path) or "//" in path or ".." in path:
        return None
    try:
        found = strict_json.parse(sts.explanation(path), max_bytes=1 << 20, max_members=10_000, control_characters=True)
    except DaypassError:
        return None
    if not isinstance(found, dict):
        return None
    # A refusal that came before the trust policy has no decision to put into words, only its detail.
    words = found.get("words") or found.get("detail")
    return words if isinstance(words, str) else None
