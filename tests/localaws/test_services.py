"""The services behind: what is said when they are not there, or break."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from support.local_aws import LocalAws


def test_without_moto_the_extra_is_named(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moto.moto_server.werkzeug_app", None)
    for service, call in (("s3", "list_buckets"), ("secretsmanager", "list_secrets")):
        with pytest.raises(ClientError) as caught:
            getattr(aws.client(service), call)()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert "daypass[local-aws]" in caught.value.response["Error"]["Message"]
    assert aws.client("sts").get_caller_identity()["Account"] == "111122223333"


def test_a_fault_behind_is_told_in_the_service_s_protocol(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.secretsmanager.models import SecretsManagerBackend

    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError("a secret value")

    monkeypatch.setattr(SecretsManagerBackend, "list_secrets", broken)
    with pytest.raises(ClientError) as caught:
        aws.client("secretsmanager").list_secrets()
    assert caught.value.response["Error"]["Code"] == "InternalFailure"
    assert "a secret value" not in str(caught.value)
