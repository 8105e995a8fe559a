"""How long a session lasts by clocks that are wrong, set, or of another boot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.aws.holding import age
from daypass.aws.holding.age import State
from support.held import Clocks, held


def test_an_hour_is_replaced_before_botocore_would_ask_again_at_each_call() -> None:
    clocks = Clocks()
    latest, earliest = (age.span(clocks(), 3600, random).refresh_at_seconds for random in (1.0, 0.0))
    assert (earliest, latest) == (2400, 2625)
    assert 3600 - latest > 15 * 60


@pytest.mark.parametrize(
    ("after", "state"),
    [(0, State.FRESH), (2399, State.FRESH), (2400, State.EARLY), (3299, State.EARLY), (3301, State.LATE)],
)
def test_what_to_do_about_an_hour(after: float, state: str) -> None:
    clocks = Clocks()
    life = age.span(clocks(), 3600, 0.0)
    clocks.advance(after)
    assert age.state(life, clocks()) == state


@given(lifetime=st.integers(900, 43200), random=st.floats(0, 1), after=st.floats(0, 50_000))
def test_states_come_in_their_order_and_no_ended_session_is_used(lifetime: int, random: float, after: float) -> None:
    clocks = Clocks()
    life = age.span(clocks(), lifetime, random)
    order = [State.FRESH, State.EARLY, State.LATE, State.GONE]
    before = order.index(age.state(life, clocks()))
    clocks.advance(after)
    now = order.index(age.state(life, clocks()))
    assert before == 0
    assert (now == 3) == (after >= lifetime)
    assert now < 2 or age.left_seconds(life, clocks()) <= age.MARGIN_SECONDS


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 86400.0, -86400.0])
def test_a_wall_clock_that_is_set_while_a_job_runs_changes_nothing(jump: float) -> None:
    """Threat 75: a cache that believes the wall clock hands out ended sessions, or throws good ones away."""
    clocks = Clocks()
    life = age.span(clocks(), 3600, 0.0)
    clocks.advance(60)
    clocks.set(jump)
    assert age.state(life, clocks()) == State.FRESH
    assert age.left_seconds(life, clocks()) == pytest.approx(3540)
    clocks.advance(3541)
    assert age.state(life, clocks()) == State.GONE


def test_in_another_boot_the_wall_clock_has_to_do() -> None:
    clocks = Clocks()
    life = age.span(clocks(), 3600, 0.0)
    clocks.advance(600)
    clocks.boot_id, clocks.boot = "boot-2", 3.0
    assert age.left_seconds(life, clocks()) == pytest.approx(3000)
    clocks.set(-7200)  # it cannot be from the future
    assert age.state(life, clocks()) == State.GONE


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_sdks_are_told_the_end_by_the_clock_that_they_judge_by(ahead: int) -> None:
    """The machine is an hour off: AWS's time would be over already, or would last an hour too long."""
    clocks = Clocks()
    clocks.set(ahead)
    session = held(clocks, expires_at=clocks.wall - ahead + 3600)
    assert session.expires_here(clocks()) == pytest.approx(clocks.wall + 3600, abs=1)
    clocks.advance(600)
    clocks.set(-ahead)  # the clock is mended meanwhile
    assert session.expires_here(clocks()) == session.expires_at


def test_seconds_of_difference_are_not_shown() -> None:
    clocks = Clocks()
    session = held(clocks, expires_at=clocks.wall + 3600 + 59)
    assert session.expires_here(clocks()) == session.expires_at


def test_this_machine_has_clocks() -> None:
    first, second = age.now(), age.now()
    assert first.boot_id == second.boot_id
    assert second.boot >= first.boot
