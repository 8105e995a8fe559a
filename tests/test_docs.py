"""What README and documentation tell people to type, open or follow is there, and works as written."""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daypass.cli.main import COMMANDS
from daypass.cli.parsing import Parser
from daypass.config import SETTINGS
from daypass.errors import UsageInvalid
from daypass.trust.document import Policy
from daypass.trust.role_trust import check_role_trust

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("**/*.md")])
WRITTEN_BY_HAND = [page for page in PAGES if page.parent.name != "reference"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"(?:docs|demo|vectors|src|tests|requirements|bench)/[\w./-]*|[\w-]+\.(?:md|toml)")
# Files of the reader's, not of the repository.
THEIRS = {"daypass.toml"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page, and the indented ones when "" is among the languages."""
    text = page.read_text("utf-8")
    yield from (match[2] for match in FENCE.finditer(text) if match[1] in languages)
    if "" in languages:
        yield from (line[4:] for line in FENCE.sub("", text).splitlines() if line.startswith("    "))


def command_lines(page: Path) -> Iterator[str]:
    """Everything on a page that starts with `daypass` or `make` and a word, in blocks and in the text."""
    for block in blocks(page, "sh", ""):
        yield from (line.strip() for line in block.splitlines() if re.match(r"\s*(?:daypass|make) [a-z-]", line))
    text = FENCE.sub("", page.read_text("utf-8"))
    yield from (span[1] for span in SPAN.finditer(text) if re.match(r"(?:daypass|make) [a-z-]", span[1]))


LINES = [(name_of(page), line) for page in WRITTEN_BY_HAND for line in command_lines(page)]


def test_the_pages_hold_commands() -> None:
    assert {name for name, _ in LINES} >= {"README.md", "docs/quickstart.md", "CHANGELOG.md"}
    assert sum(line.startswith("daypass") for _, line in LINES) >= 20


@pytest.mark.parametrize(("page", "line"), [pytest.param(*each, id=f"{each[0]}:{each[1]}") for each in LINES])
def test_every_command_of_the_pages_is_one(page: str, line: str) -> None:
    program, name, *rest = shlex.split(line.replace("…", "arn:aws:iam::111122223333:role/x"), comments=True)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert name in targets
        assert all("=" in word for word in rest)
        return
    in_text = f"`{line}`" in FENCE.sub("", (ROOT / page).read_text("utf-8"))
    for group, *words in product(*(word.split("|") for word in (name, *rest))):
        check_command(group, words, in_text=in_text)


def check_command(group: str, words: list[str], *, in_text: bool) -> None:
    assert group in COMMANDS
    parser = import_module(COMMANDS[group][0]).parser()
    assert isinstance(parser, Parser)
    if "--help" in words:
        with pytest.raises(SystemExit):
            parser.parse_args(words)
        return
    try:
        parser.parse_args(words)
    except UsageInvalid as error:
        # The text may name a command without all that it takes when it is typed; never one that is not there.
        if not in_text or "are required" not in error.message:
            pytest.fail(error.message)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=name_of)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    for span in SPAN.findall(FENCE.sub("", page.read_text("utf-8"))):
        if PLACE.fullmatch(span) and span not in THEIRS:
            assert any((folder / span).exists() for folder in (ROOT, page.parent)), span


QUICKSTART = ROOT / "docs" / "quickstart.md"


def test_the_settings_of_the_quick_start_are_settings() -> None:
    (block,) = blocks(QUICKSTART, "toml")
    assert tomllib.loads(block).keys() <= {setting.name for setting in SETTINGS}
    required = {setting.name for setting in SETTINGS if setting.default_text == "required"}
    assert required <= tomllib.loads(block).keys()


def test_the_trust_policy_of_the_quick_start_is_one() -> None:
    (block,) = blocks(QUICKSTART, "json")
    check_role_trust(Policy.parse(block))
