"""Which services there are behind, and how each is spoken to. botocore's models say nearly all of it.

A signature names a service by its signing name. Mostly that is also the name of the model, of moto's part and of the
prefix of its actions; the tables hold where it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from botocore.loaders import Loader

from daypass.localaws import model
from daypass.localaws.faults import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import ServiceModel

    from daypass.localaws.wire import WireRequest

OURS: Final = frozenset({"sts", "iam", "cloudformation"})
"""Signing names that never reach moto: Daypass decides on these, or has no such service."""

# Models under a signing name that is not theirs alone, or not theirs at all.
_MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "aoss": ("opensearchserverless",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "aps": ("amp",),
    "aws-marketplace": ("meteringmarketplace",),
    "bedrock": ("bedrock", "bedrock-agent", "bedrock-runtime"),
    "cloudhsm": ("cloudhsmv2",),
    "connect-campaigns": ("connectcampaigns",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elb", "elbv2"),
    "elasticmapreduce": ("emr",),
    "es": ("es", "opensearch"),
    "execute-api": ("apigatewaymanagementapi",),
    "iotdata": ("iot-data",),
    "kinesisanalytics": ("kinesisanalyticsv2",),
    "kinesisvideo": ("kinesisvideo", "kinesis-video-archived-media"),
    "lex": ("lexv2-models",),
    "mediastore": ("mediastore", "mediastore-data"),
    "mobiletargeting": ("pinpoint",),
    "monitoring": ("cloudwatch",),
    "sagemaker": ("sagemaker", "sagemaker-metrics", "sagemaker-runtime"),
    "servicecatalog": ("servicecatalog", "servicecatalog-appregistry"),
    "servicequotas": ("service-quotas",),
    "ses": ("ses", "sesv2"),
    "sso": ("sso-admin",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-query", "timestream-write"),
}
# Where the prefix of the actions is not the signing name (Service Authorization Reference).
_PREFIXES: Final[Mapping[str, str]] = {
    "apigatewaymanagementapi": "execute-api",
    "cloudwatch": "cloudwatch",
    "iot-data": "iot",
    "resourcegroupstaggingapi": "tag",
    "sso-admin": "sso",
}
_PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "query": Protocol.QUERY,
    "ec2": Protocol.EC2,
    "rest-json": Protocol.REST_JSON,
    "rest-xml": Protocol.REST_XML,
    "smithy-rpc-v2-cbor": Protocol.CBOR,
}


@dataclass(frozen=True, slots=True)
class Behind:
    """A service behind, as one request speaks to it.

    Attributes:
        signing: its name in signatures.
        model: its name among botocore's models.
        prefix: of its actions.
        protocol: of this request, and so of its answer.
        target: what stands before the operation in `X-Amz-Target`; empty without.
    """

    signing: str
    model: str
    prefix: str
    protocol: Protocol
    target: str = ""


def find(signing: str, request: WireRequest) -> Behind | None:
    """The service that a request is for, None when AWS has none of that signing name."""
    if signing in OURS:
        return None
    if signing == "s3":
        return Behind("s3", "s3", "s3", Protocol.S3)
    names = tuple(name for name in _MODELS.get(signing, (signing,)) if name in _available())
    if not names:
        return None
    name = names[0] if len(names) == 1 else _told_apart(names, request)
    target = str(model.service(name).metadata.get("targetPrefix", ""))
    return Behind(signing, name, _PREFIXES.get(name, signing), _protocol(model.service(name), request), target)


def name_by_target(prefix: str) -> str | None:
    """The signing name of a service with resources of its own, by what stands before the operation in its target."""
    return _by_target().get(prefix)


@cache
def _by_target() -> dict[str, str]:
    names = ("secretsmanager", "ssm", "kms", "dynamodb", "sqs")
    return {str(model.service(name).metadata["targetPrefix"]): name for name in names}


@cache
def _available() -> frozenset[str]:
    return frozenset(Loader().list_available_services("service-2"))


def _told_apart(names: tuple[str, ...], request: WireRequest) -> str:
    """Of several models under one signing name, the one with this target or version, or an operation at this path."""
    target = (request.header("x-amz-target") or "").partition(".")[0]
    version = dict(parse_qsl(request.body.decode("latin-1"))).get("Version") if request.is_form else None
    for name in names:
        metadata = model.service(name).metadata
        if (target and target == metadata.get("targetPrefix")) or (version and version == metadata["apiVersion"]):
            return name
    if target or version:
        return names[0]
    # Services of the REST protocols come with one that begins its paths otherwise.
    first = {name: _first_segments(name) for name in names}
    segment = request.path.split("/")[1] if "/" in request.path else ""
    return next((name for name, segments in first.items() if segment in segments), names[0])


@cache
def _first_segments(name: str) -> frozenset[str]:
    service = model.service(name)
    return frozenset(
        service.operation_model(one).http["requestUri"].split("?")[0].split("/")[1]
        for one in service.operation_names
        if service.operation_model(one).http.get("requestUri", "/") != "/"
    )


def _protocol(service: ServiceModel, request: WireRequest) -> Protocol:
    spoken = tuple(service.metadata.get("protocols", (service.metadata["protocol"],)))
    if request.header("x-amz-target") is not None and "targetPrefix" in service.metadata:
        if "awsQueryCompatible" in service.metadata:
            return Protocol.JSON_WITH_QUERY_CODES
        return Protocol.JSON_1_0 if service.metadata.get("jsonVersion") == "1.0" else Protocol.JSON
    if request.is_form and ("query" in spoken or "awsQueryCompatible" in service.metadata):
        return Protocol.QUERY
    if spoken[0] == "json":
        return Protocol.JSON_1_0 if service.metadata.get("jsonVersion") == "1.0" else Protocol.JSON
    return _PROTOCOLS[spoken[0]]
