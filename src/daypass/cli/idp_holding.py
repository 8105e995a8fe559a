"""What the commands share that hold credentials: their options, and everything between a wish and a session.

Only the declarations are imported with `daypass idp`; the work is imported when it is done.
"""

from __future__ import annotations

import os
import sys

from daypass.cli import output
from daypass.cli.plain import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from daypass.aws.credentials_file import Beside
    from daypass.aws.holding.cache import Held
    from daypass.aws.holding.wanted import Wanted
    from daypass.aws.login import Assumed
    from daypass.cli.plain import Declared
    from daypass.cli.token_source import TokenSource
    from daypass.errors import AwsRefused, DaypassError
    from daypass.secret import Secret


def add_commands(group: Declared) -> None:
    """Add the commands of this and its sibling modules to `daypass idp`; each is imported when it runs."""
    credentials = group.group("credentials", "print credentials for AWS's SDKs to use")
    aws = credentials.command(
        "aws",
        "print credentials of a role as JSON, as `credential_process` in ~/.aws/config wants them",
        later("daypass.cli.idp_credentials", "print_credentials"),
    )
    add_wish(aws)
    aws.add_argument("--no-cache", action="store_true", help="neither use nor keep a session on disk")

    execute = group.group("exec", "run a command with credentials").command(
        "aws",
        "run a command with credentials of a role, and with no others",
        later("daypass.cli.idp_exec", "run_command"),
        details="The command ends as it would alone: same signals, same status. 127: not found; 126: not executable.",
    )
    add_wish(execute)
    execute.add_argument(
        "--refreshing",
        action="store_true",
        help="for a command that outlasts the session: serve it fresh credentials until it ends",
    )
    _add_command(execute)

    env = group.group("env", "print credentials as environment variables").command(
        "aws",
        "print credentials of a role for a shell to evaluate, or hand them to a CI platform",
        later("daypass.cli.idp_env", "print_environment"),
        details='eval "$(daypass idp env aws --role-arn ARN)"\n'
        "daypass idp env aws --role-arn ARN --shell fish | source\n"
        "daypass idp env aws --role-arn ARN --shell powershell | Out-String | Invoke-Expression",
    )
    add_wish(env)
    env.add_argument("--shell", default="sh", choices=("sh", "fish", "powershell"), help="whose syntax (default: sh)")
    env.add_argument("--unset", action="store_true", help="take them, and all others, out of the shell instead")
    env.add_argument(
        "--github-env", action="store_true", help="give them to the next steps of a GitHub job, masked in its log"
    )
    env.add_argument("--gitlab-dotenv", metavar="FILE", help="write them to a dotenv report for later GitLab jobs")

    agent = group.command(
        "agent",
        "serve credentials of a role, always fresh, to the processes of this machine that may have them",
        later("daypass.cli.idp_agent", "serve"),
        details='eval "$(daypass idp agent --role-arn ARN --background)"\n'
        "daypass idp agent --role-arn ARN -- make deploy",
    )
    add_wish(agent)
    agent.add_argument(
        "--roles", metavar="FILE", help="serve all roles of this daypass-roles.toml; the first is the one in use"
    )
    agent.add_argument("--port", default="0", help="listen on this port of 127.0.0.1 (default: a free one)")
    agent.add_argument("--parent", metavar="PID", help="end with this process (default: the one that started it)")
    agent.add_argument("--background", action="store_true", help="print the variables and stay behind")
    _add_command(agent)

    token_file = group.command(
        "token-file",
        "write an identity token to a file for AWS_WEB_IDENTITY_TOKEN_FILE",
        later("daypass.cli.idp_token_file", "write"),
    )
    token_file.add_argument("--path", required=True, metavar="FILE", help="the file, made for its owner alone")
    token_file.add_argument("--audience", default="sts.amazonaws.com", help="default: sts.amazonaws.com")
    token_file.add_argument("--scope", help="passed to the identity provider")
    token_file.add_argument("--token-source", default="auto", metavar="SOURCE", help="where the token is from")
    token_file.add_argument("--watch", action="store_true", help="stay, and replace the token before it ends")
    token_file.add_argument("--parent", metavar="PID", help="end with this process (default: the one that started it)")

    logout = group.group("logout", "take credentials away again").command(
        "aws",
        "take away what `login aws` wrote to a profile, and its sessions from the cache",
        later("daypass.cli.idp_logout", "log_out"),
    )
    logout.add_argument("-p", "--profile", metavar="NAME", help="the profile (default: AWS_PROFILE or `default`)")
    logout.add_argument("--all", action="store_true", help="all profiles that Daypass wrote, and the whole cache")


def add_login_options(aws: Declared) -> None:
    """Add to `login aws` what makes it more than one session in one profile."""
    aws.add_argument(
        "--refreshing",
        action="store_true",
        help="write a credential_process to ~/.aws/config instead of keys, so that SDKs refresh by themselves",
    )
    aws.add_argument("--roles", metavar="FILE", help="log in to all roles of this daypass-roles.toml")
    aws.add_argument(
        "--chain-role-arn", metavar="ARN", help="go on from there to this role; the session lasts at most an hour"
    )
    aws.add_argument("--unset", action="store_true", help="the same as: daypass idp logout aws")


def wants_holding(arguments: argparse.Namespace) -> bool:
    """Whether a login is one of these, and not one session of one role in one profile."""
    several = len(arguments.role_arn or ()) > 1 or len(arguments.profile or ()) > 1
    chosen = arguments.refreshing or arguments.unset or arguments.roles or arguments.chain_role_arn
    return bool(several or chosen)


def add_wish(parser: Declared) -> None:
    """Add the options that say which session is wanted."""
    parser.add_argument(
        "--role-arn", metavar="ARN", help="the role to assume (default: IDP_AWS_ROLE_ARN, then AWS_ROLE_ARN)"
    )
    parser.add_argument(
        "-d", "--duration-seconds", metavar="SECONDS", help="of a session, 900 to 43200 (default: 3600)"
    )
    parser.add_argument("--role-session-name", dest="session_name", metavar="NAME", help="name of the session")
    parser.add_argument("--audience", help="who the token is for (default: sts.amazonaws.com)")
    parser.add_argument(
        "--token-source", metavar="SOURCE", help="where the token is from (default: auto; see: daypass idp login aws)"
    )
    parser.add_argument("--region", help="ask STS in this region")
    parser.add_argument("--scope", help="passed to the identity provider")
    parser.add_argument(
        "--chain-role-arn", metavar="ARN", help="go on from there to this role; the session lasts at most an hour"
    )


def _add_command(parser: Declared) -> None:
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help="the command and its arguments")


def wish(arguments: object, environ: Mapping[str, str]) -> Wanted:
    """The wish that the options make.

    Raises:
        UsageInvalid: when they name no role.
    """
    from daypass.aws.holding.wanted import Wanted
    from daypass.errors import UsageInvalid

    found = Wanted.of({name: getattr(arguments, name, None) for name in Wanted._fields}, environ)
    if found is None:
        raise UsageInvalid("no role is named", advice="Add: --role-arn ARN, or set IDP_AWS_ROLE_ARN.")
    return found


def obtainer(
    wanted: Wanted,
    environ: Mapping[str, str],
    find_token: Callable[[], Secret] | None = None,
    *,
    source: TokenSource | None = None,
    wait_seconds: float = 0.0,
    clamp_duration: bool = False,
    granted: Callable[[Assumed], None] | None = None,
) -> Callable[[], Held]:
    """Something that asks for a session, with a fresh token each time, or with the one that `find_token` gives.

    `source` is where that is from; a refusal has it as `token_from` in its facts. The rest is as `obtain` has it.

    Raises:
        Invalid: what is wrong with the wish; nobody has been asked.
    """
    from daypass.aws.endpoint import region_from, sts_endpoint
    from daypass.aws.holding import age
    from daypass.aws.holding.obtain import Checked, obtain
    from daypass.cli.clocks import fraction, utc_now
    from daypass.cli.sts import client
    from daypass.errors import AwsRefused

    checked = Checked.of(wanted)
    sts = client(sts_endpoint(checked.region or region_from(environ), checked.role.partition, environ), environ)
    found = source or token_source_for(wanted, environ)

    def ask() -> Held:
        try:
            return obtain(
                checked,
                find_token=find_token or found.token,
                sts=sts,
                clock=utc_now,
                clocks=age.now,
                random=fraction,
                wait_seconds=wait_seconds,
                clamp_duration=clamp_duration,
                granted=granted,
            )
        except AwsRefused as refused:
            refused.facts["token_from"] = found.found_at
            raise

    return ask


def token_source_for(wanted: Wanted, environ: Mapping[str, str], *, verbose: bool = False) -> TokenSource:
    """What finds a fresh token for a wish.

    Raises:
        ArnInvalid: when the wish's role is none.
    """
    from daypass.aws.endpoint import default_audience
    from daypass.cli.token_source import TokenSource
    from daypass.names import RoleArn

    audience = wanted.audience or default_audience(RoleArn.parse(wanted.role_arn).partition)
    insisted = wanted.audience is not None
    source = wanted.token_source or "auto"
    return TokenSource(source, [audience], environ, insisted=insisted, scope=wanted.scope, verbose=verbose)


def hold(
    wanted: Wanted, environ: Mapping[str, str], *, ask: Callable[[], Held] | None = None, afresh: bool = False
) -> Held:
    """The session for a wish: from the cache, or the next one, which all processes then share.

    `afresh`: ask also when another process was refused a moment ago.

    Raises:
        DaypassError: when there is none and none can be had.
    """
    from daypass.aws.holding import age, cache, single_flight

    path = cache.entry(environ, wanted.key(environ))
    return single_flight.hold(
        path, obtain=ask or obtainer(wanted, environ), clocks=age.now, trouble=trouble, afresh=afresh
    )


def keep(wanted: Wanted, environ: Mapping[str, str], held: Held) -> None:
    """Put a session into the cache, in place of any other for this wish."""
    from daypass import files
    from daypass.aws.holding import cache
    from daypass.errors import FileUnavailable, FileUnsafe

    path = cache.entry(environ, wanted.key(environ))
    try:
        files.private_folder(os.path.dirname(path))
        cache.write(path, held)
    except (FileUnsafe, FileUnavailable) as error:
        trouble(error)


def hold_or_tell(wanted: Wanted, environ: Mapping[str, str], *, keep: bool = True) -> Held | int:
    """As `hold`, but a refusal is told as `login aws` tells it, and is an exit status. Without `keep`, no cache.

    Raises:
        DaypassError: for what else stands in the way.
    """
    from daypass.errors import AwsRefused

    try:
        return hold(wanted, environ) if keep else obtainer(wanted, environ)()
    except AwsRefused as refused:
        return tell_refusal(refused, wanted)


def tell_refusal(refused: AwsRefused, wanted: Wanted) -> int:
    """Tell a refusal as `login aws` does; the exit status.

    Raises:
        AwsRefused: when it is the chained role's own, about which the token says nothing.
    """
    from daypass.cli.denied import refused as tell
    from daypass.names import RoleArn

    if "claims" not in refused.facts:
        raise refused
    return tell(refused, role=RoleArn.parse(wanted.role_arn), policy=None, as_json=False, takes_policy=False)


def tell_beside(found: Beside, profile: str) -> None:
    """Say what a login with keys replaced in its profile, and what AWS's tools will use instead of them."""
    if found.foreign_key_id is not None:
        output.note(
            f"The profile {profile} had the key {found.foreign_key_id}, which Daypass did not write; it is gone."
        )
    if found.setting_before is not None:
        output.note(
            f"The profile {profile} has a {found.setting_before}, and AWS's tools use that before these keys;"
            " log in to another --profile."
        )


def trouble(problem: DaypassError) -> None:
    """Say what went wrong and stopped nobody."""
    output.note(f"daypass: {problem.message}; going on without")


def standard_streams() -> None:
    """Nothing more will be said: let the standard streams lead nowhere."""
    from daypass import files

    sys.stdout.flush()
    sys.stderr.flush()
    for descriptor in (0, 1, 2):
        files.lead_nowhere(descriptor)


def runtime_folder(environ: Mapping[str, str]) -> Path:
    """A new folder for this process alone, below `XDG_RUNTIME_DIR` or the temporary folder."""
    import tempfile
    from pathlib import Path

    base = environ.get("XDG_RUNTIME_DIR")
    usable = base is not None and os.path.isabs(base) and os.access(base, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="daypass-", dir=base if usable else None))
