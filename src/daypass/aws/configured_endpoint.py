"""Where AWS's config file says that STS is.

Source: AWS SDKs and Tools reference guide, Service-specific endpoints: a profile names `[services NAME]`, whose `sts`
has an `endpoint_url` of its own; else the profile's `endpoint_url` is for every service. The environment goes before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.aws.credentials_file import Locations, read_config
from daypass.errors import SettingInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping


def ignores_endpoints(profile: str, environ: Mapping[str, str]) -> bool:
    """Whether a profile says that no configured endpoint counts, that of the environment neither.

    Raises:
        FileUnavailable: when AWS's tools could not read the file.
    """
    settings = read_config(profile, locations=Locations.of(environ))
    return settings.get("ignore_configured_endpoint_urls", "").lower() == "true"


def configured_endpoint(profile: str, environ: Mapping[str, str]) -> str | None:
    """The URL of STS that a profile has in the config file; None when it has none.

    Raises:
        SettingInvalid: when the profile names services that the file does not have; AWS's tools refuse that, too.
        FileUnavailable: when AWS's tools could not read the file.
    """
    locations = Locations.of(environ)
    settings = read_config(profile, locations=locations)
    name = settings.get("services")
    if name is not None:
        services = read_config(name, kind="services", locations=locations)
        if not services:
            raise SettingInvalid(
                f"the profile `{profile}` in `{locations.config}` names the services `{name}`, which are not there",
                advice=f"Add: [services {name}], or take that line out.",
                key="services",
                reason="not there",
            )
        url = _nested(services.get("sts", "")).get("endpoint_url")
        if url:
            return url
    return settings.get("endpoint_url") or None


def _nested(block: str) -> Mapping[str, str]:
    """The indented settings below a key."""
    pairs = (line.partition("=") for line in block.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
