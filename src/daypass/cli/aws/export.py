"""`daypass aws export`: write what AWS should have as files of other tools, and tell when they no longer agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.arguments import path
from daypass.cli.aws import wanted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from daypass.aws.provisioning.desired import Desired
    from daypass.cli.parsing import Parser

# The names of `exporting.formats.FORMATS`; a test holds them together. Reading them here would load all the writers.
FORMATS: Final = (
    *("cloudformation", "stackset", "cdk-python", "cdk-typescript", "terraform", "terraform-json"),
    *("pulumi-python", "aws-cli", "boto3"),
)


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "export",
        "write it as CloudFormation, CDK, Terraform, Pulumi or a script, or tell what differs",
        run,
        details="Without --output the files are printed. With --check the file, the account and the export in --output"
        " are compared. Exit status: 0 written, or all agree; 1 something differs; 3 could not find out.",
    )
    command.add_argument("given", nargs="?", type=path, metavar="FILE", help="the same as --file FILE")
    command.add_argument("--format", choices=FORMATS, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    command.add_argument("-o", "--output", type=path, metavar="FOLDER", help="where the files are")
    command.add_argument("--check", action="store_true", help="write nothing; tell which of the three differs, and how")
    command.add_argument("--json", action="store_true", help="with --check: print what differs as JSON")
    wanted.add(command)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 written or all agree, 1 something differs, 3 could not find out.
    """
    from daypass.aws.exporting.blueprint import blueprint
    from daypass.aws.exporting.formats import export
    from daypass.errors import UsageInvalid

    if arguments.given is not None:
        if arguments.file is not None:
            raise UsageInvalid("two files are named", advice="Leave one of them out.")
        arguments.file = arguments.given
    if not arguments.check and arguments.format is None:
        raise UsageInvalid("`--format` is missing", advice=f"It is one of {', '.join(FORMATS)}.")
    if arguments.check and (arguments.format is None) != (arguments.output is None):
        raise UsageInvalid(
            "`--check` needs both `--format` and `--output`, or neither",
            advice="Name the format and the folder of the export, or compare the file with the account alone.",
        )
    desired = wanted.desired_of(arguments)
    if arguments.check:
        return _check(arguments, desired)
    of = blueprint(desired, _source(arguments))
    files = export(of, arguments.format)
    if arguments.output is None:
        _print(files)
    else:
        _write(files, arguments.output)
    _tell_open(desired)
    return 0


def _source(arguments: argparse.Namespace) -> str:
    """The file's name, without its folder: an export must not depend on where somebody ran this."""
    by_flags = arguments.issuer is not None
    return "the command line" if by_flags else (arguments.file or wanted.FILE).name


def _print(files: Mapping[str, str]) -> None:
    import sys

    for index, (name, text) in enumerate(files.items()):
        if len(files) > 1:
            sys.stdout.write(f"{'' if index == 0 else chr(10)}==> {name} <==\n")
        sys.stdout.write(text)


def _write(files: Mapping[str, str], folder: Path) -> None:
    """Write the files. Nothing is replaced that is not an export, and nothing is written when something would be."""
    from daypass import files as on_disk
    from daypass.aws.exporting.comments import is_export
    from daypass.aws.exporting.formats import is_beginning
    from daypass.cli import output
    from daypass.errors import FileUnavailable, UsageInvalid

    link = next((name for name in files if (folder / name).is_symlink()), None)
    if link is not None:
        raise UsageInvalid(
            f"`{folder / link}` is a symbolic link", advice="Remove it, or name another folder: files elsewhere stay."
        )
    there = {name: text for name in files if (text := _read(folder / name)) is not None}
    foreign = next((name for name, text in there.items() if not is_beginning(name) and not is_export(text)), None)
    if foreign is not None:
        raise UsageInvalid(
            f"`{folder / foreign}` is there, and is not an export", advice="Move it away, or name another folder."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise FileUnavailable(f"`{folder}` cannot be made: {fault.strerror}") from None
    for name, text in files.items():
        if there.get(name) == text:
            fate = "unchanged"
        elif name in there and is_beginning(name):
            fate = "left as it is: it is yours since it was first written"
        else:
            on_disk.write_atomic(folder / name, text.encode("ascii"), mode=0o644)
            fate = "written"
        output.note(output.safe(f"{folder / name}: {fate}"))
    for name in _left(folder, files):
        output.note(output.safe(f"{folder / name}: an export of what the file no longer names; it is left there"))


def _left(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Templates in a folder that are exports of something the file no longer names: they would still be deployed."""
    from daypass.aws.exporting.comments import is_export

    others = (file for file in sorted(folder.glob("*.template.yaml")) if file.name not in names)
    return {file.name: text for file in others if is_export(text := _read(file) or "")}


def _read(file: Path) -> str | None:
    from daypass import files as on_disk
    from daypass.aws.provisioning.desired_file import MAX_BYTES
    from daypass.errors import FileUnavailable

    if not file.exists():
        return None
    try:
        return on_disk.read_bounded(file, 4 * MAX_BYTES).decode()
    except UnicodeDecodeError:
        raise FileUnavailable(f"`{file}` is not text") from None


def _tell_open(desired: Desired) -> None:
    from daypass.aws.provisioning.trust_policies import trust_policy
    from daypass.cli import output

    for role in desired.roles:
        for note in trust_policy(role, desired.provider_of(role), "0" * 12).notes:
            output.note(output.safe(f"note: {role.name}: {note}"))


def _check(arguments: argparse.Namespace, desired: Desired) -> int:
    from daypass.aws.exporting.blueprint import blueprint
    from daypass.aws.exporting.drift import Committed, Differs, compared_files, drift
    from daypass.aws.provisioning.account import read_account
    from daypass.cli import output
    from daypass.cli.aws import show_drift, working

    source = _source(arguments)
    committed = None
    if arguments.format is not None:
        names = compared_files(blueprint(desired, source), arguments.format)
        found = {name: text for name in names if (text := _read(arguments.output / name)) is not None}
        committed = Committed(arguments.format, {**found, **_left(arguments.output, names)})
    interruptions = working.Interruptions()
    outcomes = working.each(
        wanted.ways_of(arguments, desired),
        lambda account: drift(
            desired, read_account(account.iam, desired, account.account, account.partition), source, committed
        ),
        interruptions,
        doing=working.READING,
    )
    if interruptions.status:
        return interruptions.status
    found_drifts = [outcome.result for outcome in outcomes if outcome.result is not None]
    if arguments.json:
        output.as_json(
            {
                "accounts": [
                    {
                        "account": outcome.account,
                        "by": str(outcome.way),
                        "drift": None if outcome.result is None else outcome.result.to_json(),
                        "error": working.error_json(outcome.error),
                    }
                    for outcome in outcomes
                ]
            }
        )
    else:
        for each in found_drifts:
            show_drift.show(each, with_export=committed is not None)
    working.tell_errors(outcomes)
    status = working.status_of([outcome.error for outcome in outcomes])
    differs = any(each.differs is not Differs.NOTHING for each in found_drifts)
    return status or (working.REFUSED if differs else working.DONE)
