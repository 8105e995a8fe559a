"""Signatures as real clients make them: the AWS CLI, boto3, the JavaScript SDK; and those that AWS no longer takes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from support.local_aws import ACCOUNT
from support.node import run_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.local_aws import LocalAws, Raw

MECHANISM = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."

SIGNED = "Signature=00"
QUERY = (
    f"X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential={ACCOUNT}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
)


@pytest.fixture
def bucket(ready: LocalAws) -> str:
    name = f"b-{uuid.uuid4()}"
    ready.client("s3").create_bucket(Bucket=name)
    resource = [f"arn:aws:s3:::{name}/pub/*", f"arn:aws:s3:::{name}"]
    ready.permit({"Effect": "Allow", "Action": "s3:*", "Resource": resource})
    return name


def environment(aws: LocalAws, home: Path | None = None) -> dict[str, str]:
    given = aws.assume()["Credentials"]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home or "/"),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def cli(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "awscli", *arguments]
    return subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False, timeout=60)


def error(answer: Raw) -> tuple[int, str, str]:
    text = answer.body.decode()

    def element(name: str) -> str:
        return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].replace("&apos;", "'")

    return answer.status, element("Code"), element("Message")


def test_the_aws_cli_copies_and_presigns(ready: LocalAws, bucket: str, tmp_path: Path) -> None:
    environ = environment(ready, tmp_path)
    (tmp_path / "small").write_text("hello")
    (tmp_path / "big").write_bytes(os.urandom(9 * 1024 * 1024))
    for name in ("small", "big"):
        done = cli(environ, "s3", "cp", str(tmp_path / name), f"s3://{bucket}/pub/{name} +ü")
        assert done.returncode == 0, done.stderr
    assert (
        ready.client("s3").get_object(Bucket=bucket, Key="pub/big +ü")["Body"].read() == (tmp_path / "big").read_bytes()
    )
    done = cli(environ, "s3", "cp", str(tmp_path / "small"), f"s3://{bucket}/private")
    assert "(AccessDenied) when calling the PutObject operation: User: arn:aws:sts::" in done.stderr
    assert f'is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::{bucket}/private"' in done.stderr
    presign = ("s3", "presign", f"s3://{bucket}/pub/small +ü", "--expires-in", "60")
    # In us-east-1 the CLI of today still presigns by version 2 unless told otherwise; newer buckets of AWS refuse that.
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(cli(environ, *presign).stdout.strip(), timeout=10)
    with caught.value as refusal:
        assert MECHANISM.encode() in refusal.read()
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\ns3 =\n  signature_version = s3v4\n")
    url = cli(environ, *presign).stdout.strip()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"hello"
    ready.clock.ahead = ready.clock.ahead.__class__(seconds=61)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=10)
    with caught.value as refusal:
        assert refusal.code == 403
        assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in refusal.read()


def test_a_stream_of_boto3(ready: LocalAws, bucket: str) -> None:
    s3 = ready.client("s3", ready.assume()["Credentials"])
    s3.put_object(Bucket=bucket, Key="pub/stream", Body=io.BytesIO(b"a" * 100_000))
    assert len(s3.get_object(Bucket=bucket, Key="pub/stream")["Body"].read()) == 100_000


JAVASCRIPT = """
import { S3Client, PutObjectCommand, GetObjectCommand } from "@aws-sdk/client-s3";
import { SecretsManagerClient, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { Readable } from "node:stream";
const s3 = new S3Client({ forcePathStyle: true });
const told = {};
const Bucket = process.env.BUCKET;
await s3.send(new PutObjectCommand({ Bucket, Key: "pub/a b+ü", Body: "hello" }));
told.read = await (await s3.send(new GetObjectCommand({ Bucket, Key: "pub/a b+ü" }))).Body.transformToString();
const Body = Readable.from(["he", "llo"]);
await s3.send(new PutObjectCommand({ Bucket, Key: "pub/stream", Body, ContentLength: 5 }));
told.stream = await (await s3.send(new GetObjectCommand({ Bucket, Key: "pub/stream" }))).Body.transformToString();
async function refused(sent) {
  try { await sent; } catch (e) { return [e.name, e.$metadata.httpStatusCode, e.message]; }
}
told.s3 = await refused(s3.send(new PutObjectCommand({ Bucket, Key: "private", Body: "hello" })));
const secrets = new SecretsManagerClient({});
told.secret = await refused(secrets.send(new GetSecretValueCommand({ SecretId: "db" })));
console.log(JSON.stringify(told));
"""


def test_the_javascript_sdk(ready: LocalAws, bucket: str) -> None:
    done = run_module(JAVASCRIPT, environment={**environment(ready), "BUCKET": bucket})
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["read"], told["stream"]) == ("hello", "hello")
    user = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1 is not authorized to perform:"
    none = "because no identity-based policy allows the"
    resource = f'"arn:aws:s3:::{bucket}/private"'
    message = f"{user} s3:PutObject on resource: {resource} {none} s3:PutObject action"
    assert told["s3"] == ["AccessDenied", 403, message]
    message = f"{user} secretsmanager:GetSecretValue on resource: db {none} secretsmanager:GetSecretValue action"
    assert told["secret"] == ["AccessDeniedException", 400, message]


@pytest.mark.parametrize(
    ("target", "authorization"),
    [
        ("/b/k", f"AWS {ACCOUNT}:frJIUN8DYpKDtOLCwo//yllqDzg="),
        ("/b/k", f"AWS4-ECDSA-P256-SHA256 Credential={ACCOUNT}/20260101/s3/aws4_request, SignedHeaders=host, {SIGNED}"),
        (f"/b/k?AWSAccessKeyId={ACCOUNT}&Expires=1141889120&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D", None),
        (f"/b/k?{QUERY}", None),
    ],
    ids=["2", "4a", "2 in the query", "4a in the query"],
)  # fmt: skip
def test_other_versions_of_signatures_are_refused(aws: LocalAws, target: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    assert error(aws.raw("GET", target, headers=headers)) == (400, "InvalidRequest", MECHANISM)
