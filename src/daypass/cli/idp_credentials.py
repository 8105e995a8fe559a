"""`daypass idp credentials aws`: the command behind `credential_process`.

SDKs run it at each start of a process, so what is in the cache is printed before argparse is even loaded.
"""

from __future__ import annotations

import os
import sys

from daypass.aws.holding import age, cache, shapes, single_flight
from daypass.aws.holding.wanted import Wanted
from daypass.errors import DaypassError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def at_once(words: Sequence[str]) -> bool:
    """Print the session that the cache has for a plain command line; False when it takes more than that."""
    wanted = Wanted.read(words, os.environ)
    if wanted is None:
        return False
    try:
        held = single_flight.usable(cache.entry(os.environ, wanted.key(os.environ)), age.now)
    except DaypassError:
        return False  # the long way complains of it
    if held is None:
        return False
    sys.stdout.write(shapes.process_json(held, age.now()) + "\n")
    return True


def print_credentials(arguments: argparse.Namespace) -> int:
    """Print a session, from the cache or a new one."""
    from daypass.cli.idp_holding import hold_or_tell, wish

    wanted = wish(arguments, os.environ)
    held = hold_or_tell(wanted, os.environ, keep=not arguments.no_cache)
    if isinstance(held, int):
        return held
    sys.stdout.write(shapes.process_json(held, age.now()) + "\n")
    return 0
