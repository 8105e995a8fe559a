"""The files that `daypass doctor` writes for others, and the one that it reads again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.arguments import path

if TYPE_CHECKING:
    import argparse

    from daypass.doctor.facts import Facts
    from daypass.doctor.judge import Diagnosis


def add_arguments(doctor: argparse.ArgumentParser) -> None:
    """The options of the command line."""
    reports = doctor.add_argument_group("reports")
    reports.add_argument("--html", type=path, metavar="FILE", help="write the findings as a page of its own")
    reports.add_argument("--sarif", type=path, metavar="FILE", help="write them as SARIF 2.1.0, for code scanning")
    reports.add_argument(
        "--bundle", type=path, metavar="FILE", help="write what was seen, without secrets, to be judged elsewhere"
    )
    reports.add_argument(
        "--judge", type=path, metavar="BUNDLE", help="judge what such a file holds, and ask nobody anything"
    )


def write(arguments: argparse.Namespace, facts: Facts, diagnosis: Diagnosis) -> None:
    """Write the reports that were asked for. Only their owner may read them: they tell much about an account.

    Raises:
        FileUnsafe, FileUnavailable: when a file cannot be written.
    """
    import json

    from daypass import __version__, files

    if arguments.html is not None:
        from daypass.doctor.reports.html import as_html

        files.write_atomic(arguments.html, as_html(facts, diagnosis, version=__version__).encode())
    if arguments.sarif is not None:
        from daypass.doctor.reports.sarif import as_sarif

        log = as_sarif(facts, diagnosis, version=__version__)
        files.write_atomic(arguments.sarif, (json.dumps(log, indent=2) + "\n").encode())
    if arguments.bundle is not None:
        from daypass.doctor.reports import bundle

        files.write_atomic(arguments.bundle, bundle.write(facts, diagnosis, version=__version__))


def facts_of(arguments: argparse.Namespace) -> Facts:
    """The facts of the bundle that `--judge` names; a word to people when it was judged otherwise where it was made.

    Raises:
        UsageInvalid: when there is something to examine on the command line, too.
        RequestInvalid: when the file is no bundle.
        FileUnavailable: when it cannot be read.
    """
    from dataclasses import replace

    from daypass import files
    from daypass.cli.output import note, safe
    from daypass.doctor.judge import judge
    from daypass.doctor.reports import bundle
    from daypass.errors import UsageInvalid

    examined = ("issuer", "token", "token_env", "token_source", "role_arn", "policy")
    if any(getattr(arguments, name) is not None for name in examined):
        raise UsageInvalid(
            "`--judge` judges what its file holds, and nothing else is examined",
            advice="Leave out issuer, token, role and policy, or leave out --judge.",
        )
    found = bundle.read(files.read_bounded(arguments.judge, bundle.MAX_BYTES))
    now = tuple(finding.code for finding in judge(found.facts).findings)
    if now != found.found:
        made_by = safe(found.made_by.get("daypass", "another version"))
        note(f"daypass: Daypass {made_by}, which made this bundle, judged it otherwise: {safe(', '.join(found.found))}")
    return replace(found.facts, from_where=f"the bundle `{arguments.judge.name}`")
