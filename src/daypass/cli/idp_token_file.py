"""`daypass idp token-file`: an identity token in a file, for `AWS_WEB_IDENTITY_TOKEN_FILE`."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from daypass import files
from daypass.aws.endpoint import default_audience
from daypass.aws.holding.parent import parse_process, starting_process, when_ended
from daypass.aws.holding.token_file import keep_token, write_token
from daypass.cli import output
from daypass.cli.idp_holding import standard_streams, trouble
from daypass.cli.token_source import TokenSource
from daypass.errors import DaypassError
from daypass.names import RoleArn

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from daypass.secret import Secret


def write(arguments: argparse.Namespace) -> int:
    """Write the token once, or again and again until the parent ends; the file stays."""
    audience = arguments.audience or _audience(os.environ)
    source = TokenSource(arguments.token_source, [audience], os.environ, scope=arguments.scope)
    path = Path(arguments.path)
    if not arguments.watch:
        write_token(path, source.patiently())
        return 0
    return keep(path, source.token, parent=parse_process(arguments.parent) if arguments.parent else starting_process())


def _audience(environ: Mapping[str, str]) -> str:
    """Who the token is for when nobody says: AWS, where the role is that SDKs will ask for with it.

    Raises:
        ArnInvalid: when that role is none.
    """
    role = environ.get("IDP_AWS_ROLE_ARN") or environ.get("AWS_ROLE_ARN")
    return default_audience(RoleArn.parse(role).partition if role else "aws")


def keep(
    path: Path,
    find: Callable[[], Secret],
    *,
    parent: int,
    while_there: bool = False,
    trouble: Callable[[DaypassError], None] = trouble,
) -> int:
    """Keep the file fresh until `parent` ends, or until it is told to stop.

    With `while_there` also until the file is taken away, by a logout: it does not come back. `trouble` hears what went
    wrong and is tried again.
    """
    ended = threading.Event()

    def wait(seconds: float) -> bool:
        return ended.wait(seconds) or (while_there and not path.exists())

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    when_ended(parent, ended.set)
    keep_token(path, find_token=find, wait=wait, random=random.random, trouble=trouble)
    return 0


def stay_behind(path: Path, find: Callable[[], Secret], *, parent: int) -> None:
    """Go on keeping the file fresh in a process of its own, which ends with `parent`, or when the file is taken away.

    It has no terminal to speak to: what went wrong stands in `failure_file(path)`, until it goes well again.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    failure = failure_file(path)
    files.remove(failure)
    if os.fork():
        return

    def tell(error: DaypassError) -> None:
        lines = [f"daypass: {error.message}", *(error.advice or "").splitlines()]
        text = "".join(output.safe(line) + "\n" for line in lines)
        with contextlib.suppress(DaypassError):  # there is nobody else to tell
            files.write_atomic(failure, text.encode("utf-8", "backslashreplace"))

    def found() -> Secret:
        token = find()
        files.remove(failure)
        return token

    status = 1
    try:
        os.setsid()
        standard_streams()
        status = keep(path, found, parent=parent, while_there=True, trouble=tell)
    except DaypassError as error:
        tell(error)
    finally:
        os._exit(status)  # nothing of the command that this process was begins again


def failure_file(path: Path) -> Path:
    """Where it stands why a token is not replaced any more."""
    return path.with_name(path.name + ".failed")
