"""One asks, all use it; and a cache that cannot be used stops nobody."""

from __future__ import annotations

import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from daypass import files
from daypass.aws.holding import cache, failures, single_flight
from daypass.calling.persist import Fate
from daypass.errors import AwsAccessDenied, DaypassError, FileUnavailable, ServiceUnreachable, UsageInvalid
from support.held import Clocks, held

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.aws.holding.cache import Held

KEY = "0123456789abcdef0123456789abcdef"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


class Sts:
    """Counts, and gives numbered sessions, or fails."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.calls = 0
        self.failure: DaypassError | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Held:
        with self._lock:
            self.calls += 1
            if self.failure is not None:
                raise self.failure
            return held(self.clocks, number=self.calls)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def sts(clocks: Clocks) -> Sts:
    return Sts(clocks)


@pytest.fixture
def entry(tmp_path: Path) -> str:
    return cache.entry({"XDG_CACHE_HOME": str(tmp_path)}, KEY)


def hold(entry: str, sts: Sts, told: list[DaypassError] | None = None) -> str:
    heard: list[DaypassError] = [] if told is None else told
    return single_flight.hold(entry, obtain=sts, clocks=sts.clocks, trouble=heard.append).access_key_id


def test_what_is_kept_is_for_its_owner_alone_and_reads_back(entry: str, sts: Sts) -> None:
    first = hold(entry, sts)
    assert hold(entry, sts) == first
    assert sts.calls == 1
    kept = cache.read(entry)
    assert kept is not None
    assert kept.secret_access_key.reveal() == "secret-access-key-1"
    assert stat.S_IMODE(os.stat(entry).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(entry)).st_mode) == 0o700
    assert "secret-access-key" not in repr(kept) + str(kept)


def test_a_session_that_still_lasts_is_replaced_early_by_one(entry: str, sts: Sts, clocks: Clocks) -> None:
    first = hold(entry, sts)
    clocks.advance(2401)
    with files.locked(entry, timeout_seconds=1):  # another process is at it
        assert hold(entry, sts) == first
    assert sts.calls == 1
    assert hold(entry, sts) != first
    assert sts.calls == 2


def test_many_at_once_make_one_call(entry: str, sts: Sts, clocks: Clocks) -> None:
    for calls in (1, 2, 3):
        with ThreadPoolExecutor(32) as pool:
            found = set(pool.map(lambda _: hold(entry, sts), range(64)))
        assert sts.calls == calls
        assert len(found) == 1
        clocks.advance(3601)


def test_while_the_network_is_away_the_old_one_does(entry: str, sts: Sts, clocks: Clocks) -> None:
    first = hold(entry, sts)
    sts.failure = ServiceUnreachable("away")
    told: list[DaypassError] = []
    for after in (2500, 900, 150):
        clocks.advance(after)
        assert hold(entry, sts, told) == first
    assert told == [sts.failure] * 3
    clocks.advance(60)
    with pytest.raises(ServiceUnreachable):
        hold(entry, sts, told)


def test_a_refusal_is_told_even_while_the_old_one_lasts_and_is_needed(entry: str, sts: Sts, clocks: Clocks) -> None:
    """Whoever lost the right to a role must not find out when the session ends."""
    hold(entry, sts)
    sts.failure = AwsAccessDenied("no", aws_code="AccessDenied")
    clocks.advance(3400)
    with pytest.raises(AwsAccessDenied):
        hold(entry, sts)


def test_a_refusal_with_time_left_is_said_and_stops_nobody(entry: str, sts: Sts, clocks: Clocks) -> None:
    first = hold(entry, sts)
    sts.failure = AwsAccessDenied("no", aws_code="AccessDenied")
    clocks.advance(2500)
    told: list[DaypassError] = []
    assert hold(entry, sts, told) == first
    assert told == [sts.failure]


def test_a_full_disk_costs_a_word(entry: str, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise FileUnavailable("no space left on device", errno=28)

    monkeypatch.setattr(files, "write_atomic", full)
    told: list[DaypassError] = []
    assert hold(entry, sts, told)
    assert [error.message for error in told] == ["no space left on device"]
    assert cache.read(entry) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1}', b"\xff" * 10, b"[" * 60_000])
def test_what_is_no_entry_is_replaced(entry: str, sts: Sts, content: bytes) -> None:
    os.makedirs(os.path.dirname(entry), mode=0o700)
    files.write_atomic(entry, content)
    assert hold(entry, sts)
    assert cache.read(entry) is not None


def open_to_all(entry: str) -> None:
    with open(entry, "wb"):
        pass
    os.chmod(entry, 0o644)


def foreign(entry: str) -> None:
    with open(entry, "wb"):
        pass
    os.chown(entry, 65534, 65534)


def folder_of_another(entry: str) -> None:
    os.chown(os.path.dirname(entry), 65534, 65534)


@pytest.mark.parametrize(
    "spoil",
    [
        open_to_all,
        pytest.param(foreign, marks=as_root),
        pytest.param(folder_of_another, marks=as_root),
        os.mkfifo,
        os.mkdir,
        lambda entry: os.symlink("/dev/zero", entry),
        lambda entry: os.symlink(entry, entry + ".lock"),
        lambda entry: os.mkfifo(entry + ".lock"),
    ],
)
def test_a_cache_that_cannot_be_trusted_stops_nobody_and_gets_nothing(entry: str, sts: Sts, spoil: object) -> None:
    """Threat 72: links, pipes, folders and files of others in the place of ours; nothing hangs."""
    assert callable(spoil)
    os.makedirs(os.path.dirname(entry), mode=0o700)
    spoil(entry)
    told: list[DaypassError] = []
    assert hold(entry, sts, told)
    assert told
    assert not any("secret-access-key" in error.message for error in told)
    for name in os.listdir(os.path.dirname(entry)):
        path = os.path.join(os.path.dirname(entry), name)
        assert not os.path.isfile(path) or b"secret-access-key" not in files.read_bounded(path, 1 << 16)


def test_an_entry_under_another_entrys_name_is_none(entry: str, sts: Sts, clocks: Clocks) -> None:
    """In a folder that others may write to, they can rename our files: one role's session would be another one's."""
    other = entry.replace(KEY, KEY[::-1])
    sts.calls = 100
    hold(entry, sts)
    os.rename(entry, other)
    assert single_flight.usable(other, clocks) is None
    assert cache.read(other) is None
    assert hold(other, sts).endswith("102")


def test_the_cache_is_where_the_specification_says(tmp_path: Path) -> None:
    assert cache.folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == "/c/daypass/aws"
    assert cache.folder({"XDG_CACHE_HOME": "relative", "HOME": "/h"}) == "/h/.cache/daypass/aws"
    assert list(cache.entries({"HOME": str(tmp_path)})) == []


def test_many_that_are_refused_at_once_make_one_call(entry: str, sts: Sts) -> None:
    """200 jobs with a role that says no must not ask 200 times, one after the other."""
    sts.failure = AwsAccessDenied("no", advice="Check it.", aws_code="AccessDenied", claims={"sub": "a"}, fate="final")

    def refused(_: int) -> DaypassError:
        with pytest.raises(AwsAccessDenied) as caught:
            hold(entry, sts)
        return caught.value

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(refused, range(64)))
    assert sts.calls == 1
    assert {error.message for error in found} == {"no"}
    shared = next(error for error in found if error.facts.get("remembered"))
    assert shared.facts["claims"] == {"sub": "a"}
    assert shared.facts["fate"] is Fate.FINAL
    assert shared.advice == "Check it.\nThat is the answer of 0 seconds ago; in 5 it is asked for anew."


def test_a_refusal_is_remembered_for_seconds_and_not_against_who_asks_afresh(
    entry: str, sts: Sts, clocks: Clocks
) -> None:
    sts.failure = ServiceUnreachable("away")
    for after, calls in ((0.0, 1), (4.0, 1), (1.1, 2), (4.9, 2)):
        clocks.advance(after)
        with pytest.raises(ServiceUnreachable, match="away"):
            hold(entry, sts)
        assert sts.calls == calls
    assert stat.S_IMODE(os.stat(entry + failures.SUFFIX).st_mode) == 0o600
    sts.failure = None
    told: list[DaypassError] = []
    found = single_flight.hold(entry, obtain=sts, clocks=clocks, trouble=told.append, afresh=True)
    assert told == []
    assert found.access_key_id == hold(entry, sts)
    assert not os.path.exists(entry + failures.SUFFIX)


def test_what_a_command_line_has_wrong_is_not_remembered(entry: str, sts: Sts) -> None:
    sts.failure = UsageInvalid("no such region")
    for _ in range(2):
        with pytest.raises(UsageInvalid):
            hold(entry, sts)
    assert sts.calls == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"code": "nothing"}', b'{"wall": "x"}', b"\xff", b"[" * 60_000])
def test_what_is_no_failure_is_not_remembered(entry: str, sts: Sts, content: bytes) -> None:
    files.private_folder(os.path.dirname(entry))
    files.write_atomic(entry + failures.SUFFIX, content)
    assert hold(entry, sts)


@pytest.mark.parametrize(("age_seconds", "longest"), [(2500, (0.2, 9.0)), (3350, (9.0, 0.2))])
def test_a_good_session_is_not_held_back_while_sts_is_slow(
    entry: str, sts: Sts, clocks: Clocks, age_seconds: float, longest: tuple[float, float]
) -> None:
    """An outage of STS, with its retries, once kept the one process that tried for 30 seconds."""
    first = hold(entry, sts)
    clocks.advance(age_seconds)
    answered = threading.Event()

    def slowly() -> Held:
        assert answered.wait(10)
        return sts()

    told: list[DaypassError] = []
    begun = time.monotonic()
    early, late = longest
    got = single_flight.hold(
        entry, obtain=slowly, clocks=clocks, trouble=told.append, early_seconds=early, late_seconds=late
    )
    assert time.monotonic() - begun < 2
    assert got.access_key_id == first
    assert [error.facts["slow"] for error in told] == [True]
    begun = time.monotonic()
    if early < late:
        assert hold(entry, sts) == first  # nobody else waits at all, and STS is not asked by them
        assert (sts.calls, time.monotonic() - begun < 0.15) == (1, True)
    answered.set()
    deadline = time.monotonic() + 5
    while hold(entry, sts) == first:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sts.calls == 2


def test_that_it_was_slow_for_another_is_no_answer_for_who_has_no_session(entry: str, sts: Sts, clocks: Clocks) -> None:
    files.private_folder(os.path.dirname(entry))
    slow = ServiceUnreachable("slow", transient=True, slow=True)
    failures.remember(entry, slow, clocks(), seconds=30)
    assert hold(entry, sts)
    assert sts.calls == 1
