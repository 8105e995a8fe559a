"""`daypass idp token-file`: an identity token in a file, for `AWS_WEB_IDENTITY_TOKEN_FILE`."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.aws.holding.parent import parse_process, when_ended
from daypass.aws.holding.token_file import keep_token, write_token
from daypass.cli.idp_holding import trouble
from daypass.cli.token_source import TokenSource

if TYPE_CHECKING:
    import argparse


def write(arguments: argparse.Namespace) -> int:
    """Write the token once, or again and again until the parent ends; the file stays."""
    source = TokenSource(arguments.token_source, [arguments.audience], os.environ, scope=arguments.scope)
    path = Path(arguments.path)
    if not arguments.watch:
        write_token(path, source.patiently())
        return 0
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    when_ended(parse_process(arguments.parent) if arguments.parent else os.getppid(), ended.set)
    keep_token(path, find_token=source.token, wait=ended.wait, random=random.random, trouble=trouble)
    return 0
