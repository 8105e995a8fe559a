"""A plain command line means what argparse says that it means, or is left to argparse."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daypass.cli import idp, plain
from daypass.errors import UsageInvalid

COMMANDS: tuple[list[str], ...] = (
    *(["token"], ["exchange"], ["login", "aws"], ["credentials", "aws"], ["exec", "aws"], ["env", "aws"]),
    *(["agent"], ["token-file"], ["logout", "aws"], ["login"], ["nothing"], []),
)
OPTIONS = (
    *("--audience", "--role-arn", "-d", "--duration-seconds", "-p", "--profile", "--region", "--token-source"),
    *("--decode", "--json", "-v", "--verbose", "--refreshing", "--no-cache", "--wait", "--clamp-duration", "--all"),
    *("--session-tags", "--expect-account", "--shell", "--format", "--path", "--watch", "--unset", "--exchange"),
    *("--aws-role", "--chain-role-arn", "-x", "--help", "--", "-", "-pci", "--roles", "--explain", "--policy"),
)
VALUES = ("a", "", "3600", "-5", "fish", "sh", "current", "a=b", "two words", "-a b", "--audience", "--")
WORDS = st.one_of(
    st.sampled_from(OPTIONS),
    st.sampled_from(VALUES),
    st.builds("{}={}".format, st.sampled_from(OPTIONS), st.sampled_from(VALUES)),
)


@example(command=["login", "aws"], words=["--region=--", "--expect-account=--"])
@given(command=st.sampled_from(COMMANDS), words=st.lists(WORDS, max_size=6))
def test_what_is_read_plainly_is_what_argparse_reads(command: list[str], words: list[str]) -> None:
    found = plain.read(idp.declare, [*command, *words])
    if found is not None:
        read = vars(idp.parser().parse_args([*command, *words]))
        assert {**vars(found), "action": None} == {**read, "action": None}


@pytest.mark.parametrize(
    "line",
    [
        "token --audience sts.amazonaws.com",
        "token --audience=a --audience b --decode",
        "login aws --role-arn arn:aws:iam::111122223333:role/ci -p ci -d 900 --json",
        "credentials aws --no-cache",
        "env aws --shell fish",
        "logout aws --all",
        "token-file --path x --watch",
    ],
)
def test_what_jobs_type_is_plain(line: str) -> None:
    assert plain.read(idp.declare, line.split()) is not None


@pytest.mark.parametrize(
    "line",
    ["login aws --role-arn", "token --audience -x", "env aws --shell zsh", "token-file", "login aws --jsn", "token x"],
)
def test_what_is_wrong_is_left_to_argparse_to_say(line: str) -> None:
    assert plain.read(idp.declare, line.split()) is None
    with pytest.raises(UsageInvalid):
        idp.parser().parse_args(line.split())


def test_values_of_one_line_are_not_those_of_the_next() -> None:
    first = plain.read(idp.declare, ["token", "--audience", "a"])
    second = plain.read(idp.declare, ["token", "--audience", "b"])
    assert first is not None
    assert second is not None
    assert (first.audience, second.audience) == (["a"], ["b"])
