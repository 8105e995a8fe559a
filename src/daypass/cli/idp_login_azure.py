"""`daypass idp login azure`, `env azure` and `logout azure`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.cli import idp_relying, output
from daypass.errors import RelyingPartyRefused, UsageInvalid
from daypass.relying import asking, azure

if TYPE_CHECKING:
    import argparse


def log_in(arguments: argparse.Namespace) -> int:
    """Write the token, and try it when asked to."""
    if arguments.unset:
        return log_out(arguments)
    made = _Made(arguments)
    try:
        checked = made.check()
    except RelyingPartyRefused as refused:
        return idp_relying.refused(refused, as_json=arguments.json)
    idp_relying.write_token(made.token_file, made.bearer)
    facts: dict[str, object] = {
        "audience": made.bearer.audience,
        **made.application.variables(made.token_file),
        **({} if checked is None else {"checked": f"Entra gives access tokens of {checked} seconds"}),
    }
    idp_relying.result(arguments, facts)
    output.note("To use it: set these variables, or have `daypass idp env azure` do it.")
    return idp_relying.keep_token(arguments, made.token_file, made.bearer)


def print_environment(arguments: argparse.Namespace) -> int:
    """The same, with its result as assignments."""
    if arguments.unset:
        return idp_relying.take_out(arguments, azure.VARIABLES)
    made = _Made(arguments)
    try:
        made.check()
    except RelyingPartyRefused as refused:
        return idp_relying.refused(refused, as_json=False)
    idp_relying.write_token(made.token_file, made.bearer)
    idp_relying.hand_over(arguments, made.application.variables(made.token_file))
    return idp_relying.keep_token(arguments, made.token_file, made.bearer)


def log_out(arguments: argparse.Namespace) -> int:
    """Remove the token; who keeps it fresh ends when it finds it gone."""
    if arguments.token_file:
        count = int(idp_relying.remove_token(Path(os.path.abspath(arguments.token_file))))
    else:
        count = idp_relying.remove_tokens("azure", os.environ.get("AZURE_FEDERATED_TOKEN_FILE"))
    if not count:
        output.note("Nothing was there.")
    output.note("Access tokens that Entra already gave last until their end, about an hour.")
    return 0


class _Made:
    """What the options make: the application, and where its token goes."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        environ = os.environ
        client = arguments.client_id or environ.get("AZURE_CLIENT_ID")
        tenant = arguments.tenant_id or environ.get("AZURE_TENANT_ID")
        if not client or not tenant:
            raise UsageInvalid(
                "no application is named" if not client else "no tenant is named",
                advice="Add: --client-id ID --tenant-id ID, or set AZURE_CLIENT_ID and AZURE_TENANT_ID.",
            )
        authority = arguments.authority_host or environ.get("AZURE_AUTHORITY_HOST")
        self.application = azure.Application.parse(client, tenant, authority)
        self.bearer = idp_relying.Bearer(arguments, self.application.audience)
        self.token_file = idp_relying.token_path(arguments, "azure", self.bearer)
        self._arguments = arguments

    def check(self) -> int | None:
        """Try a token at Entra, if that is asked for; for how many seconds it gives access tokens."""
        if not self._arguments.check:
            return None
        environ = os.environ
        bundle = asking.bundle_from(environ, "REQUESTS_CA_BUNDLE")
        party = asking.Party("Entra", "--authority-host", bundle, "REQUESTS_CA_BUNDLE", environ)
        scope = self._arguments.resource_scope or azure.SCOPE
        return idp_relying.attempt(
            self.bearer, lambda token: azure.check(party, self.application, token, scope=scope), self._arguments.wait
        )
