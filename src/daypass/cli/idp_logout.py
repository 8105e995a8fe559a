"""`daypass idp logout aws`: what was written is taken away, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from daypass import files
from daypass.aws.credentials_file import Locations, our_profiles, parse_profile, remove_profile
from daypass.aws.holding import cache, failures
from daypass.aws.holding.process_profile import wish_of
from daypass.cli import output
from daypass.errors import DaypassError, UsageInvalid

if TYPE_CHECKING:
    import argparse


def log_out(arguments: argparse.Namespace) -> int:
    """Clear one profile, or all of ours."""
    locations = Locations.of(os.environ)
    if arguments.all:
        if arguments.profile is not None:
            raise UsageInvalid("--all and --profile exclude each other")
        profiles = our_profiles(locations)
    else:
        profiles = [parse_profile(arguments.profile or os.environ.get("AWS_PROFILE") or "default")]
    done: list[tuple[str, str]] = []
    roles: set[str] = set()
    for profile in profiles:
        changed, command = remove_profile(profile, locations=locations)
        done += [(profile, str(path)) for path in changed]
        wanted = wish_of(command, os.environ) if command is not None else None
        if wanted is not None:
            roles.add(wanted.chain_role_arn or wanted.role_arn)
    forgotten = _forget(None if arguments.all else roles)
    for profile, path in done:
        output.line(f"{profile}\t{path}")
    output.note(f"{forgotten} cached session{'' if forgotten == 1 else 's'} removed.")
    if not done and not forgotten:
        output.note("Nothing of Daypass's was there.")
    output.note("A session that a process has already got lasts until its end: AWS has no way to take it back.")
    return 0


def _forget(roles: set[str] | None) -> int:
    """Remove the cache entries of these roles, or all of them; how many there were."""
    count = 0
    if roles is None:
        for path in cache.entries(os.environ, cache.SUFFIX + failures.SUFFIX):
            files.remove(path)
        for path in cache.unfinished(os.environ):
            files.remove(path)
    for path in cache.entries(os.environ):
        if roles is not None:
            try:
                held = cache.read(path)
            except DaypassError:
                continue
            if held is None or held.role_arn not in roles:
                continue
        files.remove(path)
        files.remove(path + ".lock")
        failures.forget(path)
        count += 1
    return count
