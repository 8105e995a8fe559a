"""Log in to AWS: a token, a session of a role for it, the credentials in a profile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from daypass.aws.credentials_file import parse_profile, write_credentials, write_region
from daypass.errors import AwsRefused, DaypassError
from daypass.names import RoleArn, parse_duration_seconds, parse_session_name, session_name_from
from daypass.tokens import peek, strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from daypass.aws.credentials import Session
    from daypass.aws.credentials_file import Locations
    from daypass.aws.sts_client import StsClient
    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

_WHY_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]{1,255}")
_SHOWN_CLAIMS: Final = ("iss", "aud", "azp", "sub")


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A checked wish to log in. `session_name` None: one is made from the token's subject and the time.

    `region` is written to the config file when it is not None.
    """

    role: RoleArn
    duration_seconds: int
    profile: str
    session_name: str | None
    region: str | None

    @classmethod
    def parse(
        cls, *, role: str, duration_seconds: str | int, profile: str, session_name: str | None, region: str | None
    ) -> Self:
        """Check everything that can be checked before anybody is asked.

        Raises:
            ArnInvalid, DurationInvalid, ProfileNameInvalid, SessionNameInvalid: which of them is wrong.
        """
        return cls(
            role=RoleArn.parse(role),
            duration_seconds=parse_duration_seconds(duration_seconds),
            profile=parse_profile(profile),
            session_name=None if session_name is None else parse_session_name(session_name),
            region=region,
        )


def log_in(
    request: LoginRequest,
    *,
    find_token: Callable[[], Secret],
    sts: StsClient,
    locations: Locations,
    clock: Callable[[], datetime],
) -> Session:
    """Carry out a login; the profile is written last, so a refusal leaves it as it was.

    Raises:
        DaypassError: what finding the token raises.
        AwsRefused: with `claims` in its `facts` (those that AWS looks at first), and `words` when the endpoint
            explains its refusals, as the local AWS does; else None.
        ServiceUnreachable, ServiceAnswerInvalid: see `StsClient`.
        FileUnsafe, FileUnavailable: see `write_credentials`.
    """
    token = find_token()
    claims = _claims(token)
    try:
        session = sts.assume_role_with_web_identity(
            token,
            role=request.role,
            session_name=request.session_name or default_session_name(claims, clock()),
            duration_seconds=request.duration_seconds,
        )
    except AwsRefused as refused:
        refused.facts["claims"] = {name: claims[name] for name in _SHOWN_CLAIMS if name in claims}
        refused.facts["words"] = _words(sts, refused.facts.get("why"))
        raise
    write_credentials(session.credentials, profile=request.profile, locations=locations)
    if request.region is not None:
        write_region(request.region, profile=request.profile, locations=locations)
    return session


def default_session_name(claims: Mapping[str, JsonValue], now: datetime) -> str:
    """A session name that leads back to the workload: the last part of its subject, and the Unix time."""
    subject = claims.get("sub")
    workload = re.split(r"[:/]", subject)[-1] if isinstance(subject, str) else ""
    return session_name_from(f"{workload[:50] or 'daypass'}-{int(now.timestamp())}")


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
    if not _WHY_PATH.fullmatch(path) or "//" in path or ".." in path:
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
