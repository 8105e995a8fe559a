"""Ways into accounts: credentials as AWS's own tools find them, a profile, a role to assume; several at once."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from daypass import __version__
from daypass.aws.endpoint import IAM_REGIONS
from daypass.aws.provisioning.calls import ask, unreached
from daypass.errors import AccountUnexpected, DaypassError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from daypass.aws.provisioning.calls import AwsClient
    from daypass.aws.provisioning.desired import AccountWay

T = TypeVar("T")

_MOST_AT_ONCE: Final = 8
_SESSION_NAME: Final = "daypass-provisioning"
_SESSION_SECONDS: Final = 3600
_REGION: Final = "us-east-1"
"""Of STS when none is set; a partition other than `aws` needs one of its own."""
_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 6},  # throttling, faults of the service, lost connections
    user_agent_extra=f"daypass/{__version__} provisioning",  # CloudTrail shows it as userAgent
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account that was entered: its id and partition, who we are there, and a client of its IAM."""

    way: AccountWay
    account: str
    partition: str
    caller: str
    iam: AwsClient


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What came of one way into an account: a result, or the error; `account` is None when it was not entered."""

    way: AccountWay
    account: str | None
    result: T | None
    error: DaypassError | None


@contextlib.contextmanager
def entered(way: AccountWay) -> Iterator[Account]:
    """Enter an account; its clients are closed at the end.

    Raises:
        AccountUnexpected: it is another one than the way says.
        AwsCredentialsUnusable, AwsPermissionMissing, AwsUnavailable: see `calls.ask`.
    """
    with contextlib.ExitStack() as stack:
        try:
            # Its own session: botocore's are not for several threads.
            session = botocore.session.Session(profile=way.profile)
            region = session.get_config_variable("region") or _REGION
            sts = _client(stack, session, "sts", region, {})
            keys: dict[str, Any] = {}
            if way.assume_role is not None:
                found = ask(
                    sts,
                    "AssumeRole",
                    RoleArn=str(way.assume_role),
                    RoleSessionName=_SESSION_NAME,
                    DurationSeconds=_SESSION_SECONDS,
                )["Credentials"]
                keys = {
                    "aws_access_key_id": found["AccessKeyId"],
                    "aws_secret_access_key": found["SecretAccessKey"],
                    "aws_session_token": found["SessionToken"],
                }
                sts = _client(stack, session, "sts", region, keys)
            caller = ask(sts, "GetCallerIdentity")
            account, arn = str(caller["Account"]), str(caller["Arn"])
            partition = arn.split(":")[1]
            iam = _client(stack, session, "iam", IAM_REGIONS.get(partition, region), keys)
        except BotoCoreError as fault:
            raise unreached(fault) from None
        if way.account is not None and way.account != account:
            raise AccountUnexpected(
                f"{way} leads to the account {account}, and not to {way.account}, which was named or planned for",
                advice="Put right the profile or the role, or the account in the file; then plan again.",
                wanted=way.account,
                found=account,
            )
        yield Account(way, account, partition, arn, iam)


def in_each(
    ways: Sequence[AccountWay],
    work: Callable[[Account], T],
    *,
    stop: Callable[[int], None] = lambda _: None,
    ended: Callable[[], None] = lambda: None,
) -> list[Outcome[T]]:
    """Do some work in each account, several at once, and tell what came of each, in the order of the ways.

    `work` may raise any `DaypassError`. On Ctrl-C and SIGTERM `stop` is told the exit status that says so, and what is
    under way is waited for: whoever stops it must not be left to guess what was done. `ended` is called when work in an
    account has ended, well or not, from the thread that did it.
    """
    with ThreadPoolExecutor(max_workers=min(_MOST_AT_ONCE, len(ways)), thread_name_prefix="account") as threads:
        futures = [threads.submit(_one, way, work) for way in ways]
        for future in futures:
            future.add_done_callback(lambda _: ended())
        while True:
            try:
                return [future.result() for future in futures]
            except KeyboardInterrupt:
                stop(130)
            except SystemExit as ending:
                stop(ending.code if isinstance(ending.code, int) else 143)


def _one(way: AccountWay, work: Callable[[Account], T]) -> Outcome[T]:
    number: str | None = None
    try:
        with entered(way) as account:
            number = account.account
            return Outcome(way, number, work(account), None)
    except DaypassError as fault:
        return Outcome(way, number, None, fault)


def _client(stack: contextlib.ExitStack, session: Any, service: str, region: str, keys: dict[str, Any]) -> AwsClient:
    client: Any = session.create_client(service, region_name=region, config=_CONFIG, **keys)
    stack.callback(client.close)
    found: AwsClient = client
    return found
