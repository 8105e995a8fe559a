"""Named tuples without `typing` do what those of `typing` do."""

from __future__ import annotations

import copy
import pickle
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass import light_typing


class Ours(light_typing.NamedTuple):
    """A session."""

    role: str
    seconds: int = 3600
    tags: tuple[str, ...] = ()

    @property
    def minutes(self) -> float:
        return self.seconds / 60


class Theirs(typing.NamedTuple):
    """A session."""

    role: str
    seconds: int = 3600
    tags: tuple[str, ...] = ()

    @property
    def minutes(self) -> float:
        return self.seconds / 60


class Below(Ours):
    """A class below one, with an attribute that is not a field."""

    seen: bool = False


NAMES = st.sampled_from(["role", "seconds", "tags", "other"])


@given(st.lists(st.integers(), max_size=4), st.dictionaries(NAMES, st.integers(), max_size=4))
def test_made_of_the_same_arguments(values: list[int], named: dict[str, int]) -> None:
    try:
        theirs = Theirs(*values, **named)  # type: ignore[arg-type]  # wrong arguments are the point
    except TypeError:
        with pytest.raises(TypeError, match="Ours takes role, seconds, tags"):
            Ours(*values, **named)  # type: ignore[arg-type]  # likewise
        return
    ours = Ours(*values, **named)  # type: ignore[arg-type]  # likewise
    assert tuple(ours) == tuple(theirs)
    assert ours._asdict() == theirs._asdict()
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert (ours.role, ours.seconds, ours.tags) == (theirs.role, theirs.seconds, theirs.tags)
    assert hash(ours) == hash(theirs)


@pytest.mark.parametrize("name", ["_fields", "_field_defaults", "__match_args__", "__doc__"])
def test_described_alike(name: str) -> None:
    assert getattr(Ours, name) == getattr(Theirs, name)
    assert typing.get_type_hints(Ours) == typing.get_type_hints(Theirs)


def test_values_do_not_change() -> None:
    ours = Ours("a")
    for name in ("role", "other"):
        with pytest.raises(AttributeError):
            setattr(ours, name, "b")
    assert not hasattr(ours, "__dict__")


def test_replaced() -> None:
    assert Ours("a")._replace(seconds=900) == Ours("a", 900)
    assert isinstance(Ours("a")._replace(seconds=900), Ours)
    with pytest.raises(TypeError):
        Ours("a")._replace(other=1)  # type: ignore[call-arg]  # a wrong name is the point


def test_made_of_a_sequence() -> None:
    assert Ours._make(("a", 900, ())) == Ours("a", 900)
    with pytest.raises(TypeError):
        Ours._make(("a", 900, (), 1))


def test_copied_and_pickled() -> None:
    ours = Ours("a", 900, ("b",))
    for again in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert again == ours
        assert type(again) is Ours


def test_matched() -> None:
    match Ours("a", 900):
        case Ours(role, seconds):
            assert (role, seconds) == ("a", 900)


def test_methods_and_classes_below() -> None:
    assert Ours("a", 900).minutes == 15
    assert Below("a", 900).seconds == 900
    assert Below._fields == Ours._fields
    assert isinstance(Below("a"), Ours)
    assert repr(Below("a")) == "Below(role='a', seconds=3600, tags=())"
