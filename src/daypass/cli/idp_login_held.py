"""`daypass idp login aws` when it is more than keys of one role: refreshing, several roles, chained, or undone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass.ambient import AUTO
from daypass.aws.credentials import Credentials
from daypass.aws.credentials_file import (
    Locations,
    look_beside,
    parse_profile,
    write_credentials,
    write_process,
    write_region,
)
from daypass.aws.holding.obtain import CHAIN_SECONDS, Checked
from daypass.aws.holding.process_profile import command_line
from daypass.aws.holding.roles_file import Entry, read_roles
from daypass.aws.holding.several import OneToken, ask_all
from daypass.aws.holding.shapes import utc
from daypass.aws.holding.wanted import DURATION_SECONDS, Wanted
from daypass.aws.login import demand_account
from daypass.cli import idp_holding, idp_logout, output
from daypass.cli.arguments import accounts, wait_seconds
from daypass.errors import AwsRefused, UsageInvalid
from daypass.names import parse_duration_seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from daypass.aws.credentials_file import Beside
    from daypass.aws.holding.cache import Held
    from daypass.aws.login import Assumed
    from daypass.cli.token_source import TokenSource
    from daypass.errors import DaypassError

# What a token carries is asked for at each login, and a credential_process has no words for it.
_ONE_BY_ONE: Final = (
    "session_tags",
    "source_identity",
    "bind_role",
    "format",
    "exchange",
    "token_file",
    "token_env",
    "connection",
)
# What daypass-roles.toml says itself.
_OF_THE_FILE: Final = ("role_arn", "profile", "chain_role_arn", "role_session_name", "audience", "region", "scope")


class _Login:
    """One role's login, from its wish to its session."""

    def __init__(self, entry: Entry, arguments: argparse.Namespace, wait: float) -> None:
        self.profile = entry.profile
        self.wanted = entry.wanted
        self.clamped_from: int | None = None
        self.assumed: Assumed | None = None
        self._arguments = arguments
        self._wait = wait
        chained = self.wanted.chain_role_arn is not None
        duration = parse_duration_seconds(self.wanted.duration_seconds)
        if arguments.clamp_duration and chained and duration > CHAIN_SECONDS:
            self._shorten(CHAIN_SECONDS)
        self.checked = Checked.of(self.wanted)

    def ask(self, token: OneToken, source: TokenSource, environ: Mapping[str, str]) -> Held:
        """The session: a new one, or with `--refreshing` alone the one that the cache has."""
        ask = idp_holding.obtainer(
            self.wanted,
            environ,
            token.for_one(),
            source=source,
            wait_seconds=self._wait,
            clamp_duration=self._arguments.clamp_duration,
            granted=self._granted,
            # A credential_process is not told whose it is: its login asks where it will ask itself.
            profile=None if self._arguments.refreshing else self.profile,
        )
        if not self._arguments.refreshing:
            return ask()
        if not (self._arguments.clamp_duration or self._arguments.explain):
            return idp_holding.hold(self.wanted, environ, ask=ask, afresh=True)
        # The entry is that of the session that there is, not of the longer one that was asked for.
        held = ask()
        idp_holding.keep(self.wanted, environ, held)
        return held

    def _granted(self, assumed: Assumed) -> None:
        self.assumed = assumed
        if assumed.duration_seconds != self.checked.duration_seconds:
            self._shorten(assumed.duration_seconds)

    def _shorten(self, seconds: int) -> None:
        self.clamped_from = parse_duration_seconds(self.wanted.duration_seconds)
        self.wanted = self.wanted._replace(duration_seconds=str(seconds))


def log_in_held(arguments: argparse.Namespace) -> int:
    """Carry it out for every role; the exit status is that of the first that failed."""
    environ = os.environ
    if arguments.unset:
        return _undo(arguments)
    _demand_what_goes_together(arguments)
    wait = wait_seconds(arguments.wait)
    logins = [_Login(entry, arguments, wait) for entry in _entries(arguments, environ)]
    expected = accounts(arguments.expect_account)
    for login in logins:
        demand_account((login.checked.chain or login.checked.role).account, expected)
        if arguments.refreshing:
            command_line(login.wanted, environ)  # refused before anybody is asked
    locations = Locations.of(environ)
    outcomes = ask_all(_asks(logins, environ, verbose=arguments.verbose))
    facts, status = [], 0
    beside: dict[str, Beside] = {}
    for login, outcome in zip(logins, outcomes, strict=True):
        if outcome.error is not None:
            told = _tell(outcome.error, login, arguments, alone=len(logins) == 1)
            status = status or told
            continue
        assert outcome.held is not None
        if arguments.refreshing:
            write_process(command_line(login.wanted, environ), profile=login.profile, locations=locations)
        else:
            beside[login.profile] = look_beside(login.profile, locations=locations)
            write_credentials(_credentials(outcome.held), profile=login.profile, locations=locations)
        region = login.checked.region
        if region is not None:
            write_region(region, profile=login.profile, locations=locations)
        facts.append(_facts(login.profile, outcome.held, locations, refreshing=arguments.refreshing))
    if facts or status == 0:
        _report(facts, as_json=arguments.json)
    for login, outcome in zip(logins, outcomes, strict=True):
        if outcome.error is None:
            _notes(login, arguments)
    for profile, found in beside.items():
        idp_holding.tell_beside(found, profile)
    if arguments.refreshing and facts:
        output.note(
            "SDKs run daypass again when they need a session; it finds its token by the environment they run in."
        )
    return status


def _tell(error: DaypassError, login: _Login, arguments: argparse.Namespace, *, alone: bool) -> int:
    from daypass.cli.main import status_of

    if not alone:
        output.note(f"daypass: {login.wanted.role_arn}, for the profile {login.profile}:")
    if isinstance(error, AwsRefused) and "claims" in error.facts:
        from daypass.cli.denied import refused

        return refused(error, role=login.checked.role, policy=arguments.policy, as_json=arguments.json and alone)
    output.error(error)
    return status_of(error)


def _report(facts: Sequence[Mapping[str, str]], *, as_json: bool) -> None:
    if as_json:
        output.as_json({"profiles": facts})
        return
    for number, fact in enumerate(facts):
        if number:
            output.line()
        output.fields(fact)


def _notes(login: _Login, arguments: argparse.Namespace) -> None:
    if login.clamped_from is not None:
        what = "A chained role's session lasts" if login.checked.chain else f"{login.wanted.role_arn} allows"
        output.note(
            f"{what} no longer than {login.wanted.duration_seconds} seconds, so this is its length;"
            f" {login.clamped_from} were asked for."
        )
    if arguments.explain and login.assumed is not None:
        from daypass.cli.denied import allowed

        allowed(login.assumed, role=login.checked.role, policy=arguments.policy)


def _undo(arguments: argparse.Namespace) -> int:
    if arguments.refreshing or arguments.roles or arguments.chain_role_arn or len(arguments.profile or ()) > 1:
        raise UsageInvalid("--unset goes with --profile alone")
    arguments.profile = (arguments.profile or [None])[0]
    arguments.all = False
    return idp_logout.log_out(arguments)


def _demand_what_goes_together(arguments: argparse.Namespace) -> None:
    for name in _ONE_BY_ONE:
        if getattr(arguments, name) not in (None, False):
            raise UsageInvalid(
                f"--{name.replace('_', '-')} goes with keys of one role in one profile",
                advice="Leave out --refreshing, --roles and --chain-role-arn, and name one --role-arn.",
            )
    if arguments.roles is None:
        return
    given = [name for name in _OF_THE_FILE if getattr(arguments, name)]
    given += ["duration_seconds"] if arguments.duration_seconds != DURATION_SECONDS else []
    given += ["token_source"] if arguments.token_source != AUTO else []
    if given:
        raise UsageInvalid(
            f"--roles goes without --{given[0].replace('_', '-')}",
            advice=f"Say it for each role in `{arguments.roles}`.",
        )


def _entries(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Sequence[Entry]:
    roles, profiles = arguments.role_arn or [], arguments.profile or []
    if arguments.roles is not None:
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


def _asks(logins: Sequence[_Login], environ: Mapping[str, str], *, verbose: bool) -> list[Callable[[], Held]]:
    """For each role what asks for its session; one token per audience, scope and source serves all."""
    tokens: dict[tuple[str | None, ...], tuple[OneToken, TokenSource]] = {}

    def asks(login: _Login) -> Callable[[], Held]:
        wanted = login.wanted
        about = (wanted.audience, wanted.scope, wanted.token_source, login.checked.role.partition)
        if about not in tokens:
            source = idp_holding.token_source_for(wanted, environ, verbose=verbose)
            tokens[about] = OneToken(source.token), source
        return lambda: login.ask(*tokens[about], environ)

    return [asks(login) for login in logins]


def _credentials(held: Held) -> Credentials:
    return Credentials(
        access_key_id=held.access_key_id,
        secret_access_key=held.secret_access_key,
        session_token=held.session_token,
        expires_at=datetime.fromtimestamp(held.expires_at, UTC),
    )


def _facts(profile: str, held: Held, locations: Locations, *, refreshing: bool) -> dict[str, str]:
    return {
        "account": held.account,
        "role_arn": held.role_arn,
        "session_arn": held.session_arn,
        "expires_at": utc(held.expires_at),
        "profile": profile,
        **({"config_file": locations.config} if refreshing else {"credentials_file": locations.credentials}),
    }
