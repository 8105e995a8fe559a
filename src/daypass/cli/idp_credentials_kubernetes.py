"""`daypass idp credentials kubernetes`: the credential plugin of kubectl and its kin."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from daypass.ambient import find_token
from daypass.aws.holding import age
from daypass.aws.holding.wanted import entry_name
from daypass.cli import idp_relying, kept_token, output
from daypass.cli.idp_holding import trouble
from daypass.relying import kubernetes

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from daypass.secret import Secret


def folder() -> Path:
    """Where the tokens are kept."""
    return idp_relying.cache_folder(os.environ) / "kubernetes"


def print_credential(arguments: argparse.Namespace) -> int:
    """Print a token that lasts, in the version that the client asks for."""
    environ = os.environ
    version = kubernetes.asked_version(environ.get("KUBERNETES_EXEC_INFO"))

    def find() -> Secret:
        token = find_token([arguments.audience], environ, scope=arguments.scope, source=arguments.token_source)
        idp_relying.demand_audience(token, arguments.audience)
        return token

    if arguments.no_cache:
        kept = kept_token.take(find, age.now)
    else:
        parts = [f"audience={arguments.audience}", f"source={arguments.token_source}", f"scope={arguments.scope or ''}"]
        path = folder() / f"{entry_name(parts, arguments.token_source, environ)}.json"
        kept = kept_token.hold(path, find, clocks=age.now, trouble=trouble)
    seconds = kept.fresh_seconds(age.now())
    end = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    output.as_json(kubernetes.exec_credential(kept.token, version, end))
    return 0
