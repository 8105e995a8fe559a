"""Which service a request is for. There is one port and mostly one host name, so the request itself must tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from daypass.localaws import model
from daypass.localaws.faults import Protocol
from daypass.localaws.services import catalogue
from daypass.localaws.signature import is_version_2

if TYPE_CHECKING:
    from daypass.localaws.services.catalogue import Behind
    from daypass.localaws.wire import WireRequest

DECIDED: Final = ("sts", "iam", "cloudformation")
_VERSION: Final = re.compile(r"(?:^|&)Version=([0-9-]+)(?:&|$)")
_SCOPE: Final = re.compile(r"Credential=[^/,]*/[^/,]*/[^/,]*/([a-z0-9-]+)/")
_SCOPE_WITHOUT_REGION: Final = re.compile(r"Credential=[^/,]*/[0-9]{8}/([a-z0-9-]+)/aws4_request")
_AWS_HOST: Final = re.compile(
    r"(?:[^:]+\.)?(s3|sts|iam|secretsmanager|cloudformation)(?:\.[a-z0-9-]+)?\.amazonaws\.com(?::[0-9]+)?"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The service asked for (`None`: nothing tells), the protocol of the answer, and what is behind, if anything."""

    service: str | None
    protocol: Protocol
    behind: Behind | None = None


def recognise(request: WireRequest) -> Asked:
    """The service by what is asked; only when that does not tell, by what the signature claims.

    A signature for one service that comes with another's question is thus refused by its scope.
    """
    service = _by_version(request) or _by_target(request) or _by_host(request) or _by_scope(request)
    if service in DECIDED:
        return Asked(service, Protocol.QUERY)
    behind = None if service is None else catalogue.find(service, request)
    if behind is not None:
        return Asked(service, behind.protocol, behind)
    if request.header("x-amz-target") is not None:
        return Asked(service, Protocol.JSON)
    if service is None or request.is_form:
        return Asked(service, Protocol.QUERY)
    return Asked(service, Protocol.JSON)


def _by_version(request: WireRequest) -> str | None:
    """STS, IAM and CloudFormation are asked at `/` with an `Action`, and name the version of their API."""
    text = request.query
    if request.method == "POST" and request.is_form:
        text = request.body.decode("latin-1")
    named = _VERSION.search(text) if request.path == "/" and "Action=" in text else None
    return None if named is None else next((name for name in DECIDED if model.version(name) == named[1]), None)


def _by_target(request: WireRequest) -> str | None:
    return catalogue.name_by_target((request.header("x-amz-target") or "").partition(".")[0])


def _by_host(request: WireRequest) -> str | None:
    named = _AWS_HOST.fullmatch((request.header("host") or "").lower())
    return named[1] if named else None


def _by_scope(request: WireRequest) -> str | None:
    claimed = _SCOPE.search(request.header("authorization") or "") or _SCOPE.search(
        unquote(request.query.replace("X-Amz-Credential=", "Credential="))
    )
    if claimed:
        return claimed[1]
    # Only S3 ever had such a signature in a header; elsewhere it names no service.
    return "s3" if is_version_2(request) and "Action=" not in request.query else _by_regionless_scope(request)


def _by_regionless_scope(request: WireRequest) -> str | None:
    """The service of a signature of version 4A, whose scope has no region."""
    claimed = _SCOPE_WITHOUT_REGION.search(request.header("authorization") or "")
    return claimed[1] if claimed else None
