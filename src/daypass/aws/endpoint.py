"""Where STS is: the endpoint that AWS's own tools would use."""

from __future__ import annotations

import re

from daypass.aws.config_glance import config_about, config_about_endpoints
from daypass.errors import UsageInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from daypass.aws.credentials_file import Locations

_REGION: Final = r"[a-z]{2,5}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}"
# Partition and domain by the start of a region's name, as botocore's partitions.json has them.
_PARTITIONS: Final = (
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),
)
GLOBAL: Final = "https://sts.amazonaws.com"
IAM_REGIONS: Final = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""By partition, the region that requests to IAM are signed for: it has one endpoint in each. A client with an endpoint
of the user's own would sign for the user's region instead, and IAM refuses that."""


def parse_region(text: str) -> str:
    """A region's name, unchanged.

    Raises:
        UsageInvalid: when it is not one; it becomes part of a host's name and of a file.
    """
    if not re.fullmatch(_REGION, text):
        raise UsageInvalid(f"`{text}` is not an AWS region", advice="It looks like eu-central-1.", region=text)
    return text


def region_from(environ: Mapping[str, str]) -> str | None:
    """The region that the environment names: `AWS_REGION`, then `AWS_DEFAULT_REGION`."""
    text = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return parse_region(text) if text else None


def find_region(environ: Mapping[str, str], profile: str, locations: Locations) -> str | None:
    """The region of the environment, else the one that the profile has in the config file, else None.

    Raises:
        UsageInvalid: when it is not one.
        FileUnavailable: when there is a config file that cannot be read.
    """
    region = region_from(environ)
    if region is None:
        from daypass.aws.credentials_file import read_region  # noqa: PLC0415 - not when the environment names one

        text = read_region(profile=profile, locations=locations)
        region = None if text is None else parse_region(text)
    return region


def default_audience(partition: str) -> str:
    """Who a token for AWS is for when nobody says: what AWS's pages register with the IAM provider.

    Source: aws-actions/configure-aws-credentials, "audience"; the partition of China has its own.
    """
    return "sts.amazonaws.com.cn" if partition == "aws-cn" else "sts.amazonaws.com"


def ca_bundle(environ: Mapping[str, str], *, profile: str | None = None) -> tuple[str | None, str]:
    """The authorities to trust, and the setting that names them, as botocore finds them.

    `AWS_CA_BUNDLE`, else `ca_bundle` of the profile (see `sts_endpoint`) in the config file, else `REQUESTS_CA_BUNDLE`;
    None for the system's own.

    Raises:
        FileUnavailable: when AWS's tools could not read a config file that names authorities.
    """
    if environ.get("AWS_CA_BUNDLE"):
        return environ["AWS_CA_BUNDLE"], "AWS_CA_BUNDLE"
    if config_about(b"ca_bundle", environ):
        from daypass.aws.credentials_file import Locations, read_config  # noqa: PLC0415 - few files name one

        name = profile or environ.get("AWS_PROFILE") or "default"
        bundle = read_config(name, locations=Locations.of(environ)).get("ca_bundle")
        if bundle:
            return bundle, f"ca_bundle of the profile `{name}`"
    return environ.get("REQUESTS_CA_BUNDLE") or None, (
        "REQUESTS_CA_BUNDLE" if environ.get("REQUESTS_CA_BUNDLE") else "AWS_CA_BUNDLE"
    )


def sts_endpoint(
    region: str | Callable[[], str | None] | None,
    partition: str,
    environ: Mapping[str, str],
    *,
    profile: str | None = None,
) -> str:
    """The URL of STS for a role of `partition`; `region` may be a function, asked only where it matters.

    `AWS_ENDPOINT_URL_STS`, then `AWS_ENDPOINT_URL`, then what the config file says (see `configured_endpoint`; of
    `profile`, else `AWS_PROFILE`, else `default`), unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, or the profile when
    that is not set, says that none of them counts; otherwise the region's own endpoint;
    without a region the global one, which only the partition `aws` has.

    Raises:
        UsageInvalid: when the role is of a partition that this endpoint does not serve.
        SettingInvalid, FileUnavailable: when the config file cannot be understood.
    """
    configured = _configured(profile or environ.get("AWS_PROFILE") or "default", environ)
    if configured:
        return configured
    if callable(region):
        region = region()
    if region is None:
        if partition != "aws":
            raise UsageInvalid(
                f"a role of the partition {partition} needs a region", advice="Add: --region, or set AWS_REGION."
            )
        return GLOBAL
    _, served, domain = next(entry for entry in _PARTITIONS if region.startswith(entry[0]))
    if served != partition:
        raise UsageInvalid(
            f"the role is of the partition {partition}, and {region} is a region of {served}",
            advice="Name a region of the role's partition with --region.",
        )
    return f"https://sts.{region}.{domain}"


def _configured(profile: str, environ: Mapping[str, str]) -> str | None:
    ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower()
    if ignored == "true":
        return None
    url = environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL")
    if not config_about_endpoints(environ):
        return url
    from daypass.aws import configured_endpoint as config  # noqa: PLC0415 - few files name one

    if not ignored and config.ignores_endpoints(profile, environ):
        return None
    return url or config.configured_endpoint(profile, environ)
