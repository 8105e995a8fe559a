"""Every vector of AssumeRoleWithWebIdentity over HTTP: code, status and text, byte for byte."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from botocore.credentials import Credentials

from daypass.sts.observed import Observed
from daypass.testing.conformance import issuers, vectors
from daypass.testing.conformance.endpoint import Endpoint
from daypass.testing.conformance.run import Runner
from support.local_aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from daypass.testing.conformance.issuers import Issuers
    from daypass.testing.conformance.vectors import Vector
    from support.local_aws import LocalAws

SLOW = {"silent", "drip"}  # five seconds each; the suite against processes has them
VECTORS = [vector for vector in vectors.read() if vector.content.get("issuer_fault") not in SLOW]
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(scope="module")
def served_issuers(ca: trustme.CA) -> Iterator[Issuers]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    with issuers.serve(context) as served:
        yield served


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_answer_over_http_is_awss(aws: LocalAws, served_issuers: Issuers, vector: Vector) -> None:
    aws.clock.stop()
    settings: dict[str, str] = vector.content.get("settings", {})
    aws.start(Observed.parse([f"{name}={value}" for name, value in settings.items()]))
    with Endpoint("ours", aws.url, Credentials(ACCOUNT, "test")) as endpoint:
        assert endpoint.account == ACCOUNT
        runner = Runner(endpoint, served_issuers, clock=aws.clock, clock_is_the_endpoints=True, settings=settings)
        result = runner.run(vector)
    assert result.verdict == "agree", result.differences
    assert result.answer is not None
    assert ("x-daypass-why" in result.answer.headers) == (result.answer.status != 200)


def test_a_parameter_that_comes_twice_is_no_question(ready: LocalAws) -> None:
    given = {"RoleArn": ready.role_arn(), "RoleSessionName": "job", "WebIdentityToken": ready.token()}
    form = urlencode({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **given})
    assert ready.raw("POST", "/", form.encode(), FORM).status == 200
    twice = ready.raw("POST", "/", f"{form}&RoleSessionName=other".encode(), FORM)
    assert twice.status == 400
    assert re.search(b"<Code>MalformedQueryString</Code>", twice.body)
