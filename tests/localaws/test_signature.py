"""Signature Version 4, bent in every way that a client, a proxy or an attacker may bend it."""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from daypass.localaws.app import LocalAwsConfig, build
from support.asgi import served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme

    from support.local_aws import LocalAws, Raw

ACCOUNT = "111122223333"
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


def signed(
    aws: LocalAws,
    *,
    key: str = ACCOUNT,
    secret: str = "test",
    token: str | None = None,
    service: str = "sts",
    region: str = "us-east-1",
    body: bytes = IDENTITY,
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a signed POST of `body` to `/`."""
    every = {"host": f"127.0.0.1:{aws.port}", **FORM, **(headers or {})}
    request = AWSRequest(method="POST", url=f"{aws.url}/", data=body, headers=every)
    SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    return dict(request.headers.items())


def post(aws: LocalAws, headers: dict[str, str], body: bytes = IDENTITY) -> Raw:
    return aws.raw("POST", "/", body, headers)


def error(answer: Raw) -> tuple[int, str, str]:
    text = answer.body.decode()

    def element(name: str) -> str:
        return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].replace("&apos;", "'").replace("&gt;", ">")

    return answer.status, element("Code"), element("Message")


def another_second(stamp: str) -> str:
    return f"{stamp[:-2]}{(int(stamp[-2]) + 1) % 10}Z"


def test_the_administrator_of_the_default_account(aws: LocalAws) -> None:
    answer = post(aws, signed(aws, key="test"))
    assert b"<Account>000000000000</Account>" in answer.body
    assert b"<Arn>arn:aws:iam::000000000000:root</Arn>" in answer.body


@pytest.mark.parametrize(
    "key", ["11112222333", "1111222233334", "AKIAIOSFODNN7EXAMPLE", "Test", "", "ASIAAAAAAAAAAAAAAAAA"]
)
def test_an_unknown_key(aws: LocalAws, key: str) -> None:
    status, code, message = error(post(aws, signed(aws, key=key)))
    assert (status, code) == (403, "InvalidClientTokenId")
    assert message == "The security token included in the request is invalid."


def test_a_wrong_secret(aws: LocalAws) -> None:
    assert error(post(aws, signed(aws, secret="Test"))) == (403, "SignatureDoesNotMatch", MISMATCH)


def test_no_signature(aws: LocalAws) -> None:
    assert error(post(aws, FORM)) == (403, "MissingAuthenticationToken", "Request is missing Authentication Token")


def test_an_administrator_has_no_session_token(aws: LocalAws) -> None:
    assert error(post(aws, signed(aws, token="x")))[1] == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("name", "bend"),
    [
        ("body", lambda h, b: (h, b + b"&x=1")),
        ("signed header", lambda h, b: ({**h, "content-type": "application/x-www-form-urlencoded"}, b)),
        ("host", lambda h, b: ({**h, "host": "localhost"}, b)),
        ("time", lambda h, b: ({**h, "X-Amz-Date": another_second(h["X-Amz-Date"])}, b)),
        ("signature", lambda h, b: ({**h, "Authorization": h["Authorization"][:-1] + "x"}, b)),
        ("zero", lambda h, b: ({**h, "Authorization": h["Authorization"].split("Signature=")[0] + "Signature=0"}, b)),
        ("non-ascii signature", lambda h, b: ({**h, "Authorization": h["Authorization"][:-1] + "\xe9"}, b)),
    ],
)  # fmt: skip
def test_an_altered_request(
    aws: LocalAws, name: str, bend: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]
) -> None:
    headers, body = bend(signed(aws), IDENTITY)
    assert error(post(aws, headers, body)) == (403, "SignatureDoesNotMatch", MISMATCH)


def test_a_header_added_on_the_way(aws: LocalAws) -> None:
    for name in ("x-amz-target", "x-amz-security-token", "x-amz-extra"):
        status, code, message = error(post(aws, {**signed(aws), name: "secretsmanager.GetSecretValue"}))
        assert (status, code) == (403, "SignatureDoesNotMatch")
        assert message == f"'{name}' must be a 'SignedHeader' in the AWS Authorization."


def test_unsigned_ordinary_headers_do_not_matter(aws: LocalAws) -> None:
    assert post(aws, {**signed(aws), "via": "1.1 proxy", "accept": "*/*"}).status == 200


def test_the_host_must_be_signed(aws: LocalAws) -> None:
    headers = signed(aws)
    without = headers["Authorization"].replace("content-type;host;x-amz-date", "content-type;x-amz-date")
    assert "'Host'" in error(post(aws, {**headers, "Authorization": without}))[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"service": "iam"}, "Credential should be scoped to correct service: 'sts'"),
        ({"service": "s3"}, "Credential should be scoped to correct service: 'sts'"),
        ({"region": "mars"}, "Credential should be scoped to a valid Region, not 'mars'"),
        ({"region": "us-east-1\u00e9"}, "Credential should be scoped to a valid Region"),
        (
            {"service": "iam", "region": "eu-west-1", "body": b"Action=ListRoles&Version=2010-05-08"},
            "Credential should be scoped to a valid Region, not 'eu-west-1'",
        ),
    ],
)
def test_a_wrong_scope(aws: LocalAws, options: Any, message: str) -> None:
    headers = signed(aws, **options)
    status, code, told = error(post(aws, headers, options.get("body", IDENTITY)))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert told.startswith(message)


def test_a_wrong_terminator_and_date(aws: LocalAws) -> None:
    headers = signed(aws)
    for old, new, message in (
        ("aws4_request", "aws5_request", "Credential should be scoped with a valid terminator: 'aws4_request'"),
        (f"/{headers['X-Amz-Date'][:8]}/", "/20200101/", "Date in Credential scope does not match YYYYMMDD from ISO"),
    ):
        bent = {**headers, "Authorization": headers["Authorization"].replace(old, new)}
        status, code, told = error(post(aws, bent))
        assert (status, code) == (403, "SignatureDoesNotMatch")
        assert told.startswith(message)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer abc", "AWS AKID:sig", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
     "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0",
     "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0",
     "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Credential=a/b/c/d/e, SignedHeaders=host, Signature=0"],
)  # fmt: skip
def test_an_authorization_that_cannot_be_read(aws: LocalAws, authorization: str) -> None:
    headers = {**FORM, "X-Amz-Date": "20260101T000000Z", "Authorization": authorization}
    assert error(post(aws, headers))[:2] == (400, "IncompleteSignature")


def test_the_clock_window_is_five_minutes(aws: LocalAws) -> None:
    headers = signed(aws)
    for ahead, good in ((295, True), (-295, True), (305, False), (-305, False)):
        aws.clock.ahead = timedelta(seconds=ahead)
        status, code, message = error(post(aws, headers))
        assert (status == 200) is good
        if not good:
            assert (status, code) == (403, "SignatureDoesNotMatch")
            expected = "Signature expired: " if ahead > 0 else "Signature not yet current: "
            assert message.startswith(expected + headers["X-Amz-Date"] + " is ")
            assert message.endswith("5 min.)")


def test_the_window_of_s3_is_fifteen_minutes(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    aws.clock.ahead = timedelta(minutes=14)
    s3.list_buckets()
    aws.clock.ahead = timedelta(minutes=16)
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        s3.list_buckets()


def test_errors_are_in_the_shape_of_the_service(aws: LocalAws) -> None:
    wrong = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "wrong"}
    unknown = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x"}
    every: list[tuple[str, Callable[[Any], Any], tuple[str, str]]] = [
        ("secretsmanager", lambda c: c.list_secrets(), ("InvalidSignatureException", "UnrecognizedClientException")),
        ("s3", lambda c: c.list_buckets(), ("SignatureDoesNotMatch", "InvalidAccessKeyId")),
        ("iam", lambda c: c.list_roles(), ("SignatureDoesNotMatch", "InvalidClientTokenId")),
    ]
    for service, call, expected in every:
        for credentials, code in zip((wrong, unknown), expected, strict=True):
            with pytest.raises(ClientError) as caught:
                call(aws.client(service, credentials))
            assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("service", ["gamelift", "cloudsearch"])
def test_other_services_are_honestly_absent(aws: LocalAws, service: str) -> None:
    calls = {
        "gamelift": "list_fleets",
        "cloudsearch": "list_domain_names",
    }
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service), calls[service])()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert f"has no service '{service}'" in caught.value.response["Error"]["Message"]


# ---------------------------------------------------------------------------------------------------- presigned


def presigned_identity(aws: LocalAws, expires: int = 60) -> str:
    request = AWSRequest(method="GET", url=f"{aws.url}/?{IDENTITY.decode()}")
    SigV4QueryAuth(Credentials(ACCOUNT, "test"), "sts", "us-east-1", expires=expires).add_auth(request)
    return str(request.url).removeprefix(aws.url)


def test_a_presigned_identity(aws: LocalAws) -> None:
    target = presigned_identity(aws)
    assert aws.raw("GET", target).status == 200
    assert error(aws.raw("GET", target + "&x=1"))[1] == "SignatureDoesNotMatch"
    assert error(aws.raw("GET", target.replace("Action=GetCallerIdentity", "Action=GetAccessKeyInfo")))[1] == (
        "SignatureDoesNotMatch"
    )
    assert error(aws.raw("GET", target + "&X-Amz-Expires=1"))[:2] == (400, "IncompleteSignature")
    both = aws.raw("GET", target, headers={"authorization": signed(aws)["Authorization"]})
    assert error(both)[:2] == (400, "IncompleteSignature")
    aws.clock.ahead = timedelta(seconds=62)
    assert error(aws.raw("GET", target))[2].startswith("Signature expired: ")


def test_a_presigned_identity_lives_fifteen_minutes_at_most(aws: LocalAws) -> None:
    target = presigned_identity(aws, expires=86_400)
    aws.clock.ahead = timedelta(minutes=14)
    assert aws.raw("GET", target).status == 200
    aws.clock.ahead = timedelta(minutes=16)
    assert error(aws.raw("GET", target))[:2] == (403, "SignatureDoesNotMatch")


# --------------------------------------------------------------------------------------------- S3's ways with bodies

ODD_KEYS = [
    "plain", "with space", "a+b", "a%2Fb", "what?", "ümläut/ß", "//double//", "~*!()'", "a&b=c", "#hash", "ends/",
    "日本語", "%", "a;b", "./dot", "quote\"s", "🦊",
]  # fmt: skip


@pytest.fixture
def bucket(aws: LocalAws) -> str:
    name = f"b-{uuid.uuid4()}"
    aws.client("s3").create_bucket(Bucket=name)
    return name


def test_odd_keys_keep_their_names(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"id": "7"})
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    assert sorted(item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]) == sorted(ODD_KEYS)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="a", Delimiter="+")
    assert [item["Prefix"] for item in listed["CommonPrefixes"]] == ["a+"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_presigned_urls_of_odd_keys(aws: LocalAws, bucket: str, key: str) -> None:
    s3 = aws.client("s3", config=Config(signature_version="s3v4"))
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
    assert aws.raw("PUT", put.removeprefix(aws.url), b"by url").status == 200
    assert aws.raw("GET", get.removeprefix(aws.url)).body == b"by url"
    assert aws.raw("GET", put.removeprefix(aws.url)).status == 403
    assert aws.raw("GET", urlsplit(get).path).status == 403
    aws.clock.ahead = timedelta(seconds=62)
    late = aws.raw("GET", get.removeprefix(aws.url))
    assert error(late) == (403, "AccessDenied", "Request has expired")


def test_a_presigned_url_for_more_than_a_week(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3", config=Config(signature_version="s3v4"))
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")

    def status(seconds: int) -> tuple[int, bytes]:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=seconds)
        answer = aws.raw("GET", url.removeprefix(aws.url))
        return answer.status, answer.body

    assert status(604_800) == (200, b"v")
    refused = status(604_801)
    assert refused[0] == 400
    assert b"<Code>AuthorizationQueryParametersError</Code>" in refused[1]


def test_a_presigned_url_of_a_session(ready: LocalAws) -> None:
    name = f"b-{uuid.uuid4()}"
    ready.client("s3").create_bucket(Bucket=name)
    ready.permit({"Effect": "Allow", "Action": "s3:*Object", "Resource": f"arn:aws:s3:::{name}/*"})
    credentials = ready.assume()["Credentials"]
    s3 = ready.client("s3", credentials, config=Config(signature_version="s3v4"))
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"}).removeprefix(ready.url)
    assert ready.raw("GET", url).body == b"v"
    without = "&".join(part for part in url.split("&") if not part.startswith("X-Amz-Security-Token"))
    assert ready.raw("GET", without).status == 403


def s3_headers(aws: LocalAws, target: str, *, content_sha256: str, method: str = "PUT", **more: str) -> dict[str, str]:
    headers = {"host": f"127.0.0.1:{aws.port}", **{name.replace("_", "-"): value for name, value in more.items()}}
    request = AWSRequest(method=method, url=f"{aws.url}{target}", headers=headers)
    signer = S3SigV4Auth(Credentials(ACCOUNT, "test"), "s3", "us-east-1")
    signer.payload = lambda request: content_sha256
    signer.add_auth(request)
    return dict(request.headers.items())


def test_a_body_of_another_hash_than_the_signed_one(aws: LocalAws, bucket: str) -> None:
    target = f"/{bucket}/k"
    headers = s3_headers(aws, target, content_sha256=hashlib.sha256(b"signed").hexdigest())
    assert aws.raw("PUT", target, b"signed", headers).status == 200
    assert error(aws.raw("PUT", target, b"forged", headers))[:2] == (400, "XAmzContentSHA256Mismatch")


def test_an_unsigned_payload(aws: LocalAws, bucket: str) -> None:
    target = f"/{bucket}/k"
    headers = s3_headers(aws, target, content_sha256="UNSIGNED-PAYLOAD")
    assert aws.raw("PUT", target, b"whatever", headers).status == 200
    assert aws.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"whatever"


def test_an_unsigned_payload_is_for_s3_only(aws: LocalAws) -> None:
    headers = signed(aws, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert error(post(aws, headers))[1] == "SignatureDoesNotMatch"


def test_an_unsigned_trailer(aws: LocalAws, bucket: str) -> None:
    """What boto3 sends over TLS."""
    target = f"/{bucket}/k"
    headers = s3_headers(
        aws,
        target,
        content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length="5",
        x_amz_trailer="x-amz-checksum-crc32",
        content_encoding="aws-chunked",
    )
    assert aws.raw("PUT", target, b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", headers).status == 200
    assert aws.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"


def hmac_sha256(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def chunked(headers: dict[str, str], chunks: list[bytes], trailer: bytes | None = None) -> bytes:
    """The body as AWS's documentation describes it, computed here without the code under test."""
    stamp = headers["X-Amz-Date"]
    key = b"AWS4test"
    for part in (stamp[:8], "us-east-1", "s3", "aws4_request"):
        key = hmac_sha256(key, part)
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    previous, body = headers["Authorization"].partition("Signature=")[2], b""
    empty = hashlib.sha256(b"").hexdigest()
    for chunk in [*chunks, b""]:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{previous}\n{empty}\n{hashlib.sha256(chunk).hexdigest()}"
        previous = hmac_sha256(key, text).hex()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk
        body += b"" if trailer is not None and not chunk else b"\r\n"
    if trailer is not None:
        digest = hashlib.sha256(trailer + b"\n").hexdigest()
        text = f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n{previous}\n{digest}"
        body += trailer + b"\r\nx-amz-trailer-signature:" + hmac_sha256(key, text).hex().encode() + b"\r\n\r\n"
    return body


@pytest.mark.parametrize("trailer", [None, b"x-amz-checksum-crc32:NhCmhg=="])
def test_signed_chunks(aws: LocalAws, bucket: str, trailer: bytes | None) -> None:
    target = f"/{bucket}/k"
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    more = {"x_amz_trailer": "x-amz-checksum-crc32"} if trailer else {}
    chunks = [b"a" * 8192, b"hello"]
    headers = s3_headers(
        aws,
        target,
        content_sha256=kind,
        x_amz_decoded_content_length=str(sum(map(len, chunks))),
        content_encoding="aws-chunked",
        **more,
    )
    body = chunked(headers, chunks, trailer)
    assert aws.raw("PUT", target, body, headers).status == 200
    assert aws.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(chunks)
    second = body.index(b"5;chunk-signature")
    bent = [
        body.replace(b"hello", b"hellO"),
        body[second:],
        body[:second] + body[second:].replace(b"5;", b"4;", 1),
        body[:second],
        body + b"x" if trailer is None else body.replace(b"NhCmhg", b"NhCmhh"),
        b"",
        b"zz",
    ]
    for forged in bent:
        assert aws.raw("PUT", target, forged, headers).status in {400, 403}
    assert aws.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(chunks)


def test_uploads_over_tls(aws: LocalAws, ca: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    """Over TLS boto3 leaves payloads unsigned and sends checksums in a trailer."""
    certificate = tmp_path / "server.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    with served(build(LocalAwsConfig(), aws.clock), certificate=certificate) as port:
        s3 = aws.client("s3", endpoint_url=f"https://127.0.0.1:{port}", verify=str(ca_file))
        name, big = f"b-{uuid.uuid4()}", os.urandom(9 * 1024 * 1024)
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="ü +", Body=io.BytesIO(b"in a trailer"))
        assert s3.get_object(Bucket=name, Key="ü +")["Body"].read() == b"in a trailer"
        s3.upload_fileobj(io.BytesIO(big), name, "big")
        assert s3.get_object(Bucket=name, Key="big")["Body"].read() == big
        s3.close()


# ------------------------------------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.com"},
        {"host": "localhost.evil.example.com"},
        {"host": "127.0.0.1.evil.example.com"},
        {"host": "10.0.0.1"},
        {"origin": "https://evil.example.com"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_pages_of_other_sites_are_not_answered(aws: LocalAws, headers: dict[str, str]) -> None:
    answer = aws.raw("GET", f"/?{IDENTITY.decode()}", headers=headers)
    assert error(answer)[:2] == (403, "AccessDenied")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:4566", "bucket.localhost:4566"])
def test_this_machine_has_many_names(aws: LocalAws, host: str) -> None:
    assert error(aws.raw("GET", f"/?{IDENTITY.decode()}", headers={"host": host}))[1] == "MissingAuthenticationToken"


def test_an_account_header_of_the_caller_is_not_passed_on(aws: LocalAws) -> None:
    name = f"s-{uuid.uuid4()}"
    aws.client("secretsmanager").create_secret(Name=name, SecretString="x")
    stranger = aws.client("secretsmanager", {"AccessKeyId": "999988887777", "SecretAccessKey": "test"})
    stranger.meta.events.register(
        "before-sign.secretsmanager", lambda request, **_: request.headers.add_header("x-moto-account-id", ACCOUNT)
    )
    with pytest.raises(ClientError, match="ResourceNotFound"):
        stranger.get_secret_value(SecretId=name)


def test_control_paths_of_the_service_behind_are_not_reachable(aws: LocalAws) -> None:
    assert aws.raw("POST", "/moto-api/reset").status == 403
    headers = s3_headers(aws, "/moto-api/data.json", content_sha256="UNSIGNED-PAYLOAD", method="GET")
    assert error(aws.raw("GET", "/moto-api/data.json", headers=headers))[1] in {"NoSuchBucket", "NoSuchKey"}


def test_the_form_is_bounded(aws: LocalAws) -> None:
    body = urlencode({f"a{n}": "1" for n in range(1500)} | {"Action": "GetCallerIdentity"}).encode()
    assert post(aws, signed(aws, body=body), body).status in {400, 403}
