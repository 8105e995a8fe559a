"""A picture of a terminal: what a command wrote, with its colours, as an SVG that needs only a fixed-width font."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS: Final = 100
_WIDTH: Final = 8.4
_HEIGHT: Final = 19
_MARGIN: Final = 18
_BAR: Final = 34
_STYLES: Final = {
    "": "p",
    "1": "b",
    "31": "r",
    "32": "g",
    "33": "y",
    "2": "d",
}
_HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{title}">
<style>
text {{ font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre; fill: #d7dce2 }}
.b {{ font-weight: bold; fill: #ffffff }} .d {{ fill: #8b949e }}
.r {{ font-weight: bold; fill: #ff7b72 }} .g {{ font-weight: bold; fill: #7ee787 }}
.y {{ font-weight: bold; fill: #e3b341 }}
</style>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
<circle cx="20" cy="18" r="5" fill="#ff5f57"/><circle cx="38" cy="18" r="5" fill="#febc2e"/>
<circle cx="56" cy="18" r="5" fill="#28c840"/>
"""


class Run(NamedTuple):
    """Characters of one line that look alike; `style` is a class of the picture, `column` where they begin."""

    column: int
    style: str
    text: str


def draw(written: str, *, title: str) -> str:
    """The picture.

    Args:
        written: what a terminal was sent: text, line ends, and colours (ECMA-48 SGR); nothing else moves.
        title: for who cannot see it.
    """
    lines = [row for line in written.rstrip("\n").split("\n") for row in _rows(line)]
    width = 2 * _MARGIN + COLUMNS * _WIDTH
    drawn = [_HEAD.format(width=width, height=_BAR + len(lines) * _HEIGHT + _MARGIN, title=escape(title))]
    for number, row in enumerate(lines):
        y = _BAR + (number + 1) * _HEIGHT - 5
        for run in row:
            x, length = _MARGIN + run.column * _WIDTH, len(run.text) * _WIDTH
            place = f'x="{x:g}" y="{y}" textLength="{length:g}" class="{run.style}"'
            drawn.append(f'<text {place} xml:space="preserve">{escape(run.text)}</text>\n')
    return "".join([*drawn, "</svg>\n"])


def plain(written: str) -> str:
    """The text without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", written)


def _rows(line: str) -> Iterator[list[Run]]:
    """A line as the rows that a terminal of COLUMNS makes of it: it breaks where the edge is."""
    row: list[Run] = []
    column = 0
    for style, text in _styled(line):
        rest = text
        while rest:
            taken, rest = rest[: COLUMNS - column], rest[COLUMNS - column :]
            row.append(Run(column, style, taken))
            column += len(taken)
            if column == COLUMNS and rest:
                yield row
                row, column = [], 0
    yield row


def _styled(line: str) -> Iterator[tuple[str, str]]:
    style = _STYLES[""]
    for number, part in enumerate(re.split(r"\x1b\[([0-9;]*)m", line)):
        if number % 2:
            style = _STYLES["" if part == "0" else part]
        elif part:
            yield style, part
