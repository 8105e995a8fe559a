"""The token bucket: laws that hold for every rate and every order of events."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from daypass.idp.pacing import SECOND, Buckets, Rate, whole_seconds

rates = st.integers(1, 100_000).map(Rate)
pauses = st.lists(
    st.one_of(st.just(0), st.integers(0, SECOND // 2), st.integers(0, 90 * SECOND)), min_size=1, max_size=120
)


def came_through(rate: Rate, pauses: list[int]) -> list[int]:
    """When one came through, of as many as there are pauses before them."""
    buckets = Buckets(rate, max_keys=1)
    now, times = 1000 * SECOND, []
    for pause in pauses:
        now += pause
        if not buckets.wait("k", now):
            buckets.take("k", now)
            times.append(now)
    return times


@given(rates, pauses)
def test_no_span_of_time_lets_more_through_than_the_bucket_and_its_refill(rate: Rate, pauses: list[int]) -> None:
    times = came_through(rate, pauses)
    for first in range(len(times)):
        for last in range(first, len(times)):
            span = times[last] - times[first]
            assert last - first + 1 <= rate.at_once + Fraction(span, rate.interval)


@given(rates, pauses)
def test_it_agrees_with_a_bucket_of_whole_tokens(rate: Rate, pauses: list[int]) -> None:
    """The same as counted by the book, with fractions: a bucket that fills by the clock."""
    tokens = Fraction(rate.at_once)
    buckets, now = Buckets(rate, max_keys=1), 0
    for pause in pauses:
        now += pause
        tokens = min(Fraction(rate.at_once), tokens + Fraction(pause, rate.interval))
        wait = buckets.wait("k", now)
        assert wait == max(0, (1 - tokens) * rate.interval)
        if not wait:
            buckets.take("k", now)
            tokens -= 1


@given(rates, st.integers(0, 10**19))
def test_whoever_waits_as_told_comes_through_and_nobody_waits_a_second_too_long(rate: Rate, start: int) -> None:
    buckets = Buckets(rate, max_keys=1)
    for _ in range(rate.at_once):
        assert not buckets.wait("k", start)
        buckets.take("k", start)
    wait = buckets.wait("k", start)
    told = whole_seconds(wait)
    assert told >= 1
    assert wait <= told * SECOND < wait + SECOND
    assert not buckets.wait("k", start + told * SECOND)
    assert buckets.wait("k", start + wait - 1) == 1


@given(st.integers(1, 5), st.lists(st.sampled_from("abcdefgh"), max_size=60))
def test_memory_is_bounded_and_what_is_used_is_kept(max_keys: int, keys: list[str]) -> None:
    buckets = Buckets(Rate(60), max_keys=max_keys)
    for key in keys:
        buckets.take(key, 0)
        assert len(buckets) <= max_keys
    for key in list(dict.fromkeys(reversed(keys)))[:max_keys]:
        assert buckets._full_at[key] > 0


def test_a_small_limit_is_never_more_at_once_than_it_says() -> None:
    assert [Rate(number).at_once for number in (1, 5, 20, 100, 120, 600, 6000)] == [1, 5, 20, 20, 20, 100, 1000]
