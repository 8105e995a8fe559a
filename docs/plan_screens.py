"""Draw the screens of the documentation from the code that prints them.

`python docs/plan_screens.py` writes them, `--check` fails when one is not what the code draws.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from daypass.aws.provisioning.account import Seen, SeenProvider, SeenRole
from daypass.aws.provisioning.desired_file import read_desired
from daypass.aws.provisioning.ownership import MADE_BY, POLICIES, record
from daypass.aws.provisioning.plan import plan
from daypass.aws.provisioning.trust_policies import trust_policy
from daypass.cli.aws.show import show_plan

FOLDER = Path(__file__).parent / "screens"
ACCOUNT = "210987654321"
_READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
_BEFORE = """
stack: shop
providers: [{issuer: https://gitlab.com, audiences: [https://gitlab.com]}]
roles:
  shop-deploy:
    who: [{gitlab: {project: tidewater/shop, project_id: 42, branch: [main, next]}}]
    managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
"""
_NOW = """
stack: shop
providers: [{issuer: https://gitlab.com, audiences: [https://gitlab.com]}]
roles:
  shop-deploy:
    who: [{gitlab: {project: tidewater/shop, project_id: 42, branch: main}}]
    managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
  shop-preview:
    who: [{gitlab: {project: tidewater/shop, branch: 'preview-*'}}]
"""
_WIDER = _BEFORE.replace("[main, next]", "[main, next, 'release-*']")


def seen() -> Seen:
    """An account in which another team made the provider, and this stack a role some time ago."""
    wanted = read_desired(_BEFORE)
    (role,) = wanted.roles
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
    there = SeenRole(
        arn=f"arn:aws:iam::{ACCOUNT}:role/shop-deploy",
        name=role.name,
        path="/",
        description="",
        trust_policy=trust_policy(role, wanted.providers[0], ACCOUNT).text,
        max_session_seconds=3600,
        managed_policies=(_READ_ONLY,),
        inline_policies=(),
        boundary=None,
        tags={MADE_BY: "shop", POLICIES: record([f"managed:{_READ_ONLY}"])},
    )
    provider = SeenProvider(arn, "https://gitlab.com", ("sts.amazonaws.com",), (), {"team": "platform"})
    return Seen(ACCOUNT, "aws", {arn: provider}, {role.name: there})


def screens() -> dict[str, str]:
    """Every screen by its file's name, as SVG."""
    return {
        "plan.svg": _drawn("daypass aws plan", _NOW),
        "plan-wider.svg": _drawn("daypass aws plan", _WIDER),
    }


def _drawn(title: str, text: str) -> str:
    to = Console(
        file=io.StringIO(), record=True, width=112, force_terminal=True, color_system="truecolor", highlight=False
    )
    show_plan(plan(read_desired(text), seen()), "profile prod", to)
    return to.export_svg(title=title, theme=SVG_EXPORT_THEME, unique_id=title.replace(" ", "-") + str(len(text)))


def main() -> int:
    """Write the screens, or with `--check` tell which are stale."""
    found = screens()
    stale = [
        name for name, svg in found.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != svg
    ]
    if "--check" in sys.argv[1:]:
        print(json.dumps({"stale": stale}))
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(found[name], "utf-8")
    print(f"written: {', '.join(stale) or 'nothing'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
