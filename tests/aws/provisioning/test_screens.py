"""The pictures in the documentation are what the command prints, and a pipe gets no colours."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.cli.aws.show import console, show_plan, show_progress

if TYPE_CHECKING:
    from support.provisioning import Bench

SCRIPT = Path(__file__).parents[3] / "docs" / "plan_screens.py"


def test_the_screens_are_what_the_code_draws() -> None:
    spec = importlib.util.spec_from_file_location("screens", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, svg in module.screens().items():
        assert (SCRIPT.parent / "screens" / name).read_text("utf-8") == svg, f"{name}: run docs/plan_screens.py"


def test_progress_tells_each_step_and_what_is_waited_for(bench: Bench) -> None:
    bench.iam.fail("AttachRolePolicy", "AccessDenied")
    bench.apply()
    stream = io.StringIO()
    for event in bench.events:
        show_progress(event, console(stream))
    assert [line.split("  ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "✓ 1/3  provider gitlab.com: create the provider; it takes tokens for https://gitlab.com",
        "✓ 2/3  role shop-deploy: create the role; sessions last up to 1 h",
        "… 3/3  role shop-deploy: attach arn:aws:iam::aws:policy/ReadOnlyAccess (AWS does not know it everywhere yet)",
        "✓ 3/3  role shop-deploy: attach arn:aws:iam::aws:policy/ReadOnlyAccess",
    ]


def test_a_pipe_gets_no_colour_and_no_broken_lines(bench: Bench) -> None:
    stream = io.StringIO()
    show_plan(bench.plan(), "here " + "x" * 200, console(stream))
    assert "\x1b" not in stream.getvalue()
    assert "x" * 200 + ", stack shop" in stream.getvalue()
