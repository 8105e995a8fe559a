"""Write docs/reference/conformance.md: the conformance suite against the local AWS and against moto, side by side.

`python docs/compare.py`; both servers are started here, as processes. It takes about 20 seconds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.bootstrap.server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "reference" / "conformance.md"
CONFORMANCE = [sys.executable, "-m", "daypass.testing.conformance"]


def head() -> str:
    """What the page says before the tables."""
    return (
        "<!-- Written by docs/compare.py. -->\n"
        "# AWS, the local AWS and moto\n\n"
        f"The cases of `vectors/sts/` asked of `daypass local-aws` and of moto {version('moto')}'s server."
        " How to ask another endpoint: [the conformance suite](../conformance.md).\n\n"
    )


@contextmanager
def _running(command: list[str], port: int) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def compare(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the suite against both; `folder` holds `report.json` and `report.md` afterwards."""
    subprocess.run([*CONFORMANCE, "--authority", str(folder), "--prepare"], check=True, capture_output=True)
    ours, theirs = free_port(), free_port()
    local = [sys.executable, "-m", "daypass", "local-aws", "--port", str(ours), "--trust-ca", str(folder / "ca.pem")]
    moto = [sys.executable, "-m", "moto.server", "-p", str(theirs)]
    with _running(local, ours) as daypass_url, _running(moto, theirs) as moto_url:
        return subprocess.run(
            [
                *CONFORMANCE,
                *("--authority", str(folder), "--endpoint", f"daypass={daypass_url}", "--endpoint", f"moto={moto_url}"),
                *("--json", str(folder / "report.json"), "--markdown", str(folder / "report.md")),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=170,
        )


def main() -> int:
    """Write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = compare(folder)
        if done.returncode == 3:
            raise SystemExit(done.stderr)
        PAGE.write_text(head() + (folder / "report.md").read_text("utf-8"), "utf-8")
    print(done.stdout.rstrip().rpartition("\n\n")[2])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
