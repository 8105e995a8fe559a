"""The signer on AWS KMS, beside what every signer promises: against the local AWS, through boto3."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from daypass.errors import KeyUnavailable
from daypass.signers import AwsKmsSigner
from daypass.signers.aws_kms import ALGORITHM_TAG, ISSUER_TAG
from support.registry import StoppedClock

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"


@pytest.fixture
def client(kms_endpoint: str) -> Iterator[Any]:
    # A session of its own: boto3's default one remembers the credentials that another test's environment had.
    with closing(boto3.session.Session().client("kms", region_name=REGION, endpoint_url=kms_endpoint)) as made:
        yield made


def alias_of(client: Any, kid: str) -> dict[str, Any]:
    aliases = (alias for page in client.get_paginator("list_aliases").paginate() for alias in page["Aliases"])
    found: dict[str, Any] = next(alias for alias in aliases if alias["AliasName"].endswith(f"/{kid}"))
    return found


def sign(signer: AwsKmsSigner, kid: str) -> bytes:
    async def ask() -> bytes:
        return await signer.sign(kid, b"content")

    return asyncio.run(ask())


def another(issuer: str, endpoint: str) -> AwsKmsSigner:
    """A signer of another process: it has looked at nothing yet."""
    return AwsKmsSigner(issuer=issuer, region=REGION, endpoint=endpoint, clock=StoppedClock())


def test_a_key_is_a_kms_key_with_alias_and_tags(kms: AwsKmsSigner, issuer: str, client: Any) -> None:
    key = kms.create_key("ES384")
    arn = alias_of(client, key.kid)["TargetKeyId"]
    described = client.describe_key(KeyId=arn)["KeyMetadata"]
    assert (described["KeySpec"], described["KeyUsage"], described["Origin"]) == (
        "ECC_NIST_P384",
        "SIGN_VERIFY",
        "AWS_KMS",
    )
    tags = {tag["TagKey"]: tag["TagValue"] for tag in client.list_resource_tags(KeyId=arn)["Tags"]}
    assert tags == {ISSUER_TAG: issuer, ALGORITHM_TAG: "ES384"}


def test_a_discarded_key_waits_for_its_deletion(kms: AwsKmsSigner, client: Any) -> None:
    key = kms.create_key("ES256")
    arn = alias_of(client, key.kid)["TargetKeyId"]
    kms.discard_key(key.kid)
    assert client.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_all_replicas_use_one_key(kms: AwsKmsSigner, issuer: str, kms_endpoint: str) -> None:
    key = kms.create_key("RS256")
    with closing(another(issuer, kms_endpoint)) as replica:
        assert sign(replica, key.kid) == sign(kms, key.kid), "RSASSA-PKCS1-v1_5 has one signature"
        assert set(replica.kids()) == {key.kid}


def test_keys_of_a_neighbour_are_not_touched(kms: AwsKmsSigner, kms_endpoint: str) -> None:
    """Keys that no database row belongs to are destroyed: nobody may take a neighbour's for such."""
    key = kms.create_key("ES256")
    with closing(another("https://neighbour.example", kms_endpoint)) as neighbour:
        assert key.kid not in neighbour.kids()
        neighbour.discard_key(key.kid)
        with pytest.raises(KeyUnavailable):
            sign(neighbour, key.kid)
    assert sign(kms, key.kid)


def test_an_alias_that_was_moved_to_another_key_is_refused(
    kms: AwsKmsSigner, issuer: str, kms_endpoint: str, client: Any
) -> None:
    """Whoever may move aliases must not choose the key that signs."""
    one, other = kms.create_key("ES256"), kms.create_key("ES256")
    there = alias_of(client, other.kid)["TargetKeyId"]
    client.update_alias(AliasName=alias_of(client, one.kid)["AliasName"], TargetKeyId=there)
    assert sign(kms, one.kid), "who has looked at the key goes on with it"
    with (
        closing(another(issuer, kms_endpoint)) as replica,
        pytest.raises(KeyUnavailable, match="names another key"),
    ):
        sign(replica, one.kid)


def test_kms_out_of_reach(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    with closing(another(issuer, "http://127.0.0.1:9")) as signer:
        for attempt in (lambda: signer.create_key("ES256"), signer.kids, lambda: sign(signer, "A" * 43)):
            began = time.monotonic()
            with pytest.raises(KeyUnavailable) as caught:
                attempt()
            assert time.monotonic() - began < 10
            assert "wJalrXUtnFEMI" not in str(caught.value.__dict__) + caught.value.message


def test_the_local_aws_takes_a_digest_for_a_digest(client: Any) -> None:
    """It once hashed it a second time."""
    arn = client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    digest = hashlib.sha256(b"content").digest()
    for algorithm in ("RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PSS_SHA_256"):
        said = {"KeyId": arn, "SigningAlgorithm": algorithm}
        signature = client.sign(Message=digest, MessageType="DIGEST", **said)["Signature"]
        assert client.verify(Message=b"content", Signature=signature, **said)["SignatureValid"]
        assert client.verify(Message=digest, MessageType="DIGEST", Signature=signature, **said)["SignatureValid"]
        with pytest.raises(ClientError, match="Digest is invalid length"):
            client.sign(Message=b"content", MessageType="DIGEST", **said)


def test_without_boto3_the_extra_is_named() -> None:
    story = """
import sys
sys.modules["boto3"] = None
from datetime import UTC, datetime
from daypass.errors import PartMissing
from daypass.signers import AwsKmsSigner
try:
    AwsKmsSigner(issuer="https://a.example", region="eu-central-1", clock=lambda: datetime.now(UTC))
except PartMissing as error:
    print(error.advice)
"""
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Install `daypass[aws-kms]`."
