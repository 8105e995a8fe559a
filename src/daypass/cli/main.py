"""From `sys.argv` to a command group, and from an error to words and an exit status.

Nothing but the chosen group is imported: a job that asks for a token must not wait for a web framework to load.
"""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

from daypass import files
from daypass.errors import DaypassError, Invalid, Refused, UsageInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import Final, NoReturn

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "idp": ("daypass.cli.idp", "get an identity token, and log in to AWS with it"),
    "up": ("daypass.cli.up", "run the identity provider and the local AWS on this machine, with a demo organization"),
    "serve": ("daypass.cli.serve", "run the identity provider"),
    "publish": ("daypass.cli.publish", "publish an issuer's keys to a bucket or folder, and see what strangers get"),
    "local-aws": ("daypass.cli.local_aws", "run the local AWS"),
    "trust": ("daypass.cli.trust", "find out who may assume a role, and why not"),
    "aws": ("daypass.cli.aws", "set up providers and roles in AWS accounts, and take them down again"),
    "doctor": ("daypass.cli.doctor", "find out why AWS does not take a token, before or after it said so"),
    "org": ("daypass.cli.org", "manage organizations"),
    "project": ("daypass.cli.project", "manage projects"),
    "workload": ("daypass.cli.workload", "manage workspaces, environments and CI jobs"),
    "connection": ("daypass.cli.connection", "take other platforms' tokens in exchange for ours"),
    "subject": ("daypass.cli.subject", "see whose every issued subject is"),
    "key": ("daypass.cli.key", "manage signing keys"),
    "audit": ("daypass.cli.audit", "read the audit log, and check that nobody changed it"),
    "admin-token": ("daypass.cli.admin_token", "manage the credentials of the admin API"),
}

# signal's own names take a millisecond to load.
_SIGINT: Final = 2
_SIGPIPE: Final = 13

DONE: Final = 0
REFUSED: Final = 1
WRONG_USAGE: Final = 2
UNKNOWN: Final = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; those of this process when None.

    Returns:
        0 done, 1 refused, 2 wrong usage, 3 could not find out; 128 and the signal's number when one ended it.
    """
    from daypass.cli import output

    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        gc.set_threshold(100_000)  # what a start loads is not garbage, and looking through it takes a millisecond
    output.open_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names need not fit the terminal's character set
    try:
        known = DONE if _at_once(words) else _plainly(words)
        status = _run(words) if known is None else known
        sys.stdout.flush()  # now, because a script that got half of the result must not see status 0
        if known is not None and argv is None:
            sys.stderr.flush()
            os._exit(known)  # Python's own way out takes a tenth of the whole, to free what the system frees anyway
    except DaypassError as error:
        output.error(error)
        return status_of(error)
    except BrokenPipeError:
        files.lead_nowhere(sys.stdout.fileno())
        return 128 + _SIGPIPE
    except OSError as error:
        files.lead_nowhere(sys.stdout.fileno())
        output.note(
            f"daypass: the system refused: {(error.strerror or type(error).__name__).lower()} ({_place(error)})"
        )
        return UNKNOWN
    except KeyboardInterrupt:
        return 128 + _SIGINT
    except Exception as error:  # noqa: BLE001 - it is told, and never with a traceback
        tell_fault(error)
        return UNKNOWN
    return status


def status_of(error: DaypassError) -> int:
    """The exit status that tells "no" from "wrong" from "do not know"."""
    if isinstance(error, Refused):
        return REFUSED
    return WRONG_USAGE if isinstance(error, Invalid) else UNKNOWN


def tell_fault(error: BaseException | None) -> None:
    """Say where Daypass itself went wrong, and not what the error says: that may hold what was at hand."""
    from daypass.cli import output

    output.note(f"daypass: a fault in Daypass itself: {'somewhere' if error is None else _place(error)}")
    output.note("Please report it with this line and the command.")


def help_text() -> str:
    """What `daypass --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [
        "usage: daypass COMMAND …",
        "",
        "Short-lived AWS access for CI jobs, workspaces and any other workload, with no static keys.",
        "",
        *(f"  {name.ljust(width)}  {about}" for name, (_, about) in COMMANDS.items()),
        "",
        "  --help, --version; daypass COMMAND --help tells more.",
        "Exit status: 0 done, 1 refused, 2 wrong usage, 3 could not find out.",
    ]
    return "\n".join(lines)


def _at_once(argv: list[str]) -> bool:
    """Whether that was all: every start of an SDK may wait for this, so not even argparse and signal are loaded."""
    if argv[:3] != ["idp", "credentials", "aws"]:
        return False
    from daypass.cli import idp_credentials

    return idp_credentials.at_once(argv[3:])


def _plainly(argv: list[str]) -> int | None:
    """Run a command of `idp`, for which jobs wait, without argparse; None when its words are not plain ones."""
    if argv[:1] != ["idp"]:
        return None
    from daypass.cli import idp, plain

    arguments = plain.read(idp.declare, argv[1:])
    if arguments is None:
        return None
    _end_in_order()
    return idp.run(arguments)


def _end_in_order() -> None:
    import signal

    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)


def _run(argv: list[str]) -> int:
    _end_in_order()
    if not argv:
        sys.stderr.write(help_text() + "\n")
        return WRONG_USAGE
    name = argv[0]
    if name in ("--help", "-h", "help"):
        sys.stdout.write(help_text() + "\n")
        return DONE
    if name in ("--version", "-V"):
        from daypass import __version__

        sys.stdout.write(f"daypass {__version__}\n")
        return DONE
    if name not in COMMANDS:
        raise UsageInvalid(f"there is no command `{name}`", advice=_nearest(name))
    from importlib import import_module

    group = import_module(COMMANDS[name][0])
    status = group.run(group.parser().parse_args(argv[1:]))
    return int(status)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f"Did you mean: daypass {close[0]}" if close else "See: daypass --help"


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End as by the signal, but let files be closed and half-written ones be removed."""
    raise SystemExit(128 + number)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    name = os.path.basename(trace.tb_frame.f_code.co_filename)
    missing = f" of {error.name}" if isinstance(error, ImportError) and error.name else ""
    return f"{type(error).__name__}{missing} in {name}, line {trace.tb_lineno}"
