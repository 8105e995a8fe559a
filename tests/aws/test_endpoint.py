"""Where STS is, compared with where botocore finds it."""

from __future__ import annotations

import botocore.session
import pytest

from daypass.aws.endpoint import GLOBAL, region_from, sts_endpoint
from daypass.errors import UsageInvalid

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
