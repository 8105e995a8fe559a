"""What a service behind answers when the signature does not hold: in its own protocol, as boto3 sees it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from support.local_aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.local_aws import LocalAws, Raw

CALLS = {
    "ssm": "describe_parameters",
    "dynamodb": "list_tables",
    "sqs": "list_queues",
    "lambda": "list_functions",
    "sns": "list_topics",
    "route53": "list_hosted_zones",
    "ec2": "describe_vpcs",
    "s3": "list_buckets",
}
JSON_SERVICES = ("ssm", "dynamodb")
INVALID = "The security token included in the request is invalid."
EXPIRED = "The security token included in the request is expired"
NOT_VALIDATED = ("AuthFailure", 401, "AWS was not able to validate the provided access credentials")
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


def answered(aws: LocalAws, service: str, credentials: Mapping[str, Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service, credentials), CALLS[service])()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.mark.parametrize("service", CALLS)
def test_a_session_that_has_ended(ready: LocalAws, service: str) -> None:
    credentials = ready.assume()["Credentials"]
    ready.clock.ahead = timedelta(hours=1, seconds=1)
    request_time = ready.clock() - timedelta(hours=1, seconds=1)
    assert request_time < ready.clock()
    # botocore signs by this machine's clock, so the date is what is refused first; both are put right by `signed_at`.
    expected = {
        "lambda": ("InvalidSignatureException", 403), "s3": ("RequestTimeTooSkewed", 403),
        "ec2": ("RequestExpired", 400), **dict.fromkeys(JSON_SERVICES, ("InvalidSignatureException", 400)),
    }.get(service, ("SignatureDoesNotMatch", 403))  # fmt: skip
    assert answered(ready, service, credentials)[:2] == expected
    short = {
        "lambda": ("ExpiredTokenException", 403, EXPIRED),
        "s3": ("ExpiredToken", 400, "The provided token has expired."),
        "ec2": ("RequestExpired", 400, "Request has expired."),
        **dict.fromkeys(JSON_SERVICES, ("ExpiredTokenException", 400, EXPIRED)),
    }.get(service, ("ExpiredToken", 403, EXPIRED))
    ready.clock.ahead = timedelta(0)
    credentials = at(ready, timedelta(hours=-1))
    assert answered(ready, service, credentials) == short


def at(aws: LocalAws, ahead: timedelta) -> Any:
    """The credentials of a login at another time."""
    aws.clock.ahead = ahead
    credentials = aws.assume()["Credentials"]
    aws.clock.ahead = timedelta(0)
    return credentials


@pytest.mark.parametrize("service", CALLS)
def test_a_token_of_another_session(ready: LocalAws, service: str) -> None:
    one, two = (ready.assume()["Credentials"] for _ in range(2))
    expected = {
        "lambda": ("UnrecognizedClientException", 403, INVALID),
        "s3": ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
        "ec2": NOT_VALIDATED,
        **dict.fromkeys(JSON_SERVICES, ("UnrecognizedClientException", 400, INVALID)),
    }.get(service, ("InvalidClientTokenId", 403, INVALID))
    for token in (two["SessionToken"], None, "FwoGZXIvYXdzEXAMPLE"):
        assert answered(ready, service, {**one, "SessionToken": token}) == expected


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret(aws: LocalAws, service: str) -> None:
    expected = {
        "lambda": ("InvalidSignatureException", 403, MISMATCH),
        "s3": ("SignatureDoesNotMatch", 403, MISMATCH.replace("AWS Secret Access Key", "key").partition(" Consult")[0]),
        "ec2": NOT_VALIDATED,
        **dict.fromkeys(JSON_SERVICES, ("InvalidSignatureException", 400, MISMATCH)),
    }.get(service, ("SignatureDoesNotMatch", 403, MISMATCH))
    assert answered(aws, service, {"AccessKeyId": ACCOUNT, "SecretAccessKey": "wrong"}) == expected


def signed(
    aws: LocalAws,
    service: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    given: Mapping[str, Any],
    **scope: str,
) -> dict[str, str]:
    request = AWSRequest("POST", f"{aws.url}{path}", data=body, headers=dict(headers))
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given.get("SessionToken"))
    SigV4Auth(keys, scope.get("signed_for", service), scope.get("region", "us-east-1")).add_auth(request)
    return dict(request.headers.items())


TARGET = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.GetParameter"}
ADMINISTRATOR = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test"}


def told(answer: Raw) -> tuple[int, str, str]:
    error = json.loads(answer.body)
    return answer.status, error["__type"], error["message"]


def test_a_body_or_target_altered_on_the_way(aws: LocalAws) -> None:
    headers = signed(aws, "ssm", "/", b'{"Name": "/a"}', TARGET, ADMINISTRATOR)
    assert told(aws.raw("POST", "/", b'{"Name": "/b"}', headers)) == (400, "InvalidSignatureException", MISMATCH)
    bent = {**headers, "x-amz-target": "AmazonSSM.DeleteParameter"}
    assert told(aws.raw("POST", "/", b'{"Name": "/a"}', bent)) == (400, "InvalidSignatureException", MISMATCH)


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"signed_for": "kms"}, "Credential should be scoped to correct service: 'ssm'. "),
        ({"region": "nowhere"}, "Credential should be scoped to a valid Region, not 'nowhere'. "),
    ],
)
def test_a_signature_for_something_else(aws: LocalAws, scope: dict[str, str], message: str) -> None:
    headers = signed(aws, "ssm", "/", b"{}", TARGET, ADMINISTRATOR, **scope)
    assert told(aws.raw("POST", "/", b"{}", headers)) == (400, "InvalidSignatureException", message)


def test_white_space_and_order_of_signed_headers_have_no_meaning(aws: LocalAws) -> None:
    given = {**TARGET, "X-Amz-Meta-Odd": "a b"}
    headers = signed(aws, "ssm", "/", b"{}", given, ADMINISTRATOR)
    spaced = dict(reversed({**headers, "X-Amz-Meta-Odd": "  a   b "}.items()))
    status, code, _ = told(aws.raw("POST", "/", b"{}", spaced))
    assert (status, code) != (400, "InvalidSignatureException")
    bent = {**headers, "X-Amz-Meta-Odd": "ab"}
    assert told(aws.raw("POST", "/", b"{}", bent))[1] == "InvalidSignatureException"


CBOR = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "accept": "application/cbor"}
CBOR_PATH = "/service/GraniteServiceVersion20100801/operation/ListMetrics"


def test_what_is_not_spoken_is_said_in_its_own_protocol(ready: LocalAws) -> None:
    """CBOR, which moto does not read; the JavaScript SDK speaks it to CloudWatch."""
    model = ServiceModel(Loader().load_service_model("cloudwatch", "service-2"), "cloudwatch")
    parser = create_parser("smithy-rpc-v2-cbor")
    shape = model.operation_model("ListMetrics").output_shape

    def ask(path: str = CBOR_PATH) -> Any:
        given = ready.assume()["Credentials"]
        answer = ready.raw("POST", path, b"\xa0", signed(ready, "monitoring", path, b"\xa0", CBOR, given))
        response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
        return parser.parse(response, shape)

    answer = ask()
    assert answer["Error"]["Code"] == "NotImplementedException"
    assert answer["Error"]["Message"].startswith("the local AWS does not speak CBOR for monitoring. Let the client")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_older_protocol_of_sqs(ready: LocalAws) -> None:
    url = ready.client("sqs").create_queue(QueueName="older")["QueueUrl"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode({"Action": "SendMessage", "Version": "2012-11-05", "QueueUrl": url, "MessageBody": "x"}).encode()
    given = ready.assume()["Credentials"]
    answer = ready.raw("POST", "/", body, signed(ready, "sqs", "/", body, form, given))
    assert answer.status == 403
    assert b"<Code>AccessDenied</Code>" in answer.body
    assert f"sqs:sendmessage on resource: arn:aws:sqs:us-east-1:{ACCOUNT}:older".encode() in answer.body
    ready.permit({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:older"})
    answer = ready.raw("POST", "/", body, signed(ready, "sqs", "/", body, form, given))
    assert (answer.status, b"<MessageId>" in answer.body) == (200, True)
