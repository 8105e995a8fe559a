"""What differs between a file, an account and an export, on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from daypass.aws.exporting.drift import Differs
from daypass.cli.aws.show import console, verdict
from daypass.cli.output import safe

if TYPE_CHECKING:
    from rich.console import Console

    from daypass.aws.exporting.drift import Deviation, Drift, Trust

_WORDS: Final = {
    Differs.NOTHING: "nothing differs",
    Differs.FILE: "the file differs: the account and the export agree",
    Differs.ACCOUNT: "the account differs",
    Differs.EXPORT: "the export differs: the file and the account agree",
    Differs.ALL: "all three differ",
}


def show(drift: Drift, *, with_export: bool) -> None:
    """Print what came of it for one account."""
    to = console()
    words = _WORDS[drift.differs]
    if with_export and drift.differs is Differs.ACCOUNT:
        words += ": the file and the export agree"
    style = "green" if drift.differs is Differs.NOTHING else "bold red"
    to.print(Text.assemble(("Account ", "bold"), (drift.account, "bold"), "  ", (words, style)))
    for deviation in drift.deviations:
        _show(deviation, to)


def _show(deviation: Deviation, to: Console) -> None:
    aspect = deviation.aspect.replace("_", " ")
    to.print(Text.assemble("  ", (f"{deviation.where}: {safe(deviation.resource)}: ", "bold"), aspect))
    for line in deviation.lines:
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        to.print(Text(f"      {safe(line)}", style))
    if deviation.trust is not None:
        _show_trust(deviation.trust, deviation.where.value, to)
    elif not deviation.lines:
        to.print(Text(f"      file: {_value(deviation.file)}"))
        to.print(Text(f"      {deviation.where}: {_value(deviation.found)}"))


def _show_trust(trust: Trust, where: str, to: Console) -> None:
    if trust.difference is None:
        to.print(Text(f"      undecided: {safe(trust.undecided or '')}", "bold red"))
        return
    for line in verdict(trust.difference, f"gets in by the {where} alone", "gets in by the file alone"):
        to.print(Text(f"      {safe(line)}", "italic"))


def _value(value: Any) -> str:
    return safe(value if isinstance(value, str) else json.dumps(value))
