"""Whom a limit counts, and what it leaves alone."""

from __future__ import annotations

import pytest

from daypass.errors import RateLimited
from daypass.idp.limits import Limits, PerMinute


class Monotonic:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Monotonic:
    return Monotonic()


def refusal_of(limits: Limits, kind: str, *who: str | None) -> RateLimited:
    with pytest.raises(RateLimited) as refusal:
        getattr(limits, kind)(*who)
    return refusal.value


def test_a_workload_beyond_its_limit_uses_up_nothing_of_its_organizations(clock: Monotonic) -> None:
    limits = Limits(PerMinute(workload_tokens=3, organization_tokens=5), clock)
    for _ in range(3):
        limits.token("one", "acme")
    for _ in range(100):
        assert refusal_of(limits, "token", "one", "acme").facts["limit"] == "workload"
    limits.token("two", "acme")
    limits.token("two", "acme")
    found = refusal_of(limits, "token", "two", "acme")
    assert found.facts == {"limit": "organization", "per_minute": 5, "retry_after_seconds": 12}
    limits.token("three", "other")


def test_the_wait_that_is_told_is_enough(clock: Monotonic) -> None:
    limits = Limits(PerMinute(workload_tokens=7), clock)
    for _ in range(7):
        limits.token("one", "acme")
    seconds = refusal_of(limits, "token", "one", "acme").facts["retry_after_seconds"]
    assert seconds == 9  # 60 / 7 and a part of a second
    clock.now += 8
    refusal_of(limits, "token", "one", "acme")
    clock.now += 1
    limits.token("one", "acme")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        (None, "", True),
        (None, "192.0.2.1", False),
    ],
)
@pytest.mark.parametrize("kind", ["request", "failure"])
def test_an_ipv6_address_counts_as_its_64(one: str | None, other: str, same: bool, kind: str, clock: Monotonic) -> None:  # noqa: FBT001
    limits = Limits(PerMinute(source_requests=1, source_failures=1), clock)
    getattr(limits, kind)(one)
    if same:
        refusal_of(limits, kind, other)
    else:
        getattr(limits, kind)(other)


def test_requests_and_failures_are_counted_apart(clock: Monotonic) -> None:
    limits = Limits(PerMinute(source_requests=1, source_failures=1), clock)
    limits.request("192.0.2.1")
    limits.failure("192.0.2.1")
    assert refusal_of(limits, "request", "192.0.2.1").facts["limit"] == "source"
    assert refusal_of(limits, "failure", "192.0.2.1").facts["limit"] == "failures"


def test_no_limit_is_no_limit(clock: Monotonic) -> None:
    limits = Limits(PerMinute(), clock)
    for _ in range(1000):
        limits.token("one", "acme")
        limits.request("192.0.2.1")
        limits.failure(None)


def test_strangers_addresses_push_out_addresses_and_nothing_else(clock: Monotonic) -> None:
    limits = Limits(PerMinute(workload_tokens=1, source_failures=1), clock, max_keys=10)
    limits.token("one", "acme")
    for number in range(1000):
        limits.failure(f"198.51.100.{number % 250}") if number < 250 else limits.failure(f"2001:db8:{number:x}::1")
    refusal_of(limits, "token", "one", "acme")
