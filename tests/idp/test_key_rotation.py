"""Rotation never leaves a live token without its published key: any order of events, any age of caches, any death."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from daypass.idp.key_times import KeyTimes
from support.key_model import KeyWorld, activate, advance, create, rotate, rotate_soon

PROCESS = st.integers(0, 2)
DEATH = st.none() | st.integers(0, 7)
SPANS = st.sampled_from([1, 19, 59, 120, 300, 420, 421, 3600, 4080, 25_680, 86_400, 29 * 86_400, 30 * 86_400])


class Rotation(RuleBasedStateMachine):
    """What can happen to an issuer's keys, revocation aside: that one is meant to break tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.world = KeyWorld()

    @rule(seconds=SPANS)
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(number=PROCESS, dies_at=DEATH)
    def the_schedule_is_looked_at(self, number: int, dies_at: int | None) -> None:
        self.world.do(number, advance, dies_at)

    @rule(number=PROCESS, dies_at=DEATH, soon=st.booleans())
    def somebody_rotates(self, number: int, dies_at: int | None, soon: bool) -> None:  # noqa: FBT001
        self.world.do(number, rotate_soon if soon else rotate, dies_at)

    @rule(number=PROCESS, dies_at=DEATH)
    def somebody_creates(self, number: int, dies_at: int | None) -> None:
        self.world.do(number, create, dies_at)

    @rule(number=PROCESS, dies_at=DEATH)
    def somebody_activates(self, number: int, dies_at: int | None) -> None:
        self.world.do(number, activate, dies_at)

    @rule(number=PROCESS)
    def a_token_is_asked_for(self, number: int) -> None:
        self.world.issue(number)

    @rule(number=PROCESS)
    def the_store_is_out_of_reach(self, number: int) -> None:
        self.world.processes[number].connected = False

    @rule(number=PROCESS)
    def it_is_started_again(self, number: int) -> None:
        self.world.processes[number].restart()

    def teardown(self) -> None:
        for number in range(3):
            self.world.issue(number)
        self.world.pass_time(3600)


def test_threats_27_no_order_of_events_leaves_a_live_token_without_its_key() -> None:
    run_state_machine_as_test(
        Rotation,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def two_rotations(world: KeyWorld) -> None:
    """Tokens before and after each step, from each process."""
    for _ in range(2):
        for number in range(3):
            world.issue(number)
        world.do(0, rotate_soon, None)
        for seconds in (1, 100, 319, 60, 3000, 3600, 30_000):
            world.pass_time(seconds)
            world.do(1, advance, None)
            for number in range(3):
                world.issue(number)


def test_the_story_that_broken_times_fail() -> None:
    world = KeyWorld()
    two_rotations(world)
    assert len({key.kid for key in world.store.keys().keys}) == 3


class SignsTooEarly(KeyTimes):
    """A key signs as soon as it is published."""

    __slots__ = ()

    @property
    def least_publish(self) -> timedelta:
        return timedelta(0)


class LeavesTooEarly(KeyTimes):
    """A key leaves the key set when its last signature is made."""

    __slots__ = ()

    @property
    def least_keep(self) -> timedelta:
        return timedelta(0)


@pytest.mark.parametrize(
    "broken", [SignsTooEarly(), LeavesTooEarly(keep_after=timedelta(0))], ids=lambda times: type(times).__name__
)
def test_threats_27_the_promise_is_one_that_can_be_broken(broken: KeyTimes) -> None:
    world = KeyWorld(broken)
    with pytest.raises(AssertionError, match="lacks"):
        two_rotations(world)


def test_threats_29_death_at_every_write_of_a_rotation_is_healed() -> None:
    """Before and after each write, in each of the processes that go on; then the next one ends what was begun."""
    for moment in range(12):
        world = KeyWorld()
        world.issue(0)
        world.do(0, rotate_soon, moment)
        world.do(1, rotate_soon, None)
        world.pass_time(500)
        world.do(1, advance, moment)
        world.do(2, advance, None)
        for number in range(3):
            world.issue(number)
        world.pass_time(60)
        states = sorted(key.state for key in world.store.keys().keys)
        assert states == ["active", "retiring"], (moment, states)
