"""`daypass idp login aws` when it is more than keys of one role: refreshing, several roles, chained, or undone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.ambient import AUTO
from daypass.aws.credentials import Credentials
from daypass.aws.credentials_file import (
    Locations,
    parse_profile,
    write_credentials,
    write_process,
    write_region,
)
from daypass.aws.holding.obtain import Checked
from daypass.aws.holding.process_profile import command_line
from daypass.aws.holding.roles_file import Entry, read_roles
from daypass.aws.holding.several import OneToken, ask_all
from daypass.aws.holding.shapes import utc
from daypass.aws.holding.wanted import DURATION_SECONDS, Wanted
from daypass.aws.login import demand_account
from daypass.cli import idp_holding, idp_logout, output
from daypass.cli.arguments import accounts
from daypass.errors import AwsRefused, UsageInvalid
from daypass.names import RoleArn

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from daypass.aws.holding.cache import Held
    from daypass.errors import DaypassError


def log_in_held(arguments: argparse.Namespace) -> int:
    """Carry it out for every role; the exit status is that of the first that failed."""
    from daypass.cli.main import status_of

    environ = os.environ
    if arguments.unset:
        return _undo(arguments)
    entries = _entries(arguments, environ)
    checked = [Checked.of(entry.wanted) for entry in entries]
    expected = accounts(arguments.expect_account)
    for wish in checked:
        demand_account((wish.chain or wish.role).account, expected)
    locations = Locations.of(environ)
    commands = [command_line(entry.wanted, environ) for entry in entries] if arguments.refreshing else []
    outcomes = ask_all(_asks(entries, environ, keep=arguments.refreshing))
    facts, status = [], 0
    for number, (entry, outcome) in enumerate(zip(entries, outcomes, strict=True)):
        if outcome.error is not None:
            status = status or status_of(outcome.error)
            output.note(f"daypass: {entry.wanted.role_arn}, for the profile {entry.profile}:")
            _tell(outcome.error, entry, arguments)
            continue
        assert outcome.held is not None
        if arguments.refreshing:
            write_process(commands[number], profile=entry.profile, locations=locations)
        else:
            write_credentials(_credentials(outcome.held), profile=entry.profile, locations=locations)
        region = checked[number].region
        if region is not None:
            write_region(region, profile=entry.profile, locations=locations)
        facts.append(_facts(entry, outcome.held, locations, refreshing=arguments.refreshing))
    if arguments.json:
        output.as_json({"profiles": facts})
    else:
        for number, fact in enumerate(facts):
            if number:
                output.line()
            output.fields(fact)
    if arguments.refreshing and facts:
        output.note(
            "SDKs run daypass again when they need a session; it finds its token by the environment they run in."
        )
    return status


def _tell(problem: DaypassError, entry: Entry, arguments: argparse.Namespace) -> None:
    """A refusal of the role with its reasons, as the plain login tells it; anything else in its own words."""
    if isinstance(problem, AwsRefused) and "claims" in problem.facts:
        from daypass.cli.denied import refused

        refused(problem, role=RoleArn.parse(entry.wanted.role_arn), policy=arguments.policy, as_json=False)
    else:
        output.error(problem)


def _undo(arguments: argparse.Namespace) -> int:
    if arguments.refreshing or arguments.roles or arguments.chain_role_arn or len(arguments.profile or ()) > 1:
        raise UsageInvalid("--unset goes with --profile alone")
    arguments.profile = (arguments.profile or [None])[0]
    arguments.all = False
    return idp_logout.log_out(arguments)


def _entries(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Sequence[Entry]:
    roles, profiles = arguments.role_arn or [], arguments.profile or []
    if arguments.roles is not None:
        if roles or profiles or arguments.chain_role_arn:
            raise UsageInvalid("--roles goes without --role-arn, --profile and --chain-role-arn")
        return read_roles(Path(arguments.roles))
    if len(roles) > 1 and len(roles) != len(profiles):
        raise UsageInvalid(
            f"{len(roles)} roles and {len(profiles)} profiles are named",
            advice="Give each --role-arn its --profile, in the same order.",
        )
    if len(profiles) > max(1, len(roles)) or len(set(profiles)) != len(profiles):
        raise UsageInvalid("a profile is named twice, or without a role", advice="Give each --role-arn its --profile.")
    duration = None if arguments.duration_seconds == DURATION_SECONDS else arguments.duration_seconds
    values = {
        "duration_seconds": duration,
        "session_name": arguments.role_session_name,
        "audience": arguments.audience,
        "region": arguments.region,
        "scope": arguments.scope,
        "token_source": None if arguments.token_source == AUTO else arguments.token_source,
        "chain_role_arn": arguments.chain_role_arn,
    }
    found = [Wanted.of({**values, "role_arn": role}, environ) for role in roles or [None]]
    names = profiles or [environ.get("AWS_PROFILE") or "default"]
    entries = [Entry(parse_profile(name), wish) for name, wish in zip(names, found, strict=True) if wish is not None]
    if not entries:
        raise UsageInvalid("no role is named", advice="Add: --role-arn ARN, or set IDP_AWS_ROLE_ARN.")
    return entries


def _asks(entries: Sequence[Entry], environ: Mapping[str, str], *, keep: bool) -> list[Callable[[], Held]]:
    """For each entry what asks for its session; one token per audience and scope serves all."""
    tokens: dict[tuple[str | None, ...], OneToken] = {}
    asks: list[Callable[[], Held]] = []
    for entry in entries:
        wanted = entry.wanted
        about = (wanted.audience, wanted.scope, RoleArn.parse(wanted.role_arn).partition)
        tokens.setdefault(about, OneToken(idp_holding.find_token_for(wanted, environ)))
        ask = idp_holding.obtainer(wanted, environ, tokens[about].for_one())
        asks.append(_kept(wanted, environ, ask) if keep else ask)
    return asks


def _kept(wanted: Wanted, environ: Mapping[str, str], ask: Callable[[], Held]) -> Callable[[], Held]:
    return lambda: idp_holding.hold(wanted, environ, ask=ask)


def _credentials(held: Held) -> Credentials:
    return Credentials(
        access_key_id=held.access_key_id,
        secret_access_key=held.secret_access_key,
        session_token=held.session_token,
        expires_at=datetime.fromtimestamp(held.expires_at, UTC),
    )


def _facts(entry: Entry, held: Held, locations: Locations, *, refreshing: bool) -> dict[str, str]:
    return {
        "account": held.account,
        "role_arn": held.role_arn,
        "session_arn": held.session_arn,
        "expires_at": utc(held.expires_at),
        "profile": entry.profile,
        **({"config_file": str(locations.config)} if refreshing else {"credentials_file": str(locations.credentials)}),
    }
