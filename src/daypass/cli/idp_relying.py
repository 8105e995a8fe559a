"""What the commands for relying parties other than AWS share: their options, their token, and how a refusal is told.

Each party's module is imported when it is asked for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from daypass.cli import output
from daypass.cli.parsing import later

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from daypass.cli.parsing import Parser
    from daypass.errors import RelyingPartyRefused
    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

Result = TypeVar("Result")
_SHOWN: Final = ("iss", "aud", "sub")
_MAX_TOKEN_BYTES: Final = 64 * 1024
_SHELLS: Final = ("sh", "fish", "powershell")


def add_commands(parser: Parser, group: str) -> None:
    """Add every party to a group of `daypass idp`: `login`, `env`, `credentials` or `logout`."""
    {"login": _logins, "env": _envs, "credentials": _credentials, "logout": _logouts}[group](parser)


def _logins(login: Parser) -> None:
    login.command(
        "vault",
        "log in to HashiCorp Vault or OpenBao, and keep its token where `vault` and `bao` look for it",
        later("daypass.cli.idp_login_vault", "log_in"),
        details="environment: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CAPATH, or the same with BAO_;\n"
        "IDP_VAULT_ROLE, HTTPS_PROXY, NO_PROXY",
    ).declare_later(_vault)
    login.command(
        "gcp",
        "write a credential configuration for Google Cloud's libraries and gcloud",
        later("daypass.cli.idp_login_gcp", "log_in"),
    ).declare_later(lambda gcp: _gcp(gcp, variables=False))
    login.command(
        "azure",
        "write an identity token to a file for Azure's libraries",
        later("daypass.cli.idp_login_azure", "log_in"),
    ).declare_later(lambda azure: _azure(azure, variables=False))
    login.command(
        "kubernetes",
        "write a kubeconfig whose user gets its token from daypass",
        later("daypass.cli.idp_login_kubernetes", "log_in"),
    ).declare_later(_kubernetes)


def _envs(env: Parser) -> None:
    env.command(
        "gcp",
        "do what `login gcp` does, and print the variables for it",
        later("daypass.cli.idp_login_gcp", "print_environment"),
    ).declare_later(lambda gcp: _gcp(gcp, variables=True))
    env.command(
        "azure",
        "do what `login azure` does, and print the variables for it",
        later("daypass.cli.idp_login_azure", "print_environment"),
    ).declare_later(lambda azure: _azure(azure, variables=True))


def _credentials(credentials: Parser) -> None:
    gcp = credentials.command(
        "gcp",
        "print an identity token as Google's libraries want it of a program",
        later("daypass.cli.idp_login_gcp", "print_credentials"),
    )
    gcp.declare_later(lambda parser: _add_token(parser, None))
    kubernetes = credentials.command(
        "kubernetes",
        "print an identity token as kubectl and its kin want it of a plugin",
        later("daypass.cli.idp_credentials_kubernetes", "print_credential"),
    )
    kubernetes.declare_later(lambda parser: _add_token(parser, None))
    kubernetes.add_argument("--no-cache", action="store_true", help="neither use nor keep a token on disk")


def _logouts(logout: Parser) -> None:
    vault = logout.command(
        "vault",
        "have Vault end the token that `login vault` got, and take it away",
        later("daypass.cli.idp_login_vault", "log_out"),
    )
    vault.add_argument("--no-revoke", action="store_true", help="only take it away; Vault ends it when its lease does")
    gcp = logout.command("gcp", "take away what `login gcp` wrote", later("daypass.cli.idp_login_gcp", "log_out"))
    gcp.add_argument("--output", metavar="FILE", help="the configuration (default: ~/.config/daypass/gcp.json)")
    azure = logout.command(
        "azure", "take away the token that `login azure` wrote", later("daypass.cli.idp_login_azure", "log_out")
    )
    azure.add_argument("--token-file", metavar="FILE", help="the token (default: in ~/.cache/daypass)")
    kubernetes = logout.command(
        "kubernetes",
        "take away what `login kubernetes` wrote, and its cached tokens",
        later("daypass.cli.idp_login_kubernetes", "log_out"),
    )
    kubernetes.add_argument("--cluster", required=True, metavar="NAME", help="what the cluster is called")
    kubernetes.add_argument("--kubeconfig", metavar="FILE", help="default: ~/.kube/daypass-CLUSTER.yaml")
    kubernetes.add_argument("--merge", action="store_true", help="have kubectl take it out of your kubeconfig instead")


def _vault(vault: Parser) -> None:
    vault.add_argument(
        "--role", metavar="NAME", help="the role of the auth method (default: IDP_VAULT_ROLE, then the method's own)"
    )
    vault.add_argument("--path", default="jwt", help="where the JWT auth method is mounted (default: jwt)")
    _add_token(vault, "vault.hashicorp.com")
    vault.add_argument("--no-store", action="store_true", help="print the token, and keep it nowhere")
    vault.add_argument("--token-only", action="store_true", help="the same, and nothing but the token")
    vault.add_argument(
        "--field", choices=("token", "token_accessor", "token_duration", "token_policies"), help="print this alone"
    )
    vault.add_argument("--json", action="store_true", help="print the result as JSON")
    vault.add_argument("--unset", action="store_true", help="the same as: daypass idp logout vault")
    _add_wait(vault)


def _gcp(gcp: Parser, *, variables: bool) -> None:
    gcp.add_argument(
        "--provider",
        metavar="NAME",
        help="projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"
        " (default: GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE)",
    )
    gcp.add_argument("--service-account", metavar="EMAIL", help="the service account to act as (default: none)")
    gcp.add_argument("--lifetime", metavar="SECONDS", help="of the service account's tokens, 600 to 43200")
    gcp.add_argument(
        "--source",
        choices=("executable", "file"),
        default="executable",
        help="whence libraries get the token: by running daypass (default), or from a file that daypass keeps",
    )
    gcp.add_argument("--output", metavar="FILE", help="the configuration (default: ~/.config/daypass/gcp.json)")
    _add_token_file(gcp, "with --source file: ")
    gcp.add_argument("--sts-url", metavar="URL", help="Google's STS elsewhere, behind a private endpoint perhaps")
    gcp.add_argument("--iam-credentials-url", metavar="URL", help="the IAM Service Account Credentials API elsewhere")
    _add_token(gcp, "the provider's own name")
    _add_check(gcp)
    _add_result(gcp, variables=variables)


def _azure(azure: Parser, *, variables: bool) -> None:
    azure.add_argument(
        "--client-id", metavar="ID", help="of the application or managed identity (default: AZURE_CLIENT_ID)"
    )
    azure.add_argument("--tenant-id", metavar="ID", help="the tenant (default: AZURE_TENANT_ID)")
    azure.add_argument(
        "--authority-host",
        metavar="URL",
        help="Entra's address (default: AZURE_AUTHORITY_HOST, then https://login.microsoftonline.com)",
    )
    _add_token_file(azure, "")
    _add_token(azure, "api://AzureADTokenExchange, or that of the national cloud")
    azure.add_argument("--resource-scope", metavar="SCOPE", help="what --check asks for (default: Azure's management)")
    _add_check(azure)
    _add_result(azure, variables=variables)


def _kubernetes(kubernetes: Parser) -> None:
    kubernetes.add_argument("--cluster", required=True, metavar="NAME", help="what the cluster is called in it")
    kubernetes.add_argument("--server", metavar="URL", help="the API server")
    kubernetes.add_argument("--ca", metavar="FILE", help="its certificate authority (default: the system's)")
    kubernetes.add_argument("--context", metavar="NAME", help="name of the context (default: the cluster's)")
    kubernetes.add_argument("--user", metavar="NAME", help="name of the user (default: daypass- and the cluster's)")
    kubernetes.add_argument("--namespace", metavar="NAME", help="of the context")
    kubernetes.add_argument(
        "--kubeconfig", metavar="FILE", help="a file of its own (default: ~/.kube/daypass-CLUSTER.yaml)"
    )
    kubernetes.add_argument(
        "--merge", action="store_true", help="have kubectl put it among the other entries of your kubeconfig instead"
    )
    kubernetes.add_argument(
        "--exec-version",
        choices=("v1", "v1beta1"),
        help="of the plugin protocol (default: v1; v1beta1 with --merge)",
    )
    _add_token(kubernetes, "the API server's address")
    _add_check(kubernetes)
    kubernetes.add_argument("--json", action="store_true", help="print the result as JSON")
    kubernetes.add_argument("--unset", action="store_true", help="take it away again")


def _add_token(parser: Parser, default: str | None) -> None:
    if default is None:
        parser.add_argument("--audience", required=True, help="who the token is for")
    else:
        parser.add_argument("--audience", help=f"who the token is for (default: {default})")
    parser.add_argument("--token-source", default="auto", metavar="SOURCE", help="where the token is from")
    parser.add_argument("--scope", help="passed to the identity provider")


def _add_token_file(parser: Parser, when: str) -> None:
    parser.add_argument("--token-file", metavar="FILE", help=f"{when}the token (default: in ~/.cache/daypass)")
    parser.add_argument("--watch", action="store_true", help=f"{when}stay, and replace the token before it ends")
    parser.add_argument(
        "--background", action="store_true", help=f"{when}replace it from the background, until the parent ends"
    )
    parser.add_argument("--parent", metavar="PID", help="end with this process (default: the one that started it)")


def _add_check(parser: Parser) -> None:
    parser.add_argument("--check", action="store_true", help="try the token there, and say why it is refused")
    _add_wait(parser)


def _add_wait(parser: Parser) -> None:
    parser.add_argument(
        "--wait",
        nargs="?",
        const="30",
        metavar="SECONDS",
        help="try a refusal again for so long that passes if something was set up a moment ago",
    )


def _add_result(parser: Parser, *, variables: bool) -> None:
    if not variables:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument("--unset", action="store_true", help="take it away again")
        return
    parser.add_argument("--shell", default="sh", choices=_SHELLS, help="whose syntax (default: sh)")
    parser.add_argument("--unset", action="store_true", help="take the variables out of the shell instead")
    parser.add_argument("--github-env", action="store_true", help="give them to the next steps of a GitHub job")


class Bearer:
    """Finds the token that a command logs in with, a fresh one each time, and remembers what the last one says.

    Args:
        arguments: the command's.
        default: the audience when `--audience` was not given.
    """

    def __init__(self, arguments: argparse.Namespace, default: str) -> None:
        from daypass.cli.token_source import TokenSource
        from daypass.errors import UsageInvalid

        if arguments.audience == "":
            raise UsageInvalid("the audience is empty", advice=f"Leave --audience out for {default}.")
        self.audience: str = arguments.audience or default
        self._source = TokenSource(
            arguments.token_source,
            [self.audience],
            os.environ,
            scope=arguments.scope,
        )
        self.claims: Mapping[str, JsonValue] = {}

    def token(self) -> Secret:
        """A token for the audience. Raises as `TokenSource.token` and `demand_audience`."""
        found = self._source.token()
        self.claims = demand_audience(found, self.audience)
        return found


def demand_audience(token: Secret, audience: str) -> Mapping[str, JsonValue]:
    """The claims of a token that is for an audience. They are empty when the token is not one that we can read.

    A variable, a file or a program gives whatever is in it. A token for AWS that is sent to Vault could be used at AWS
    by whoever runs that Vault.

    Raises:
        TokenSourceIncomplete: when the token is for somebody else.
    """
    from daypass.errors import DaypassError, TokenSourceIncomplete
    from daypass.tokens.peek import peek

    try:
        claims = peek(token.reveal(), duplicates="last").claims
    except DaypassError:  # a strange token is the relying party's to judge
        return {}
    found = claims.get("aud")
    several = found if isinstance(found, list) else [found]
    if audience not in several:
        told = " ".join(str(each) for each in several)
        raise TokenSourceIncomplete(
            f"the token is for `{told}`, and not for `{audience}`",
            advice="It is not sent to anybody else. Get one for this audience; or, if that is what is expected there,"
            f" name it: --audience {told}",
            audience=told,
        )
    return claims


def attempt(bearer: Bearer, once: Callable[[Secret], Result], wait: str | None) -> Result:
    """Do something with a token; again, with a fresh one, while its failure may pass.

    Raises:
        RelyingPartyRefused: when it is refused for good; its `facts` hold `claims`, those that matter.
        DaypassError: what `once` raises last.
    """
    import random
    import time

    from daypass.calling.persist import Waiting, persist
    from daypass.cli.arguments import wait_seconds
    from daypass.errors import RelyingPartyRefused

    seconds = wait_seconds(wait)
    waiting = Waiting(time.monotonic, time.sleep, random.random)
    try:
        return persist(lambda: once(bearer.token()), waiting=waiting, wait_seconds=seconds)
    except RelyingPartyRefused as refused:
        refused.facts["claims"] = {name: bearer.claims[name] for name in _SHOWN if name in bearer.claims}
        raise


def refused(problem: RelyingPartyRefused, *, as_json: bool) -> int:
    """Print a refusal with the claims that matter. The exit status."""
    claims = problem.facts.get("claims")
    shown = claims if isinstance(claims, dict) else {}
    if as_json:
        output.as_json(
            {
                "error": problem.code,
                "party": problem.facts["party"],
                "party_code": problem.facts["party_code"],
                "message": problem.message,
                "advice": problem.advice,
                "claims": shown,
            }
        )
    output.error(problem)
    for name, value in shown.items():
        output.note(f"  {name}  {value if isinstance(value, str) else output.compact(value)}")
    return 1


def result(arguments: argparse.Namespace, facts: Mapping[str, object]) -> None:
    """Print what was done, as lines or as JSON."""
    if arguments.json:
        output.as_json(facts)
    else:
        output.fields(
            {name: value if isinstance(value, str) else output.compact(value) for name, value in facts.items()}
        )


def hand_over(arguments: argparse.Namespace, values: Mapping[str, str]) -> None:
    """Print variables for a shell, or give them to the next steps of a GitHub job. None of them is a secret."""
    import sys

    from daypass.aws.holding import shells

    if arguments.github_env:
        import secrets

        from daypass.cli.idp_env import append, github_file

        append(github_file(), shells.github_env(values, f"daypass_{secrets.token_hex(16)}"))
        return
    sys.stdout.write(shells.assignments(shells.Shell(arguments.shell), values))


def take_out(arguments: argparse.Namespace, names: tuple[str, ...]) -> int:
    """Print what takes variables out of a shell."""
    import sys

    from daypass.aws.holding import shells
    from daypass.errors import UsageInvalid

    if arguments.github_env:
        raise UsageInvalid("--unset and --github-env exclude each other")
    sys.stdout.write(shells.assignments(shells.Shell(arguments.shell), {}, unset=names))
    return 0


def own_command(arguments: argparse.Namespace, party: str, audience: str) -> list[str]:
    """The command by which another program has us print a token for a party. It holds no secret."""
    from daypass.ambient import AUTO
    from daypass.aws.holding.process_profile import program

    words = [*program(os.environ), "idp", "credentials", party, "--audience", audience]
    if arguments.token_source != AUTO:
        words += ["--token-source", arguments.token_source]
    return words + (["--scope", arguments.scope] if arguments.scope else [])


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where what we keep lies: `$XDG_CACHE_HOME/daypass` or `~/.cache/daypass`."""
    from daypass.aws.holding import cache

    return Path(cache.folder(environ)).parent


def config_folder(environ: Mapping[str, str]) -> Path:
    """Where configurations lie: `$XDG_CONFIG_HOME/daypass` or `~/.config/daypass`."""
    base = environ.get("XDG_CONFIG_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path.home() / ".config"
    return home / "daypass"


def token_folder(party: str) -> Path:
    """Where the identity tokens of a party's libraries lie when nobody says."""
    return cache_folder(os.environ) / party


def token_path(arguments: argparse.Namespace, party: str, bearer: Bearer) -> Path:
    """The file for the token: the one that was named, or one for this identity and audience alone.

    Two jobs that run as one user on one machine would else act with each other's identity.
    """
    if arguments.token_file:
        return Path(os.path.abspath(arguments.token_file))
    from daypass.aws.holding.wanted import entry_name

    parts = [f"audience={bearer.audience}", f"source={arguments.token_source}", f"scope={arguments.scope or ''}"]
    return token_folder(party) / f"{entry_name(parts, arguments.token_source, os.environ)}.token"


def write_token(path: Path, bearer: Bearer) -> None:
    """Put a token into a file that Daypass keeps; its folder is made private first, if it is ours.

    Raises:
        AlreadyExists: when the file holds anything but a token.
        DaypassError: see `Bearer.token` and `files.write_atomic`.
    """
    from daypass import files
    from daypass.aws.holding import token_file

    _holds_token(path)
    if path.parent.parent == cache_folder(os.environ):
        files.private_folder(path.parent)
    token_file.write_token(path, bearer.token())


def remove_token(path: Path) -> bool:
    """Take a token's file away, whoever named it; whether it was there.

    Raises:
        AlreadyExists: when the file holds anything but a token.
        FileUnsafe, FileUnavailable: when it cannot be read or removed.
    """
    from daypass import files
    from daypass.cli.idp_token_file import failure_file

    if not _holds_token(path):
        return False
    files.remove(path)
    files.remove(failure_file(path))
    output.line(str(path))
    return True


def _holds_token(path: Path) -> bool:
    """Whether a file is there; it is an error when it is something else, a key perhaps."""
    from daypass import files
    from daypass.ambient.wish import is_compact
    from daypass.errors import AlreadyExists, FileUnavailable

    try:
        content = files.read_bounded(path, _MAX_TOKEN_BYTES).decode("latin-1").strip()
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return False
        raise
    if content and not is_compact(content):
        raise AlreadyExists(
            f"`{path}` is there, and is not a file with a token", advice="Name another one.", path=str(path)
        )
    return True


def remove_tokens(party: str, used: str | None) -> int:
    """Take away the token in the file that this shell uses, if that is one of ours, or else all of the party's.

    How many there were.
    """
    folder = token_folder(party)
    if used and Path(used).parent == folder:
        return int(remove_token(Path(used)))
    return sum(remove_token(path) for path in sorted(folder.glob("*.token")))


def keep_token(arguments: argparse.Namespace, path: Path, bearer: Bearer) -> int:
    """Keep the token in a file fresh, here or in the background, as the options say; or say how that is done."""
    from daypass.aws.holding.parent import parse_process, starting_process
    from daypass.cli import idp_token_file

    parent = parse_process(arguments.parent) if arguments.parent else starting_process()
    if arguments.background:
        idp_token_file.stay_behind(path, bearer.token, parent=parent)
        failure = idp_token_file.failure_file(path)
        output.note(f"The token is replaced until the process {parent} ends; what goes wrong stands in {failure}")
    elif arguments.watch:
        import sys

        sys.stdout.flush()
        return idp_token_file.keep(path, bearer.token, parent=parent, while_there=True)
    else:
        output.note(f"The token ends, and nobody replaces it; for that add --background, or --watch ({path}).")
    return 0
