"""`daypass trust check`: would IAM take this as the trust policy of a role, and if not, what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser
    from daypass.errors import DaypassError
    from daypass.trust.sources.found import FoundPolicy

TAKEN: Final = 0
MALFORMED: Final = 2


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "check",
        "find out whether IAM would take a policy as the trust policy of a role",
        run,
        details="Exit status: 0 every policy is taken, 2 one is not, 3 a file could not be read.",
    )
    command.add_argument("policies", nargs="+", metavar="POLICY", help="a file; - for standard input")
    command.add_argument(
        "--max-characters", type=int, default=2048, metavar="NUMBER", help="the account's quota, 2048 to 4096"
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 when IAM would take every policy, 2 when there is one that it would not.
    """
    from daypass.cli import output
    from daypass.cli.trust import policies

    checked = [
        (each, _fault(each, arguments.max_characters)) for name in arguments.policies for each in policies.found(name)
    ]
    if arguments.json:
        output.as_json([_as_json(each, fault) for each, fault in checked])
    else:
        for each, fault in checked:
            _tell(each, fault)
    return MALFORMED if any(fault for _, fault in checked) else TAKEN


def _fault(each: FoundPolicy, max_characters: int) -> DaypassError | None:
    from daypass.errors import PolicyMalformed
    from daypass.trust.role_trust import check_role_trust

    if each.policy is None:
        return each.error
    try:
        check_role_trust(each.policy, max_characters=max_characters)
    except PolicyMalformed as fault:
        return fault
    return None


def _as_json(each: FoundPolicy, fault: DaypassError | None) -> dict[str, object]:
    place = {"file": each.where.file, "resource": each.where.resource or None}
    if fault is None:
        return {**place, "taken": True}
    facts = {name: fault.facts.get(name) for name in ("line", "column", "aws_code", "aws_message")}
    return {**place, "taken": False, "code": fault.code, "message": fault.message, "advice": fault.advice, **facts}


def _tell(each: FoundPolicy, fault: DaypassError | None) -> None:
    from daypass.cli import output

    if fault is None:
        output.line(f"{each.where}: taken")
        return
    output.line(f"{each.where}: {fault.message}")
    for line in (fault.advice or "").splitlines():
        output.line(f"  {line}")
    if fault.facts.get("aws_message"):
        output.line(f"  IAM says: {fault.facts['aws_message']}")
