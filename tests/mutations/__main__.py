"""Carry out the breakages, each on a copy of the source; status 1 when one of them goes unnoticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutations.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).parent.parent.parent
WORKERS = 2
FAILED = 1  # pytest: some tests failed; every other status is a mistake of the table


def run(tests: list[str], source: Path) -> subprocess.CompletedProcess[str]:
    """The tests on that source."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=line", *tests]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def carry_out(breakage: Breakage) -> str | None:
    """What went wrong, or None when the test has failed as it must."""
    with tempfile.TemporaryDirectory(prefix="daypass-mutant-") as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        file = source / "daypass" / breakage.file
        text = file.read_text("utf-8")
        if text.count(breakage.old) != 1:
            return f"`{breakage.old}` is there {text.count(breakage.old)} times"
        file.write_text(text.replace(breakage.old, breakage.new), "utf-8")
        done = run([f"tests/{breakage.test}"], source)
    if done.returncode == FAILED:
        return None
    return "no test failed" if done.returncode == 0 else f"pytest ended with {done.returncode}: {done.stdout[-400:]}"


def tell(line: str) -> None:
    """At once: it takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(threats: list[str]) -> int:
    """All breakages, or those of the threats that are named by number."""
    chosen = [each for each in BREAKAGES if not threats or str(each.threat) in threats]
    sound = run(sorted({f"tests/{each.test}" for each in chosen}), ROOT / "src")
    if sound.returncode != 0:
        tell(f"the tests fail before anything is broken:\n{sound.stdout[-2000:]}")
        return 1
    unnoticed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for breakage, fault in zip(chosen, pool.map(carry_out, chosen), strict=True):
            unnoticed += fault is not None
            tell(f"{breakage.threat:>3}  {breakage.file}: {'noticed' if fault is None else fault}")
    tell(f"{len(chosen) - unnoticed} of {len(chosen)} breakages are noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
