"""A session for a token over real TLS: tried again with fresh tokens, inside the token's life, in the right account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass.aws.login import Assumed, assume, longest_hours
from daypass.aws.sts_client import StsClient
from daypass.errors import AccountUnexpected, AwsAccessDenied, AwsRefused, ServiceUnreachable, TokenSourceFailed
from daypass.names import RoleArn
from daypass.secret import Secret
from support.ambient import token
from support.patience import START, World
from support.services import ROLE, Reply, Seen, Service, https_service, sts_fault, sts_success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY_NOT_FETCHED = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
START_SECONDS = int(START.timestamp())
TRANSIENT = [
    (sts_fault("IDPCommunicationError", "no answer"), AwsRefused),
    (sts_fault("InvalidIdentityToken", KEY_NOT_FETCHED), AwsRefused),
    (sts_fault("Throttling", "Rate exceeded"), ServiceUnreachable),
    (sts_fault("InternalFailure", "oops", 500), ServiceUnreachable),
    (Reply(503, b"<html>busy</html>", "text/html"), ServiceUnreachable),
    (Reply(429, b"", "text/html"), ServiceUnreachable),
]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, sts_success) as running:
        yield running


@pytest.fixture(scope="module")
def one_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with https_service(tmp_path_factory.mktemp("sts"), sts_success) as running:
        yield running


class Tokens:
    """A platform that makes a new token each time, good for `life` seconds by the world's clock."""

    def __init__(self, world: World, life: float = 300) -> None:
        self._world, self._life = world, life
        self.made = 0

    def __call__(self) -> Secret:
        self.made += 1
        end = START_SECONDS + int(self._world.time + self._life)
        return Secret(token(sub="a:b:wsp_42", jti=str(self.made), exp=end))


def ask(
    service: Service,
    world: World,
    find_token: Callable[[], Secret] | None = None,
    *,
    url: str = "",
    seconds: int = 3600,
    wait: float = 0.0,
    clamp: bool = False,
    accounts: tuple[str, ...] = (),
) -> Assumed:
    client = StsClient(
        url or service.url, environ={}, waiting=world.waiting(), clock=world.now, ca_bundle=service.authority
    )
    return assume(
        RoleArn.parse(ROLE),
        duration_seconds=seconds,
        session_name=None,
        find_token=find_token or Tokens(world),
        sts=client,
        clock=world.now,
        wait_seconds=wait,
        clamp_duration=clamp,
        expected_accounts=accounts,
    )


def sent(service: Service) -> list[str]:
    return [seen.form["WebIdentityToken"] for seen in service.seen]


@pytest.mark.parametrize(("reply", "kind"), TRANSIENT)
def test_what_may_pass_by_itself_is_tried_three_times_more(
    service: Service, reply: Reply, kind: type[Exception]
) -> None:
    service.answer = lambda seen: reply
    world = World(random=0.5)
    with pytest.raises(kind):
        ask(service, world)
    assert world.slept == [0.5, 1.0, 2.0]
    assert len(set(sent(service))) == len(service.seen) == 4, "a fresh token each time"
    assert len({seen.form["RoleSessionName"] for seen in service.seen}) == 1, "and one name for them all"


@pytest.mark.parametrize(("reply", "kind"), TRANSIENT)
def test_a_fault_that_passes_is_not_seen(service: Service, reply: Reply, kind: type[Exception]) -> None:
    def answer(seen: Seen) -> Reply:
        return reply if len(service.seen) < 3 else sts_success(seen)

    service.answer = answer
    assert ask(service, World()).claims["jti"] == "3"
    assert len(service.seen) == 3


def test_nobody_listening_is_tried_again(service: Service) -> None:
    world = World()
    with pytest.raises(ServiceUnreachable):
        ask(service, world, url="https://localhost:1")
    assert len(world.slept) == 3


def test_a_platform_that_has_a_bad_moment_is_asked_again(service: Service) -> None:
    world, tokens = World(), 0

    def find_token() -> Secret:
        nonlocal tokens
        tokens += 1
        if tokens < 3:
            raise ServiceUnreachable("busy", transient=True)
        return Secret(token())

    assert ask(service, world, find_token)
    assert (tokens, len(service.seen)) == (3, 1)


def test_a_platform_that_says_no_is_asked_once(service: Service) -> None:
    calls = []

    def find_token() -> Secret:
        calls.append(1)
        raise TokenSourceFailed("no")

    with pytest.raises(TokenSourceFailed):
        ask(service, World(), find_token)
    assert (len(calls), service.seen) == (1, [])


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("InvalidIdentityToken", "Incorrect token audience", 400),
        ("ExpiredTokenException", "Token expired: current date/time 1 must be before the expiration date/time 0", 400),
        ("ValidationError", "1 validation error detected", 400),
        ("AccessDenied", DENIED, 403),
    ],
)
def test_an_answer_is_taken_for_one(service: Service, code: str, message: str, status: int) -> None:
    service.answer = lambda seen: sts_fault(code, message, status)
    with pytest.raises(AwsRefused) as refused:
        ask(service, World())
    assert len(service.seen) == 1
    assert refused.value.facts["claims"] == {
        "iss": "https://idp.example.com",
        "aud": "sts.amazonaws.com",
        "sub": "a:b:wsp_42",
    }
    assert refused.value.facts["token_claims"]["jti"] == "1"  # type: ignore[index]  # facts hold any object


def test_a_role_that_was_made_a_moment_ago_is_waited_for_when_asked(service: Service) -> None:
    def answer(seen: Seen) -> Reply:
        return sts_fault("AccessDenied", DENIED, 403) if len(service.seen) < 6 else sts_success(seen)

    service.answer = answer
    assert ask(service, World(), wait=30)
    assert len(service.seen) == 6
    world = World()
    service.answer = lambda seen: sts_fault("AccessDenied", DENIED, 403)
    with pytest.raises(AwsAccessDenied):
        ask(service, world, wait=5)
    assert world.time < 5


def test_a_token_that_ends_meanwhile_is_not_sent_and_hides_nothing(service: Service) -> None:
    """The second answer would be about the token's age, and hide the first."""
    service.answer = lambda seen: sts_fault("IDPCommunicationError", "the real reason")
    world = World(random=0.9)
    one = Secret(token(exp=START_SECONDS + 2))
    with pytest.raises(AwsRefused, match="the real reason"):
        ask(service, world, lambda: one)
    assert len(service.seen) == 2, "after 0.9 s it still lived, after 2.7 s no longer"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(life=st.integers(-10, 40), random=st.floats(0, 1, exclude_max=True), wait=st.sampled_from([0.0, 20.0]))
def test_no_try_but_the_first_is_made_with_a_token_whose_time_is_over(
    one_service: Service, life: int, random: float, wait: float
) -> None:
    world = World(random)
    tries: list[float] = []

    def answer(seen: Seen) -> Reply:
        tries.append(world.time)
        return [*(reply for reply, _ in TRANSIENT), sts_fault("AccessDenied", DENIED, 403)][len(tries) % 7]

    one_service.answer = answer
    one = Secret(token(exp=START_SECONDS + life))
    with pytest.raises((AwsRefused, ServiceUnreachable)):
        ask(one_service, world, lambda: one, wait=wait)
    assert all(time < life for time in tries[1:])


def of_maximum(maximum: int) -> Callable[[Seen], Reply]:
    def answer(seen: Seen) -> Reply:
        if int(seen.form["DurationSeconds"]) > maximum:
            return sts_fault("ValidationError", TOO_LONG)
        return sts_success(seen)

    return answer


def test_a_session_that_is_too_long_is_explained_with_the_clamp(service: Service) -> None:
    service.answer = of_maximum(3600)
    with pytest.raises(AwsRefused) as refused:
        ask(service, World(), seconds=7200)
    assert "--clamp-duration" in (refused.value.advice or "")
    assert "--max-session-duration 7200" in (refused.value.advice or "")
    assert len(service.seen) == 1


@pytest.mark.parametrize("hours", range(1, 13))
def test_the_clamp_finds_the_longest_session(service: Service, hours: int) -> None:
    service.answer = of_maximum(hours * 3600)
    assumed = ask(service, World(), seconds=43_200, clamp=True)
    assert assumed.duration_seconds == hours * 3600
    assert len(service.seen) <= 5


@given(maximum=st.integers(3600, 43_200), asked=st.integers(3601, 43_200))
def test_the_clamp_never_asks_for_more_and_misses_less_than_an_hour(maximum: int, asked: int) -> None:
    asks = []

    def answer(seconds: int) -> Assumed:
        asks.append(seconds)
        if seconds > maximum:
            raise AwsRefused(TOO_LONG, aws_code="ValidationError")
        return Assumed(None, {}, "s", seconds)  # type: ignore[arg-type]  # the session is not looked at

    found = longest_hours(answer, asked)
    assert found is not None
    assert all(seconds < asked for seconds in asks)
    assert len(asks) <= 4
    assert min(asked - 1, maximum) - 3600 < found.duration_seconds <= maximum


def test_another_accounts_role_is_refused_before_anybody_is_asked(service: Service) -> None:
    tokens = Tokens(World())
    with pytest.raises(AccountUnexpected, match="111122223333, and 444455556666 is expected"):
        ask(service, World(), tokens, accounts=("444455556666",))
    assert (tokens.made, service.seen) == (0, [])
    assert ask(service, World(), accounts=("444455556666", "111122223333"))
