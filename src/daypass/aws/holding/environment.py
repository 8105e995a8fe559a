"""An environment in which a command finds the credentials it is given, and no others.

SDKs take the first credentials they find, and environment variables come before everything else (AWS SDKs and Tools
reference guide, Credential provider chain). What somebody exported before would win, or half of it would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_ACCOUNT_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
"""Every variable from which one of AWS's tools takes credentials, or which says where to take them from."""
_BEARER: Final = "AWS_BEARER_TOKEN_"
"""Begins the names of keys of one service each, which SDKs use before all else (Amazon Bedrock API keys)."""
_OURS: Final = ("DAYPASS_TOKEN", "DAYPASS_ADMIN_TOKEN")


def credentials_in(environ: Mapping[str, str]) -> list[str]:
    """The variables that give AWS credentials, or name where they are."""
    return [name for name in environ if name in CREDENTIALS or name.startswith(_BEARER)]


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without any variable that gives AWS credentials, or names where they are.

    What else AWS's tools read (region, endpoints, certificates, proxies, files) stays. Daypass's own secrets that stand
    in a variable go too: the command is given a session so that it needs no more than that.
    """
    gone = {*credentials_in(environ), *_OURS}
    return {name: value for name, value in environ.items() if name not in gone}
