"""Write the shared shell parts into every drop-in, so that each can be pasted alone and none has a copy of its own.

A part stands between `# >>> NAME.sh` and `# >>> end`, at the indentation of those lines. `python integrations/weave.py`
writes them, `--check` fails when one is not what `integrations/shell/NAME.sh` says.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from textwrap import indent

FOLDER = Path(__file__).parent
SHELL = FOLDER / "shell"
PART = re.compile(
    r"^(?P<margin> *)# >>> (?P<name>[a-z]+\.sh)\n(?:.*?^)??(?P=margin)# >>> end$", re.MULTILINE | re.DOTALL
)


def woven(text: str) -> str:
    """The text of a drop-in with each part as it is now. Raises FileNotFoundError for a part that is not there."""

    def part(match: re.Match[str]) -> str:
        margin, name = match["margin"], match["name"]
        return f"{margin}# >>> {name}\n{indent((SHELL / name).read_text('utf-8'), margin)}{margin}# >>> end"

    return PART.sub(part, text)


def drop_ins() -> list[Path]:
    """Every file into which a part is woven."""
    files = (path for path in FOLDER.rglob("*") if path.is_file() and path.parent != SHELL and path.suffix != ".py")
    return sorted(path for path in files if "# >>> " in path.read_text("utf-8", errors="ignore"))


def main() -> int:
    """Write, or compare; the exit status is 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(description="Write the shared shell parts into every drop-in.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a drop-in is out of date")
    check = parser.parse_args().check
    status = 0
    for path in drop_ins():
        before = path.read_text("utf-8")
        after = woven(before)
        if before == after:
            continue
        status = int(check)
        sys.stdout.write(f"{path.relative_to(FOLDER)} {'is out of date' if check else 'written'}\n")
        if not check:
            path.write_text(after, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
