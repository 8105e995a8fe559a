"""`daypass idp login gcp`, `env gcp`, `credentials gcp` and `logout gcp`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.cli import idp_relying, output
from daypass.errors import (
    AlreadyExists,
    DaypassError,
    FileUnavailable,
    RelyingPartyRefused,
    RequestInvalid,
    UsageInvalid,
)
from daypass.relying import asking, gcp

if TYPE_CHECKING:
    import argparse

_VARIABLES: Final = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
)
"""What Google's libraries, gcloud, and both before they run a program, look at."""
_RUN_BY_A_LIBRARY: Final = "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE"
_MAX_CONFIGURATION_BYTES: Final = 64 * 1024


def log_in(arguments: argparse.Namespace) -> int:
    """Write the configuration, and try it when asked to."""
    if arguments.unset:
        return log_out(arguments)
    made = _Made(arguments)
    try:
        checked = made.check()
    except RelyingPartyRefused as refused:
        return idp_relying.refused(refused, as_json=arguments.json)
    made.write()
    values = made.variables()
    facts: dict[str, object] = {
        "provider": made.federation.provider.name,
        **({"service_account": made.federation.service_account} if made.federation.service_account else {}),
        "audience": made.bearer.audience,
        **values,
        **({"token_file": str(made.token_file)} if made.token_file else {}),
        **({} if checked is None else {"checked": f"Google gives access tokens of {checked} seconds"}),
    }
    idp_relying.result(arguments, facts)
    output.note("To use it: set these variables, or have `daypass idp env gcp` do it.")
    return made.keep()


def print_environment(arguments: argparse.Namespace) -> int:
    """The same, with its result as assignments."""
    if arguments.unset:
        return idp_relying.take_out(arguments, _VARIABLES)
    made = _Made(arguments)
    try:
        made.check()
    except RelyingPartyRefused as refused:
        return idp_relying.refused(refused, as_json=False)
    made.write()
    idp_relying.hand_over(arguments, made.variables())
    return made.keep()


def print_credentials(arguments: argparse.Namespace) -> int:
    """Print a token for a library that runs us; it reads what we print to either stream as one text."""
    from daypass.ambient import find_or_raise
    from daypass.cli.main import status_of

    by_library = _RUN_BY_A_LIBRARY in os.environ
    try:
        found = find_or_raise([arguments.audience], os.environ, source=arguments.token_source, scope=arguments.scope)
        idp_relying.demand_audience(found.token, arguments.audience)
    except DaypassError as error:
        if not by_library:
            raise
        message = f"{error.message}. {error.advice or ''}".rstrip()
        output.as_json(gcp.executable_failure(error.code, message))
        return status_of(error)
    output.as_json(gcp.executable_response(found.token, _end(found.token.reveal())))
    return 0


def log_out(arguments: argparse.Namespace) -> int:
    """Remove the configuration, and the token in the file that it names."""
    path = _configuration_path(arguments)
    try:
        content = files.read_bounded(path, _MAX_CONFIGURATION_BYTES)
    except FileUnavailable as error:
        if not error.facts.get("missing"):
            raise
        content = None
    if content is not None:
        _demand_ours(path, content)
        named = gcp.token_file_of(content)
        files.remove(path)
        output.line(str(path))
        if named is not None:
            idp_relying.remove_token(Path(named))
    output.note(
        "Access tokens that Google already gave last until their end, an hour at most if nothing else was said."
    )
    return 0


class _Made:
    """What the options make: the federation, the source of tokens, and where both are written."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        environ = os.environ
        named = arguments.provider or environ.get("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE")
        if not named:
            raise UsageInvalid("no provider is named", advice="Add: --provider projects/…/providers/…")
        if arguments.lifetime is not None and arguments.service_account is None:
            raise UsageInvalid(
                "--lifetime is that of a service account's tokens", advice="Add: --service-account EMAIL"
            )
        if arguments.source != "file" and (arguments.token_file or arguments.watch or arguments.background):
            raise UsageInvalid("--token-file, --watch and --background go with --source file")
        self.federation = gcp.Federation(
            gcp.Provider.parse(named),
            None if arguments.service_account is None else gcp.parse_service_account(arguments.service_account),
            None if arguments.lifetime is None else gcp.parse_lifetime(arguments.lifetime),
            _base(arguments.sts_url, "--sts-url") or gcp.STS,
            _base(arguments.iam_credentials_url, "--iam-credentials-url") or gcp.IAM_CREDENTIALS,
        )
        self.bearer = idp_relying.Bearer(arguments, self.federation.provider.token_audience)
        self.path = _configuration_path(arguments)
        self.token_file: Path | None = None
        if arguments.source == "file":
            self.token_file = idp_relying.token_path(arguments, "gcp", self.bearer)
            self._source = gcp.file_source(str(self.token_file))
        else:
            self._source = gcp.executable_source(idp_relying.own_command(arguments, "gcp", self.bearer.audience))
        self._before: bytes | None = None
        try:
            self._before = files.read_bounded(self.path, _MAX_CONFIGURATION_BYTES)
            _demand_ours(self.path, self._before)
        except FileUnavailable as error:
            if not error.facts.get("missing"):
                raise

    def check(self) -> int | None:
        """Try a token at Google, if that is asked for; for how many seconds it gives access tokens."""
        if not self._arguments.check:
            return None
        environ = os.environ
        bundle = asking.bundle_from(environ, "REQUESTS_CA_BUNDLE")
        party = asking.Party("Google", "--sts-url", bundle, "REQUESTS_CA_BUNDLE", environ)
        return idp_relying.attempt(
            self.bearer, lambda token: gcp.exchange(party, self.federation, token), self._arguments.wait
        )

    def write(self) -> None:
        """Write the token, if it goes to a file, and the configuration."""
        if self.token_file is not None:
            idp_relying.write_token(self.token_file, self.bearer)
        content = gcp.configuration(self.federation, self._source)
        files.write_atomic(self.path, content)
        if self._before is not None and self._before != content:
            output.note(f"Another configuration was in {self.path}; what still uses it needs its own, with --output.")

    def variables(self) -> dict[str, str]:
        """What points libraries to the configuration."""
        values = dict.fromkeys(_VARIABLES[:2], str(self.path))
        return values if self.token_file is not None else {**values, _VARIABLES[2]: "1"}

    def keep(self) -> int:
        """Keep the token's file fresh, if there is one."""
        if self.token_file is None:
            return 0
        return idp_relying.keep_token(self._arguments, self.token_file, self.bearer)


def _base(url: str | None, option: str) -> str | None:
    if url is None:
        return None
    try:
        return asking.base_address(url)
    except RequestInvalid as error:
        raise UsageInvalid(error.message, advice=f"Check {option}.") from None


def _configuration_path(arguments: argparse.Namespace) -> Path:
    named = getattr(arguments, "output", None)
    return Path(os.path.abspath(named)) if named else idp_relying.config_folder(os.environ) / "gcp.json"


def _demand_ours(path: Path, content: bytes) -> None:
    """Leave alone what is something else, a service account's key perhaps."""
    if not gcp.is_ours(content):
        raise AlreadyExists(
            f"`{path}` is there, and is not a configuration that Daypass wrote",
            advice="Name another file with --output.",
            path=str(path),
        )


def _end(token: str) -> int | None:
    from daypass.tokens.peek import peek

    try:
        end = peek(token, duplicates="last").claims.get("exp")
    except DaypassError:
        return None
    return int(end) if isinstance(end, int | float) else None
