"""Values that real shells take in as they are, whatever is in them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.aws.holding.environment import CREDENTIALS, clean
from daypass.aws.holding.shells import Shell, assignments, github_env, github_masks, gitlab_dotenv
from daypass.errors import RequestInvalid

NASTY = "a'b\"c $HOME `id` $(id) \\ \\' %PATH% !x #y ;z\n\t*~|&<>\u2019\u201b\u202eé"
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


POSIX_SHELLS = {
    "sh": ["sh"],
    "sh -eu": ["sh", "-eu"],
    "bash": ["bash"],
    "bash --posix": ["bash", "--posix"],
    "dash": ["dash"],
    "zsh": ["zsh"],
    "zsh as sh": ["zsh", "--emulate", "sh"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
    "busybox": ["busybox", "sh"],
    "yash": ["yash"],
}
"""Those that `.ci/run` installs, and others where they are."""


def evaluated(shell: str | list[str], script: str, name: str) -> str:
    command = [shell] if isinstance(shell, str) else shell
    done = subprocess.run(
        [*command, "-c", f'{script}\nprintf %s "$' + name + '"'],
        env={"PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir(), "OLD": "x", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.parametrize("name", POSIX_SHELLS)
def test_posix_shells_take_in_what_is_there(name: str) -> None:
    shell = POSIX_SHELLS[name]
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed; .ci/run says which shells are")
    for value in (
        NASTY,
        "",
        "-n",
        "x" * 4000,
        "'" * 9,
        "\n",
        "a\n\n",
        "\\",
        "~",
        "!!",
        "%s%n",
        "=(id)",
        "{a,b}",
        "\r\n",
    ):
        assert evaluated(shell, assignments(Shell.SH, {"V": value}), "V") == value
        # As it is used: the lines go through a command substitution and one more round of reading.
        quoted = f"eval \"$(cat <<'daypass-end'\n{assignments(Shell.SH, {'V': value})}daypass-end\n)\""
        assert evaluated(shell, quoted, "V") == value
    unset = assignments(Shell.SH, {}, unset=["OLD", "NEVER_SET"])
    assert evaluated(shell, f'{unset}\nOLD="${{OLD-gone}}"', "OLD") == "gone"


@given(TEXTS)
@settings(max_examples=40)
def test_sh_takes_in_any_text(value: str) -> None:
    assert evaluated("sh", assignments(Shell.SH, {"V": value}), "V") == value


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_takes_in_what_is_there() -> None:
    for value in (NASTY, "", "\\", "\\\\'", "'"):
        assert evaluated("fish", assignments(Shell.FISH, {"V": value}), "V") == value
    assert evaluated("fish", assignments(Shell.FISH, {}, unset=["OLD"]), "OLD") == ""


def read_by_powershell(line: str) -> str:
    """A single-quoted string as about_Quoting_Rules has it: every kind of single quote ends it, unless doubled."""
    quotes = "'\u2018\u2019\u201a\u201b"
    found = re.fullmatch(rf"\$Env:V = '((?:[^{quotes}]|[{quotes}]{{2}})*)'\n", line)
    assert found, line
    return re.sub(rf"([{quotes}])[{quotes}]", r"\1", found[1])


@given(TEXTS)
def test_powershell_can_read_any_text_in_one_way(value: str) -> None:
    assert read_by_powershell(assignments(Shell.POWERSHELL, {"V": value})) == value


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed")
def test_powershell_takes_in_what_is_there() -> None:
    script = assignments(Shell.POWERSHELL, {"V": NASTY}) + "[Console]::Out.Write($Env:V)"
    done = subprocess.run(["pwsh", "-NoProfile", "-Command", script], capture_output=True, text=True, check=True)
    assert done.stdout == NASTY


@pytest.mark.parametrize("name", ["", "A B", "A=B", "1A", "A;id", "A\nB", "é", "A-B"])
def test_names_that_are_none_are_refused(name: str) -> None:
    for shell in Shell:
        with pytest.raises(RequestInvalid):
            assignments(shell, {name: "x"})
        with pytest.raises(RequestInvalid):
            assignments(shell, {}, unset=[name])
    with pytest.raises(RequestInvalid):
        github_env({name: "x"}, "end")
    with pytest.raises(RequestInvalid):
        gitlab_dotenv({name: "x"})


def read_by_github(text: str) -> dict[str, str]:
    """As actions/runner reads GITHUB_ENV: `NAME<<END`, the lines until END."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, end = line.split("<<", 1)
        body = []
        for each in lines:
            if each == end:
                break
            body.append(each)
        found[name] = "\n".join(body)
    return found


@given(TEXTS)
def test_github_reads_one_variable_and_no_more(value: str) -> None:
    """A value that ends the block early could set PATH or LD_PRELOAD of the next steps."""
    assert read_by_github(github_env({"V": value, "W": "w"}, "daypass_0123")) == {"V": value, "W": "w"}


def test_a_value_with_the_delimiter_is_refused() -> None:
    with pytest.raises(RequestInvalid):
        github_env({"V": "x\nend\nPATH<<end\n/evil\nend"}, "end")


def test_masks_cover_each_line_and_escape_what_a_command_would_decode() -> None:
    assert (
        github_masks(["se%25cret", "two\nlines\n\n"]) == "::add-mask::se%2525cret\n::add-mask::two\n::add-mask::lines\n"
    )


@pytest.mark.parametrize("value", ["a b", 'a"b', "a#b", "a\nB=c", "$HOME", "a\\b", "'a'"])
def test_a_dotenv_report_takes_only_what_is_read_literally(value: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        gitlab_dotenv({"V": value})
    assert value not in refused.value.message


def test_a_dotenv_report_is_as_long_as_gitlab_reads() -> None:
    assert gitlab_dotenv({"A": "x/+=", "B": "y"}) == "A=x/+=\nB=y\n"
    with pytest.raises(RequestInvalid, match="5120"):
        gitlab_dotenv({"A": "x" * 5118})


def test_a_clean_environment_has_no_credentials_of_aws_and_the_rest() -> None:
    kept = {"PATH": "/bin", "AWS_REGION": "x", "AWS_CA_BUNDLE": "y", "AWS_ENDPOINT_URL": "z", "HTTPS_PROXY": "p"}
    assert clean({**kept, **dict.fromkeys(CREDENTIALS, "stale"), "DAYPASS_TOKEN": "secret"}) == kept


def test_every_variable_that_botocore_takes_credentials_from_is_known() -> None:
    """A new one in botocore must not be left in the environment of a command."""
    import botocore.configprovider
    import botocore.credentials
    from botocore.utils import ContainerMetadataFetcher

    provider = botocore.credentials.ContainerProvider
    env = botocore.credentials.EnvProvider
    names = {provider.ENV_VAR, provider.ENV_VAR_FULL, provider.ENV_VAR_AUTH_TOKEN, provider.ENV_VAR_AUTH_TOKEN_FILE}
    names |= {env.ACCESS_KEY, env.SECRET_KEY, *env.TOKENS, env.EXPIRY_TIME}
    names |= set(botocore.credentials.AssumeRoleWithWebIdentityProvider._CONFIG_TO_ENV_VAR.values())
    names |= {*botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES["profile"][1]}
    names.add(botocore.credentials.OriginalEC2Provider.CRED_FILE_ENV)
    assert ContainerMetadataFetcher is not None
    assert names <= set(CREDENTIALS)
