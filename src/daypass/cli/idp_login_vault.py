"""`daypass idp login vault` and `daypass idp logout vault`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.cli import idp_relying, output
from daypass.errors import DaypassError, FileUnavailable, RelyingPartyRefused, UsageInvalid
from daypass.relying import vault
from daypass.secret import Secret

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from daypass.relying.vault import Server, VaultToken

_MAX_TOKEN_BYTES: Final = 64 * 1024  # batch tokens are long
_LOCK_SECONDS: Final = 30.0


def log_in(arguments: argparse.Namespace) -> int:
    """Exchange a token for one of Vault's, and keep that where Vault's own tools look for it."""
    if arguments.unset:
        arguments.no_revoke = False
        return log_out(arguments)
    if arguments.json and (arguments.field or arguments.token_only):
        raise UsageInvalid("--json goes without --field and --token-only")
    environ = os.environ
    server, path = vault.Server.of(environ), vault.parse_path(arguments.path)
    role = arguments.role or environ.get("IDP_VAULT_ROLE") or None
    bearer = idp_relying.Bearer(arguments, vault.AUDIENCE)
    try:
        got = idp_relying.attempt(
            bearer, lambda token: vault.log_in(server, token, role=role, path=path), arguments.wait
        )
    except RelyingPartyRefused as refused:
        return idp_relying.refused(refused, as_json=arguments.json)
    stored = not (arguments.no_store or arguments.token_only)
    _mask(got.token, environ, shown=not stored or arguments.field == "token")
    if stored:
        try:
            _store(server, got)
        except DaypassError:
            if got.kind != "batch":
                with contextlib.suppress(DaypassError):
                    vault.revoke(server, got.token)  # nobody has it, and nobody could end it later
            raise
    facts = _facts(server, got, stored=stored)
    field = "token" if arguments.token_only else arguments.field
    if field:
        shown = got.token.reveal() if field == "token" else facts[field]
        output.line(shown if isinstance(shown, str) else output.compact(shown))
        return 0
    idp_relying.result(arguments, facts)
    if stored:
        _warn(environ)
    return 0


def log_out(arguments: argparse.Namespace) -> int:
    """Take the token away if it is the one that we stored, and have Vault end it, at the server that gave it."""
    with files.locked(_mark_path(), timeout_seconds=_LOCK_SECONDS):
        return _log_out(arguments)


def _log_out(arguments: argparse.Namespace) -> int:
    path, mark = _token_path(), _mark_path()
    kept, token = _read_mark(mark), _read_token(path)
    if token is None or kept.get("sha256") != _digest(token):
        files.remove(mark)
        output.note(f"The token in {path} is not one of Daypass's, and stays." if token else "Nothing was there.")
        return 0
    status = 0
    if not arguments.no_revoke and kept.get("kind") != "batch":
        try:
            server = vault.Server.of(os.environ)._replace(address=kept["address"], namespace=kept["namespace"])
            lived = vault.revoke(server, token)
            output.note("Vault ended the token." if lived else "The token had ended before.")
        except DaypassError as error:
            from daypass.cli.main import status_of

            output.error(error)
            output.note("The token is taken away here, and lasts at Vault until its lease ends.")
            status = status_of(error)
    files.remove(path)
    files.remove(mark)
    output.line(str(path))
    return status


def _mask(token: Secret, environ: Mapping[str, str], *, shown: bool) -> None:
    """Have the runner of a GitHub job hide the token from its log, before anything prints it.

    Runners take commands from both streams; standard output may be the value of a variable. Only when the token is
    printed: standard error may go to a file.
    """
    from daypass.aws.holding import shells

    if not shown:
        return
    if environ.get("GITHUB_ACTIONS") == "true":
        sys.stderr.write(shells.github_masks([token.reveal()]))
        sys.stderr.flush()
    elif environ.get("GITLAB_CI") == "true":
        output.note("GitLab masks nothing that a job gets at run time: keep this token out of its log.")


def _store(server: Server, got: VaultToken) -> None:
    """Write the token as `vault login` does, and beside the caches whose it is: its digest and server, no secret."""
    mark = {
        "sha256": _digest(got.token),
        "address": server.address,
        "namespace": server.namespace,
        "kind": got.kind,
    }
    files.private_folder(_mark_path().parent)
    with files.locked(_mark_path(), timeout_seconds=_LOCK_SECONDS):
        if not _is_free():
            output.note(f"A token that was not one of Daypass's was in {_token_path()}; it is replaced.")
        files.write_atomic(_mark_path(), json.dumps(mark).encode("ascii"))
        files.write_atomic(_token_path(), got.token.reveal().encode("ascii"))


def _facts(server: Server, got: VaultToken, *, stored: bool) -> dict[str, object]:
    return {
        "address": server.address,
        **({"namespace": server.namespace} if server.namespace else {}),
        **({} if stored else {"token": got.token.reveal()}),
        "token_accessor": got.accessor,
        "token_duration": f"{got.lease_seconds}s" if got.lease_seconds else "no end",
        "token_renewable": "yes" if got.renewable else "no",
        "token_type": got.kind,
        "token_policies": list(got.policies),
        **({f"token_meta_{name}": value for name, value in got.metadata.items()}),
        **({"token_file": str(_token_path())} if stored else {}),
    }


def _warn(environ: Mapping[str, str]) -> None:
    """Say what keeps `vault` from finding the token that it was given."""
    for name in ("VAULT_TOKEN", "BAO_TOKEN"):
        if environ.get(name):
            output.note(f"{name} is set here, and goes before the file; unset it.")
    config = Path(environ.get("VAULT_CONFIG_PATH") or Path.home() / ".vault")
    try:
        helper = b"token_helper" in files.read_bounded(config, 64 * 1024)
    except DaypassError:
        return
    if helper:
        output.note(f"{config} names a token helper, so `vault` does not read the file; use: --token-only")


def _token_path() -> Path:
    return Path.home() / ".vault-token"


def _mark_path() -> Path:
    return idp_relying.cache_folder(os.environ) / "vault-login.json"


def _read_mark(path: Path) -> dict[str, str]:
    try:
        found = json.loads(files.read_private(path, max_bytes=4096))
        names = ("sha256", "address", "namespace", "kind")
        return {name: found[name] for name in names} if all(isinstance(found[name], str) for name in names) else {}
    except (DaypassError, ValueError, KeyError, TypeError):
        return {}


def _read_token(path: Path) -> Secret | None:
    try:
        return Secret(files.read_private(path, max_bytes=_MAX_TOKEN_BYTES).decode("latin-1").strip())
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return None
        raise


def _is_free() -> bool:
    """Whether there is no token, or one of ours."""
    try:
        before = _read_token(_token_path())
    except DaypassError:
        return False
    return before is None or _read_mark(_mark_path()).get("sha256") == _digest(before)


def _digest(token: Secret) -> str:
    return hashlib.sha256(token.reveal().encode()).hexdigest()
