"""From a wish to a session: a fresh token, the role for it, and perhaps a second role from there."""

from __future__ import annotations

from daypass.aws.endpoint import default_audience, parse_region
from daypass.aws.holding import age
from daypass.aws.holding.cache import Held
from daypass.aws.login import assume
from daypass.calling.persist import persist
from daypass.errors import UsageInvalid
from daypass.light_typing import NamedTuple
from daypass.names import RoleArn, parse_duration_seconds, parse_session_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Final

    from daypass.aws.credentials import Session
    from daypass.aws.holding.wanted import Wanted
    from daypass.aws.login import Assumed
    from daypass.aws.sts_client import StsClient
    from daypass.secret import Secret

CHAIN_SECONDS: Final = 3600
"""AWS lets a chained session last no longer, whatever the role's own maximum is (AWS IAM user guide, Role chaining)."""


class Checked(NamedTuple):
    """A wish with everything that can be checked before anybody is asked."""

    role: RoleArn
    duration_seconds: int
    session_name: str | None
    audience: str
    region: str | None
    scope: str | None
    chain: RoleArn | None

    @classmethod
    def of(cls, wanted: Wanted) -> Checked:
        """Check a wish.

        Raises:
            ArnInvalid, DurationInvalid, SessionNameInvalid: which of them is wrong.
            UsageInvalid: the region or audience is none, or a chained session is to last longer than it may.
        """
        duration = parse_duration_seconds(wanted.duration_seconds)
        if wanted.chain_role_arn is not None and duration > CHAIN_SECONDS:
            raise UsageInvalid(
                f"a session of a chained role lasts at most {CHAIN_SECONDS} seconds, and {duration} are asked for",
                advice=f"Leave --duration-seconds out, or let the token's own role be {wanted.chain_role_arn}:"
                " a role that is assumed with the token itself may last up to 12 hours.",
            )
        if wanted.audience == "":
            raise UsageInvalid("the audience is empty", advice="Leave --audience out for sts.amazonaws.com.")
        role = RoleArn.parse(wanted.role_arn)
        return cls(
            role=role,
            duration_seconds=duration,
            session_name=None if wanted.session_name is None else parse_session_name(wanted.session_name),
            audience=wanted.audience or default_audience(role.partition),
            region=None if wanted.region is None else parse_region(wanted.region),
            scope=wanted.scope,
            chain=None if wanted.chain_role_arn is None else RoleArn.parse(wanted.chain_role_arn),
        )


def obtain(
    wish: Checked,
    *,
    find_token: Callable[[], Secret],
    sts: StsClient,
    clock: Callable[[], datetime],
    clocks: Callable[[], age.Reading],
    random: Callable[[], float],
    wait_seconds: float = 0.0,
    clamp_duration: bool = False,
    granted: Callable[[Assumed], None] | None = None,
) -> Held:
    """Ask for a session, with a fresh token for each try.

    Args:
        wish: which.
        find_token: gives a token.
        sts: where.
        clock: tells whether a token's time is over.
        clocks: those that a session's age is counted by.
        random: 0 to 1.
        wait_seconds: see `assume`; a chained role is waited for as long again.
        clamp_duration: see `assume`.
        granted: told what the token's own role gave, before any chain.

    Raises:
        As `daypass.aws.login.assume` does.
    """
    begun = clocks()

    def token() -> Secret:
        nonlocal begun
        found = find_token()
        begun = clocks()
        return found

    assumed = assume(
        wish.role,
        duration_seconds=wish.duration_seconds,
        session_name=wish.session_name,
        find_token=token,
        sts=sts,
        clock=clock,
        wait_seconds=wait_seconds,
        clamp_duration=clamp_duration,
    )
    if granted is not None:
        granted(assumed)
    session, chain = assumed.session, wish.chain
    if chain is not None:

        def onwards() -> Session:
            nonlocal begun
            begun = clocks()
            return sts.assume_role(
                assumed.session.credentials,
                role=chain,
                session_name=assumed.session_name,
                duration_seconds=wish.duration_seconds,
                region=wish.region,
            )

        session = persist(onwards, waiting=sts.waiting, wait_seconds=wait_seconds)
    return _held(session, wish, begun, random())


def _held(session: Session, wish: Checked, begun: age.Reading, random: float) -> Held:
    credentials = session.credentials
    expires_at = credentials.expires_at.timestamp()
    # By the server's two times if they fit what was asked for; a clock that is off is on neither side of this.
    lifetime = expires_at - session.issued_at.timestamp() if session.issued_at is not None else -1.0
    if not 0 < lifetime <= wish.duration_seconds + age.MAX_SKEW_SECONDS:
        lifetime = expires_at - begun.wall
    return Held(
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
        session_token=credentials.session_token,
        expires_at=int(expires_at),
        role_arn=str(wish.chain or wish.role),
        session_arn=session.arn,
        account=session.account,
        life=age.span(begun, max(0.0, min(lifetime, wish.duration_seconds)), random),
    )
