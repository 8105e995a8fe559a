"""A kept token: by clocks that may be wrong, with files that may not be used, and a platform that may be away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from daypass.cli import kept_token
from daypass.errors import DaypassError, FileUnavailable, FileUnsafe, TokenSourceFailed
from daypass.secret import Secret
from support.held import Clocks
from support.services import identity_token

if TYPE_CHECKING:
    from pathlib import Path


class Platform:
    """Gives tokens of an hour by true time, which a machine's wall clock need not show."""

    def __init__(self, clocks: Clocks, lifetime: int | None = 3600) -> None:
        self.clocks = clocks
        self.started = clocks.boot
        self.true = clocks.wall
        self.lifetime = lifetime
        self.count = 0
        self.away = False

    def find(self) -> Secret:
        if self.away:
            raise TokenSourceFailed("away")
        self.count += 1
        now = int(self.true + self.clocks.boot - self.started)
        times = {} if self.lifetime is None else {"iat": now, "exp": now + self.lifetime}
        return Secret(identity_token(jti=str(self.count), **times))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kubernetes" / "entry.json"


def hold(path: Path, platform: Platform, troubles: list[DaypassError] | None = None) -> kept_token.Kept:
    told: list[DaypassError] = []
    try:
        return kept_token.hold(path, platform.find, clocks=platform.clocks, trouble=told.append)
    finally:
        if troubles is None:
            assert told == []
        else:
            troubles += told


def test_it_is_replaced_five_minutes_before_its_end(path: Path) -> None:
    platform = Platform(clocks := Clocks())
    first = hold(path, platform)
    assert first.fresh_seconds(clocks()) == 3300
    clocks.advance(3299)
    assert hold(path, platform).token == first.token
    clocks.advance(2)
    assert hold(path, platform).token != first.token
    assert platform.count == 2


@pytest.mark.parametrize("off", [-7200, -300, 300])
def test_a_wall_clock_that_is_set_neither_revives_nor_ends_it(path: Path, off: int) -> None:
    platform = Platform(clocks := Clocks())
    first = hold(path, platform)
    clocks.set(off)
    clocks.advance(3000)
    assert hold(path, platform).token == first.token
    clocks.advance(400)
    assert hold(path, platform).token != first.token


def test_a_token_that_is_old_when_it_is_found_lasts_only_its_rest(path: Path) -> None:
    """A CI platform may give the token of the job's start each time."""
    platform = Platform(clocks := Clocks())
    platform.true -= 3000
    found = hold(path, platform)
    assert found.life is not None
    assert found.life.lifetime_seconds == 600
    platform.true -= 3000
    clocks.advance(500)
    assert hold(path, platform).life is None
    assert hold(path, platform).fresh_seconds(clocks()) is None


def test_a_token_without_times_is_not_kept(path: Path) -> None:
    platform = Platform(Clocks(), lifetime=None)
    assert hold(path, platform).life is None
    assert not path.exists()


def test_while_the_platform_is_away_the_old_one_does(path: Path) -> None:
    platform = Platform(clocks := Clocks())
    first = hold(path, platform)
    platform.away = True
    clocks.advance(3400)
    troubles: list[DaypassError] = []
    assert hold(path, platform, troubles).token == first.token
    assert [type(each) for each in troubles] == [TokenSourceFailed]
    clocks.advance(300)
    with pytest.raises(TokenSourceFailed):
        hold(path, platform)


def test_a_token_under_another_entrys_name_is_not_used(path: Path) -> None:
    platform = Platform(Clocks())
    first = hold(path, platform)
    other = path.rename(path.with_name("other.json"))
    assert hold(other, platform).token != first.token


def test_a_file_that_others_can_open_is_not_used(path: Path) -> None:
    platform = Platform(Clocks())
    first = hold(path, platform)
    path.chmod(0o644)
    troubles: list[DaypassError] = []
    assert hold(path, platform, troubles).token != first.token
    assert [type(each) for each in troubles] == [FileUnsafe]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 2}', '{"format": 3}', "[" * 50_000])
def test_what_is_not_of_this_format_is_replaced(path: Path, content: str) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text(content)
    path.chmod(0o600)
    platform = Platform(Clocks())
    hold(path, platform)
    assert json.loads(path.read_text())["format"] == 2


def test_a_folder_that_takes_nothing_costs_no_second_token(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise FileUnavailable("no space left on device")

    platform, troubles = Platform(Clocks()), list[DaypassError]()
    monkeypatch.setattr("daypass.files.write_atomic", full)
    assert hold(path, platform, troubles).life is not None
    assert (platform.count, len(troubles)) == (1, 1)


def test_its_repr_shows_nothing(path: Path) -> None:
    found = hold(path, Platform(Clocks()))
    assert found.token.reveal() not in repr(found)
