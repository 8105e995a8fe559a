"""Where STS is, compared with where botocore finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.session
import pytest

from daypass.aws.endpoint import GLOBAL, ca_bundle, region_from, sts_endpoint
from daypass.errors import SettingInvalid, UsageInvalid

if TYPE_CHECKING:
    from pathlib import Path

SESSION = botocore.session.Session()
REGIONS = [
    (partition, region)
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("sts", partition)
    if not region.startswith(("aws-", "local"))
]


@pytest.mark.parametrize(("partition", "region"), REGIONS)
def test_each_regions_endpoint_is_the_one_of_botocore(partition: str, region: str) -> None:
    client = SESSION.create_client(
        "sts", region_name=region, aws_access_key_id="x", aws_secret_access_key="x", aws_session_token="x"
    )
    assert sts_endpoint(region, partition, {}) == client.meta.endpoint_url


def test_without_a_region_only_the_first_partition_has_an_endpoint() -> None:
    assert sts_endpoint(None, "aws", {}) == GLOBAL
    for partition in ("aws-cn", "aws-us-gov"):
        with pytest.raises(UsageInvalid, match="region"):
            sts_endpoint(None, partition, {})


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws-cn"), ("cn-north-1", "aws"), ("us-gov-west-1", "aws")]
)
def test_a_region_of_another_partition_is_refused(region: str, partition: str) -> None:
    with pytest.raises(UsageInvalid, match="partition"):
        sts_endpoint(region, partition, {})


def test_the_settings_of_aws_tools_are_honoured_in_their_order() -> None:
    both = {"AWS_ENDPOINT_URL_STS": "https://sts.local", "AWS_ENDPOINT_URL": "https://all.local"}
    assert sts_endpoint("eu-west-1", "aws-cn", both) == "https://sts.local"
    assert sts_endpoint("eu-west-1", "aws", {"AWS_ENDPOINT_URL": "https://all.local"}) == "https://all.local"
    ignored = {**both, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}
    assert sts_endpoint("eu-west-1", "aws", ignored) == "https://sts.eu-west-1.amazonaws.com"


def test_the_region_comes_from_the_environment() -> None:
    assert region_from({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}) == "eu-west-1"
    assert region_from({"AWS_DEFAULT_REGION": "eu-west-2"}) == "eu-west-2"
    assert region_from({}) is None
    with pytest.raises(UsageInvalid):
        region_from({"AWS_REGION": "evil.example/"})


CONFIG = """
[default]
services = local
[profile global]
endpoint_url = https://global.local
[profile both]
endpoint_url = https://global.local
services = local
[profile other]
endpoint_url = https://global.local
services = s3-only
[profile ignoring]
endpoint_url = https://global.local
ignore_configured_endpoint_urls = true
[profile none]
region = eu-west-1
[services local]
s3 =
  endpoint_url = https://s3.local
sts =
  endpoint_url = https://sts.local
[services s3-only]
s3 =
  endpoint_url = https://s3.local
"""


@pytest.mark.parametrize("profile", ["default", "global", "both", "other", "ignoring", "none"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"AWS_ENDPOINT_URL": "https://environment.local"},
        {"AWS_ENDPOINT_URL_STS": "https://sts-environment.local"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "https://environment.local"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
    ],
)
def test_the_config_files_endpoint_is_the_one_that_botocore_takes(
    profile: str, more: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    environ = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(path), "AWS_PROFILE": profile, **more}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    client = botocore.session.Session().create_client("sts", region_name="eu-west-1")
    assert sts_endpoint("eu-west-1", "aws", environ) == client.meta.endpoint_url
    environ.pop("AWS_PROFILE")
    assert sts_endpoint("eu-west-1", "aws", environ, profile=profile) == client.meta.endpoint_url


def test_services_that_are_not_there_are_said(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nservices = gone\n# endpoint_url\n")
    with pytest.raises(SettingInvalid, match="names the services `gone`"):
        sts_endpoint("eu-west-1", "aws", {"HOME": str(tmp_path)})


def test_a_file_that_names_no_endpoint_is_not_even_read_as_one(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default\nbroken")
    assert sts_endpoint("eu-west-1", "aws", {"HOME": str(tmp_path)}) == "https://sts.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, (None, "AWS_CA_BUNDLE")),
        ({"REQUESTS_CA_BUNDLE": "/r"}, ("/r", "REQUESTS_CA_BUNDLE")),
        ({"REQUESTS_CA_BUNDLE": "/r", "AWS_CA_BUNDLE": "/a"}, ("/a", "AWS_CA_BUNDLE")),
        ({"REQUESTS_CA_BUNDLE": "/r", "AWS_CA_BUNDLE": ""}, ("/r", "REQUESTS_CA_BUNDLE")),
        ({"CURL_CA_BUNDLE": "/c"}, (None, "AWS_CA_BUNDLE")),
    ],
)
def test_authorities_are_those_of_botocore(environ: dict[str, str], found: tuple[str | None, str]) -> None:
    assert ca_bundle(environ) == found


def test_authorities_of_the_profile_come_between_the_two_variables(tmp_path: Path) -> None:
    """As botocore takes them: AWS_CA_BUNDLE, the profile's `ca_bundle`, REQUESTS_CA_BUNDLE."""
    config = tmp_path / "config"
    config.write_text("[default]\nca_bundle = /a\n[profile ci]\nca_bundle = /b\n[profile none]\nregion = x\n")
    environ = {"AWS_CONFIG_FILE": str(config), "REQUESTS_CA_BUNDLE": "/r"}
    assert ca_bundle(environ)[0] == "/a"
    assert ca_bundle(environ | {"AWS_PROFILE": "ci"}) == ("/b", "ca_bundle of the profile `ci`")
    assert ca_bundle(environ, profile="ci")[0] == "/b"
    assert ca_bundle(environ | {"AWS_PROFILE": "none"}) == ("/r", "REQUESTS_CA_BUNDLE")
    assert ca_bundle(environ | {"AWS_CA_BUNDLE": "/e"}) == ("/e", "AWS_CA_BUNDLE")
