"""Take the pictures of the doctor in docs/screens/ again: an issuer of the fault laboratory, really examined.

`PYTHONPATH=tests python docs/doctor_screens.py`. The terminal's are SVGs that rich draws; the page's need Chromium and
are left as they are without it, and are made smaller by pngquant where it is there.
"""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from daypass import __version__
from daypass.cli import doctor_error, doctor_screen
from daypass.doctor.from_error import Recognised, recognise, weigh
from daypass.doctor.judge import judge
from daypass.doctor.reports.html import as_html
from support.laboratory import Laboratory, specimens
from support.laboratory.doctor import account, examined
from support.laboratory.sts import NO_THUMBPRINT

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.doctor.facts import Facts
    from daypass.doctor.judge import Diagnosis

SCREENS: Final = Path(__file__).parent / "screens"
COLUMNS: Final = 100
# As a terminal would: what the page asks for is fetched from nowhere.
SVG: Final = re.sub(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
DENIED: Final = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def gitlab() -> dict[str, Any]:
    """A GitLab of one's own with two faults: its certificates, and a role for another branch."""
    healthy = specimens()[0]
    provider = "arn:aws:iam::111122223333:oidc-provider/{prefix}"
    condition = {
        "StringEquals": {
            "{prefix}:aud": "https://gitlab.example.com",
            "{prefix}:sub": "project_path:mygroup/app:ref_type:branch:ref:*",
        }
    }
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return {
        **healthy,
        "id": "gitlab",
        "base_claims": {
            "iss": "{issuer}",
            "sub": "project_path:mygroup/app:ref_type:branch:ref:main",
            "aud": "https://gitlab.example.com",
            "iat": "{now}",
            "exp": "{now+300}",
            "project_path": "mygroup/app",
            "ref": "main",
            "pipeline_source": "push",
        },
        "client_ids": ["https://gitlab.example.com"],
        "role": {"trust_policy": {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}},
        "server": {"chain": ["leaf", "top", "lower"], "signed_by": "lower"},
        "headers": {"keys": {"cache-control": "public, max-age=31536000"}},
    }


def draw(name: str, title: str, show: Callable[[Console], object]) -> None:
    """A terminal as SVG."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), highlight=False, force_terminal=True, color_system="truecolor"
    )
    show(console)
    svg = console.export_svg(title=title, code_format=SVG, unique_id=name)
    (SCREENS / f"{name}.svg").write_text(svg.rstrip() + "\n", "utf-8")


FRAME: Final = """<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<body style="margin:0;background:#7a828d">
<iframe srcdoc="{page}" style="border:0;display:block;margin:auto;width:{width}px;height:{height}px"></iframe>
<script>onload = () => document.body.dataset.height = frames[0].document.documentElement.scrollHeight</script>"""


def photograph(page: str, name: str, width: int, *, dark: bool = False) -> None:
    """The whole page as Chromium shows it at this width. Its window is never narrower than 500, so a frame is."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print(f"left as it is: {name}.png (there is no chromium)")
        return
    window = max(width, 500)
    scheme = "--blink-settings=preferredColorScheme=" + ("0" if dark else "1")
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"

        def chromium(height: int, *options: str) -> str:
            frame.write_text(FRAME.format(page=html.escape(page), width=width, height=height), "utf-8")
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", scheme]
            command += [f"--window-size={window},{height}", *options, f"file://{frame}"]
            return subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout

        measured = re.search(r'data-height="([0-9]+)"', chromium(400, "--dump-dom"))
        assert measured is not None
        picture = f"{SCREENS / name}.png"
        chromium(int(measured[1]), f"--screenshot={picture}")
    if smaller := shutil.which("pngquant"):
        subprocess.run([smaller, "--force", "--output", picture, "64", picture], check=True, timeout=60)


def main() -> None:
    """Examine, draw, photograph."""
    SCREENS.mkdir(exist_ok=True)
    with Laboratory(5.0) as laboratory:
        specimen = laboratory.start(gitlab())
        facts = examined(laboratory, specimen, account(specimen, NO_THUMBPRINT))
    diagnosis = judge(facts)
    found = recognise(DENIED)
    assert isinstance(found, Recognised)
    draw("doctor", f"daypass doctor {specimen.issuer}", lambda console: doctor_screen.draw(console, facts, diagnosis))
    draw("doctor-error", "daypass doctor --from-error -", lambda console: _error(console, found, facts, diagnosis))
    page = as_html(facts, diagnosis, version=__version__)
    photograph(page, "doctor-report", 1280)
    photograph(page, "doctor-report-dark", 1280, dark=True)
    photograph(page, "doctor-report-narrow", 400)


def _error(console: Console, found: Recognised, facts: Facts, diagnosis: Diagnosis) -> None:
    doctor_error.draw(console, found, weigh(found, facts, diagnosis), examined=True)


if __name__ == "__main__":
    main()
