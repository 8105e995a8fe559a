"""A job of twelve hours with sessions of one hour, under one clock that runs faster: no call meets an ended session.

Clients, cache, agent and the local AWS share the clock. The clients are botocore's own refreshable credentials (their
`time_fetcher` is that clock) behind `credential_process` and the container endpoint. Whether a signature
is recent is judged by the real time, by which clients sign; whether a session lasts, by the moved one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.credentials
import botocore.session
import pytest

from daypass.aws.holding import age, cache, shapes, single_flight
from daypass.aws.holding.container_endpoint import Kept
from daypass.aws.holding.obtain import Checked, obtain
from daypass.aws.holding.wanted import Wanted
from daypass.aws.sts_client import StsClient
from daypass.calling.persist import Waiting
from daypass.secret import Secret
from daypass.testing import local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from daypass.aws.holding.cache import Held
    from daypass.testing.local_aws import LocalAws

ISSUER = "https://gitlab.com"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::000000000000:oidc-provider/gitlab.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"gitlab.com:sub": "job", "gitlab.com:aud": "sts.amazonaws.com"}},
        }
    ],
}


class World:
    """The local AWS, the one clock, and what each client is given."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws = aws
        self.calls: dict[str, int] = {}
        self.ahead = 0.0
        self.environ = {"XDG_CACHE_HOME": str(folder)}
        aws.provider(ISSUER)

    def advance(self, minutes: float) -> None:
        self.ahead += minutes * 60
        self.aws.advance(minutes=minutes)

    def clocks(self) -> age.Reading:
        real = age.now()
        return age.Reading(real.wall + self.ahead, real.boot + self.ahead, real.boot_id)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def asking(self, role: str, duration_seconds: int) -> Callable[[], Held]:
        wish = Checked.of(Wanted(role, str(duration_seconds), session_name="job"))
        waiting = Waiting(lambda: 0.0, lambda _: None, lambda: 0.0)
        sts = StsClient(self.aws.endpoint_url, environ={}, waiting=waiting, clock=self.now)

        def ask() -> Held:
            self.calls[role] = self.calls.get(role, 0) + 1
            token = Secret(self.aws.mint(issuer=ISSUER, sub="job", aud="sts.amazonaws.com", lifetime_seconds=300))
            return obtain(
                wish, find_token=lambda: token, sts=sts, clock=self.now, clocks=self.clocks, random=lambda: 0.5
            )

        return ask

    def shared(self, role: str, duration_seconds: int) -> Callable[[], Held]:
        """What every process does behind `credential_process`: the cache, then STS."""
        ask = self.asking(role, duration_seconds)
        path = cache.entry(self.environ, Wanted(role, str(duration_seconds)).key({}))

        def fail(problem: Exception) -> None:
            raise problem

        return lambda: single_flight.hold(path, obtain=ask, clocks=self.clocks, trouble=fail)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with local_aws(as_issuers=["gitlab.com"]) as aws:
        yield World(aws, tmp_path)


def process(world: World, shared: Callable[[], Held]) -> Callable[[], str]:
    return lambda: shapes.process_json(shared(), world.clocks())


def container(world: World, agent: Kept) -> Callable[[], str]:
    return lambda: shapes.container_json(agent.current(), world.clocks())


def client(world: World, supply: Callable[[], str]) -> Any:
    """An STS client whose credentials botocore asks for again when it finds them due."""

    def metadata() -> dict[str, str]:
        given = json.loads(supply())
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given.get("SessionToken") or given["Token"],
            "expiry_time": given["Expiration"],
        }

    session = botocore.session.Session()
    refreshing = botocore.credentials.RefreshableCredentials.create_from_metadata(
        metadata(), metadata, "custom-process"
    )
    refreshing._time_fetcher = world.now
    session._credentials = refreshing
    return boto3.Session(botocore_session=session, region_name="us-east-1").client(
        "sts", endpoint_url=world.aws.endpoint_url
    )


@pytest.mark.parametrize(("duration", "most"), [(3600, 19), (900, 120)])
def test_no_call_of_twelve_hours_meets_an_ended_session(world: World, duration: int, most: int) -> None:
    roles = [world.aws.role(name, trust_policy=TRUST) for name in ("one", "two")]
    clients = []
    kept = []
    for role in roles:
        shared = world.shared(role, duration)
        agent = Kept(shared, world.clocks)
        kept.append(agent)
        clients += [client(world, process(world, shared)) for _ in range(3)]
        clients.append(client(world, container(world, agent)))
    asked = 0
    for step in range(12 * 12):
        for agent in kept:
            agent.refreshed()  # as its thread does every 20 seconds
        for number, each in enumerate(clients):
            if (step + number) % 3 == 0 or number % 4 == 3:
                assert each.get_caller_identity()["Arn"].endswith("/job")
                asked += 1
        world.advance(minutes=5)
    for each in clients:
        each.close()
    assert asked > 450
    assert set(world.calls) == set(roles)
    assert all(12 * 3600 / duration <= calls <= most for calls in world.calls.values()), world.calls


def test_keys_in_a_file_do_end(world: World) -> None:
    """What the other ways are for: the same twelve hours with static keys fail, so the test above can."""
    role = world.aws.role("one", trust_policy=TRUST)
    held = world.asking(role, 3600)()
    fixed = boto3.Session(
        aws_access_key_id=held.access_key_id,
        aws_secret_access_key=held.secret_access_key.reveal(),
        aws_session_token=held.session_token.reveal(),
        region_name="us-east-1",
    ).client("sts", endpoint_url=world.aws.endpoint_url)
    assert fixed.get_caller_identity()
    world.advance(minutes=61)
    with pytest.raises(fixed.exceptions.ClientError, match="ExpiredToken"):
        fixed.get_caller_identity()
    fixed.close()
