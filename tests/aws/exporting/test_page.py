"""The page about exports shows what is really written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daypass.aws.exporting.blueprint import blueprint
from daypass.aws.exporting.formats import FORMATS, export
from daypass.aws.provisioning.desired_file import read_desired

PAGE = (Path(__file__).parents[3] / "docs" / "exports.md").read_text("utf-8")


def section(format_name: str) -> str:
    found = re.search(rf"^### {format_name}$(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_page_shows_what_is_written(format_name: str) -> None:
    file = re.search(r"^All of this file:\n\n```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert file is not None
    files = export(blueprint(read_desired(file[1]), "daypass-aws.yaml"), format_name)
    said = section(format_name)
    assert {*re.findall(r"`([\w.-]+\.(?:\w+))`", said.partition("```")[0])} >= {*files}
    name = re.search(r"^`([^`]+)`:", said, re.MULTILINE)
    block = re.search(r"^```\w+\n(.*?)^```$", said, re.MULTILINE | re.DOTALL)
    assert name is not None
    assert block is not None
    at = 0
    for part in re.split(r"^(?:# )?…\n", block[1], flags=re.MULTILINE):
        assert part in files[name[1]][at:]
        at = files[name[1]].index(part, at) + len(part)
    assert at == len(files[name[1]])
