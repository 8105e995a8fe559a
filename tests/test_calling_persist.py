"""Trying again: how often, for how long, and never what is final."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.calling.persist import BUDGET_SECONDS, RETRIES, Fate, fate_of, persist
from daypass.errors import AwsRefused, ServiceUnreachable, TokenSourceIncomplete
from support.patience import World

if TYPE_CHECKING:
    from collections.abc import Callable


def failing(world: World, fates: list[Fate | None], seconds: float = 0.0) -> tuple[Callable[[], str], list[float]]:
    """Something that fails with these fates in turn, and then works; when it was tried."""
    tried: list[float] = []

    def once() -> str:
        tried.append(world.time)
        world.time += seconds
        fate = fates[len(tried) - 1] if len(tried) <= len(fates) else None
        if fate is not None:
            raise AwsRefused("no", fate=fate)
        return "done"

    return once, tried


def test_the_pauses_are_a_doubling_wait_with_full_jitter() -> None:
    world = World(random=0.5)
    once, tried = failing(world, [Fate.TRANSIENT] * 9)
    with pytest.raises(AwsRefused):
        persist(once, waiting=world.waiting())
    assert world.slept == [0.5, 1.0, 2.0]
    assert len(tried) == 4


def test_no_try_starts_past_thirty_seconds() -> None:
    world = World()
    once, tried = failing(world, [Fate.TRANSIENT] * 9, seconds=14)
    with pytest.raises(AwsRefused):
        persist(once, waiting=world.waiting())
    assert len(tried) == 2


def test_a_change_is_waited_for_only_when_asked() -> None:
    for wait, expected in ((0.0, 1), (8.0, 6)):
        world = World(random=0.5)
        once, tried = failing(world, [Fate.PROPAGATION] * 5)
        if expected == 1:
            with pytest.raises(AwsRefused):
                persist(once, waiting=world.waiting(), wait_seconds=wait)
        else:
            assert persist(once, waiting=world.waiting(), wait_seconds=wait) == "done"
            assert world.slept == [0.5, 1.0, 2.0, 2.0, 2.0]
        assert len(tried) == expected


@given(
    fates=st.lists(st.sampled_from([*Fate, None]), max_size=30),
    random=st.floats(0, 1, exclude_max=True),
    wait=st.one_of(st.just(0.0), st.floats(1, 600)),
    seconds=st.floats(0, 12),
)
def test_laws_of_patience(fates: list[Fate | None], random: float, wait: float, seconds: float) -> None:
    world = World(random)
    once, tried = failing(world, fates, seconds)
    try:
        persist(once, waiting=world.waiting(), wait_seconds=wait)
        worked = True
    except AwsRefused:
        worked = False
    seen = [fates[number] if number < len(fates) else None for number in range(len(tried))]
    assert Fate.FINAL not in seen[:-1], "a final answer is never asked for twice"
    assert worked == (seen[-1] is None)
    if wait == 0:
        assert Fate.PROPAGATION not in seen[:-1]
        assert len(tried) <= RETRIES + 1
    assert all(begun < max(BUDGET_SECONDS, wait) for begun in tried)
    assert all(0 <= pause <= 8 for pause in world.slept)
    run = 0
    for each in seen:
        run = run + 1 if each is Fate.TRANSIENT else 0
        assert run <= RETRIES + 1


def test_a_failure_that_is_no_answer() -> None:
    assert fate_of(ServiceUnreachable("x", transient=True)) is Fate.TRANSIENT
    assert fate_of(ServiceUnreachable("x")) is Fate.FINAL
    assert fate_of(TokenSourceIncomplete("x", transient=True)) is Fate.FINAL
    assert fate_of(AwsRefused("x", fate=Fate.PROPAGATION)) is Fate.PROPAGATION
    assert fate_of(AwsRefused("x", fate="transient")) is Fate.FINAL
