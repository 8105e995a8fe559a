"""`daypass idp token-file`: an identity token in a file, for `AWS_WEB_IDENTITY_TOKEN_FILE`."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.aws.holding.parent import parse_process, when_ended
from daypass.aws.holding.token_file import keep_token, write_token
from daypass.cli.idp_holding import standard_streams, trouble
from daypass.cli.token_source import TokenSource

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from daypass.secret import Secret


def write(arguments: argparse.Namespace) -> int:
    """Write the token once, or again and again until the parent ends; the file stays."""
    source = TokenSource(arguments.token_source, [arguments.audience], os.environ, scope=arguments.scope)
    path = Path(arguments.path)
    if not arguments.watch:
        write_token(path, source.patiently())
        return 0
    return keep(path, source.token, parent=parse_process(arguments.parent) if arguments.parent else os.getppid())


def keep(path: Path, find: Callable[[], Secret], *, parent: int) -> int:
    """Keep the file fresh until `parent` ends, or until it is told to stop."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    when_ended(parent, ended.set)
    keep_token(path, find_token=find, wait=ended.wait, random=random.random, trouble=trouble)
    return 0


def stay_behind(path: Path, find: Callable[[], Secret], *, parent: int) -> None:
    """Go on keeping the file fresh in a process of its own, which says nothing more and ends with `parent`."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        return
    status = 1
    try:
        os.setsid()
        standard_streams()
        status = keep(path, find, parent=parent)
    finally:
        os._exit(status)  # nothing of the command that this process was begins again
