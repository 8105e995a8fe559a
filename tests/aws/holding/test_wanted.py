"""A wish, its command line, and the name of its entry: never somebody else's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import daypass.ambient
from daypass.aws.holding import wanted
from daypass.aws.holding.wanted import Wanted

ROLE = "arn:aws:iam::111122223333:role/ci"
WORD = st.from_regex(r"[A-Za-z0-9:/_.,@=+-]{1,30}", fullmatch=True)
WISHES = st.builds(
    Wanted,
    role_arn=WORD,
    duration_seconds=WORD,
    session_name=st.none() | WORD,
    audience=st.none() | WORD,
    region=st.none() | WORD,
    scope=st.none() | WORD,
    chain_role_arn=st.none() | WORD,
    token_source=st.none() | WORD,
)


@example(Wanted("a", session_name="-ci-"))
@given(WISHES)
def test_the_command_line_of_a_wish_makes_it_again(wish: Wanted) -> None:
    assert Wanted.read(wish.words(), {}) == wish


@given(WISHES, WISHES)
def test_other_wishes_have_other_entries(one: Wanted, other: Wanted) -> None:
    assert (one.key({}) == other.key({})) == (one == other)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["x"],
        ["--help"],
        ["--role-arn"],
        ["--role-arn", "--help"],
        ["--no-cache", "--role-arn", ROLE],
        ["--role", "x"],
    ],
)
def test_whatever_is_not_plain_goes_the_long_way(words: list[str]) -> None:
    assert Wanted.read(words, {}) is None


@pytest.mark.parametrize("words", [["--role-arn", ROLE, "-d", "900"], [f"--role-arn={ROLE}", "--duration-seconds=900"]])
def test_both_forms_of_an_option_are_the_same_wish(words: list[str]) -> None:
    assert Wanted.read(words, {}) == Wanted(ROLE, "900")


def test_the_role_may_come_from_the_environment() -> None:
    assert Wanted.read([], {"AWS_ROLE_ARN": "a"}) == Wanted("a")
    assert Wanted.read([], {"AWS_ROLE_ARN": "a", "IDP_AWS_ROLE_ARN": "b"}) == Wanted("b")


@pytest.mark.parametrize(
    "name", ["DAYPASS_URL", "DAYPASS_TOKEN", "CI_JOB_ID", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_REGION"]
)
def test_another_job_or_endpoint_has_another_entry(name: str) -> None:
    """Two jobs of one user on one machine: the second must not get the first one's role."""
    assert len({Wanted(ROLE).key(environ) for environ in ({}, {name: "a"}, {name: "b"})}) == 3


def test_another_secret_in_the_same_file_has_another_entry(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    keys = set()
    for content in ("a", "b"):
        path.write_text(content)
        for environ, wish in (
            ({"DAYPASS_TOKEN_FILE": str(path)}, Wanted(ROLE)),
            ({}, Wanted(ROLE, token_source=f"file:{path}")),
            ({"MINE": content}, Wanted(ROLE, token_source="gitlab:MINE")),
        ):
            keys.add(wish.key(environ))
    assert len(keys) == 6


def test_another_token_below_the_home_has_another_entry(tmp_path: Path) -> None:
    keys = set()
    for content in ("a", "b"):
        (tmp_path / "token").write_text(content)
        keys.add(Wanted(ROLE, token_source="file:~/token").key({"HOME": str(tmp_path)}))
    assert len(keys) == 2


@pytest.mark.parametrize(
    "command",
    ["sh -c 'echo $MINE'", "printenv MINE", 'sh -c "printf %s ${MINE}"', "cat {path}", "sh -c 'cat <{path}|tr -d x'"],
)
def test_another_token_of_the_same_command_has_another_entry(command: str, tmp_path: Path) -> None:
    """A shell runner runs two projects' jobs as one user; the second must not get the first one's role."""
    path = tmp_path / "token"
    wish = Wanted(ROLE, token_source=f"command:{command.replace('{path}', str(path))}")
    keys = set()
    for content in ("a", "b"):
        path.write_text(content)
        keys.add(wish.key({"MINE": content}))
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("name", "source"),
    [("TFC_WORKLOAD_IDENTITY_TOKEN_AWS", None), ("TFC_WORKLOAD_IDENTITY_TOKEN_MINE", "hcp-terraform:MINE")],
)
def test_plan_and_apply_of_one_run_have_their_own_entries(name: str, source: str | None) -> None:
    """They have one number and two subjects: run_phase:plan and run_phase:apply."""
    wish = Wanted(ROLE, token_source=source)
    assert wish.key({"TFC_RUN_ID": "run-1", name: "plan"}) != wish.key({"TFC_RUN_ID": "run-1", name: "apply"})


@pytest.mark.parametrize("environ", [{}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {"K_SERVICE": "x"}])
def test_machines_that_share_a_home_share_no_entry_of_the_machines_own_identity(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {**environ, "DAYPASS_TOKEN": "x"}
    keys = []
    for name in ("pod-1", "pod-2"):
        here = os.uname()
        monkeypatch.setattr(os, "uname", lambda name=name, here=here: os.uname_result((here[0], name, *here[2:])))
        keys.append((Wanted(ROLE).key(environ), Wanted(ROLE).key(own)))
        monkeypatch.undo()
    assert keys[0][0] != keys[1][0]
    assert keys[0][1] == keys[1][1]


def test_every_variable_from_which_a_platform_takes_a_token_is_part_of_the_name() -> None:
    """A platform that is added to `ambient` with a token in a variable must not share entries between jobs."""
    read = set()
    for path in Path(daypass.ambient.__file__).parent.glob("*.py"):
        read |= set(re.findall(r'"([A-Z][A-Z0-9_]*(?:TOKEN|JWT\w*|JOB_ID|RUN_ID|TOKEN_FILE))"', path.read_text()))
    # Their values are shown to nobody, or they give none.
    read -= {"AWS_TOKEN", "CI_JOB_TOKEN", "CI_DEPLOY_TOKEN", "MY_OIDC_TOKEN"}
    assert read <= {*wanted._IDENTITY, *wanted._IDENTITY_FILES}


def test_a_config_file_that_names_another_endpoint_makes_another_entry(tmp_path: Path) -> None:
    path = tmp_path / "config"
    environ = {"AWS_CONFIG_FILE": str(path)}
    keys = [Wanted(ROLE).key(environ)]
    for content in (
        "[default]\nregion = x\n",
        "[default]\nendpoint_url = https://a\n",
        "[default]\nendpoint_url = https://b\n",
    ):
        path.write_text(content)
        keys.append(Wanted(ROLE).key(environ))
    keys.append(Wanted(ROLE).key(environ | {"AWS_PROFILE": "other"}))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
