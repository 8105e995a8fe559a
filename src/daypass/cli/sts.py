"""STS, as the commands ask it: where the environment says, with the clocks of this machine."""

from __future__ import annotations

from daypass.aws.endpoint import ca_bundle
from daypass.aws.sts_client import StsClient
from daypass.cli.clocks import utc_now, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def client(endpoint: str, environ: Mapping[str, str], *, profile: str | None = None) -> StsClient:
    """STS at an endpoint, with the authorities of `profile`, if it names any (see `ca_bundle`).

    Raises:
        SettingInvalid: when it is none that may be called.
        FileUnavailable: see `ca_bundle`.
    """
    bundle, setting = ca_bundle(environ, profile=profile)
    return StsClient(endpoint, environ=environ, waiting=waiting(), clock=utc_now, ca_bundle=bundle, ca_setting=setting)
