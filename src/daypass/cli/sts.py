"""STS, as the commands ask it: where the environment says, with the clocks of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.aws.endpoint import ca_bundle
from daypass.aws.sts_client import StsClient
from daypass.cli.clocks import utc_now, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping


def client(endpoint: str, environ: Mapping[str, str]) -> StsClient:
    """STS at an endpoint.

    Raises:
        SettingInvalid: when it is none that may be called.
    """
    bundle, setting = ca_bundle(environ)
    return StsClient(endpoint, environ=environ, waiting=waiting(), clock=utc_now, ca_bundle=bundle, ca_setting=setting)
