"""`daypass trust lint`: what is wrong with trust policies, before IAM or a stranger finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from daypass.cli.parsing import Parser
    from daypass.errors import DaypassError
    from daypass.trust.lint.model import Known
    from daypass.trust.lint.run import Located
    from daypass.trust.sources.found import FoundPolicy

_LEVELS: Final = ("error", "warning", "note")
_FORMATS: Final = ("text", "json", "sarif", "gitlab", "github")


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "lint",
        "find what is wrong with trust policies",
        run,
        details="Reads policies, CloudFormation templates, `terraform show -json`, .tf.json, answers of `aws iam"
        " get-role` and\nlist-roles, and CDK's cdk.out folder. Exit status: 0 nothing at that level, 1 findings,\n"
        "2 wrong usage or an unreadable document, 3 an unreadable file.",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a file, a cdk.out folder, or - for standard input")
    command.add_argument(
        "--fail-on", choices=_LEVELS, default="error", help="the lowest severity that gives status 1 (default: error)"
    )
    command.add_argument("--format", choices=_FORMATS, default="text", help="how findings are written (default: text)")
    command.add_argument(
        "--fix", action="store_true", help="make the fixes that let nobody in; rewrites files that are policies"
    )
    command.add_argument(
        "--issuer",
        action="append",
        default=[],
        metavar="HOST=KIND",
        help="the kind of an issuer that is not known by its name, such as git.example.com=gitlab-self-managed",
    )
    command.add_argument("--account", metavar="ID", help="the account that the roles are in")
    command.add_argument("--claims", metavar="FILE", help="claims of a token that should get in, as a JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 when no finding reaches the level, else 1.
    """
    from daypass.cli import output
    from daypass.cli.trust.policies import files
    from daypass.trust.lint.model import Severity
    from daypass.trust.lint.run import lint_found

    known = _known(arguments)
    located: list[Located] = []
    unread: list[DaypassError] = []
    any_policy = False
    for name in files(arguments.files):
        policies = _policies(name, known, mend=arguments.fix)
        any_policy = any_policy or bool(policies)
        for each in policies:
            if each.error is not None and not each.text:
                if each.error.facts.get("later"):
                    output.note(f"not judged: {each.where}: {each.error.message}")
                else:
                    unread.append(each.error)
        located += lint_found(policies, known)
    if not any_policy:
        from daypass.errors import UsageInvalid

        raise UsageInvalid(f"there is no trust policy in {', '.join(f'`{name}`' for name in arguments.files)}")
    _write(arguments.format, located)
    if unread:
        raise unread[0]
    level = Severity[arguments.fail_on.upper()]
    return int(any(each.finding.severity >= level for each in located))


def _known(arguments: argparse.Namespace) -> Known:
    import re

    from daypass.cli.trust import reading
    from daypass.errors import UsageInvalid
    from daypass.subjects.grammars import grammar_named
    from daypass.tokens import strict_json
    from daypass.trust.lint.model import Known
    from daypass.trust.sources.found import RoleFacts

    issuers = {}
    for text in arguments.issuer:
        host, equals, kind = text.rpartition("=")
        if not equals or not host:
            raise UsageInvalid(f"`{text}` is not HOST=KIND")
        issuers[host.removeprefix("https://").rstrip("/")] = grammar_named(kind).name
    if arguments.account is not None and not re.fullmatch(r"[0-9]{12}", arguments.account):
        raise UsageInvalid(f"`{arguments.account}` is not an account: twelve digits")
    claims = None
    if arguments.claims is not None:
        value = strict_json.parse(reading.read(arguments.claims), max_bytes=65_536)
        if not isinstance(value, dict):
            raise UsageInvalid("the claims are not a JSON object")
        claims = value
    role = None if arguments.account is None else RoleFacts(account=arguments.account)
    return Known(role=role, claims=claims, issuers=issuers)


def _policies(name: str, known: Known, *, mend: bool) -> Sequence[FoundPolicy]:
    from daypass.cli import output
    from daypass.cli.trust import reading
    from daypass.errors import UsageInvalid
    from daypass.trust.lint.run import fix
    from daypass.trust.sources.find import find_policies

    content = reading.read(name)
    policies = find_policies(name, content)
    if not mend:
        return policies
    if name == "-":
        raise UsageInvalid("standard input cannot be fixed", advice="Name a file.")
    if len(policies) != 1 or not policies[0].whole_file:
        output.note(f"`{name}` is not fixed: only a file that is itself a policy is rewritten")
        return policies
    fixed = fix(policies[0].text, known)
    if not fixed.codes:
        return policies
    _rewrite(name, fixed.text)
    output.note(f"fixed {', '.join(fixed.codes)} in {name}")
    return find_policies(name, fixed.text.encode())


def _rewrite(name: str, text: str) -> None:
    """Put the text in the file's place, with the file's mode."""
    from pathlib import Path

    from daypass.files import write_atomic

    path = Path(name)
    write_atomic(path, text.encode(), mode=path.stat().st_mode & 0o777)


def _write(form: str, located: Sequence[Located]) -> None:
    from daypass.cli import output
    from daypass.trust.lint import formats

    if form in ("text", "github"):
        for line in formats.as_text(located) if form == "text" else formats.as_github(located):
            output.line(line)
        return
    if form == "sarif":
        from daypass import __version__

        output.as_json(formats.as_sarif(located, version=__version__))
    else:
        output.as_json(formats.as_json(located) if form == "json" else formats.as_gitlab(located))
