"""Every vector of AssumeRoleWithWebIdentity over HTTP, read by boto3: code, status and text, byte for byte."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.sts_vectors import ROLE_ARN, StsCase, build, sts_cases

if TYPE_CHECKING:
    from support.local_aws import LocalAws

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def prepare(aws: LocalAws, case: StsCase) -> None:
    """Provider, keys and role of a case, through IAM's own operations."""
    iam = aws.client("iam")
    if case.client_ids is not None:
        iam.create_open_id_connect_provider(
            Url=aws.issuer.url, ClientIDList=[client_id for client_id in case.client_ids if client_id]
        )
    if case.key_set is None:
        aws.issuer.documents = {}
    else:
        aws.issuer.documents["/keys"] = case.key_set
    if case.trust_policy is not None:
        iam.create_role(
            RoleName="deploy",
            Path="/ci/",
            AssumeRolePolicyDocument=case.trust_policy,
            MaxSessionDuration=case.max_session_seconds,
        )


def ask(aws: LocalAws, case: StsCase) -> Any:
    """The parameters of a case through boto3, as they are: its own checks off, texts that are no numbers kept."""
    client = aws.client("sts", config=Config(parameter_validation=False, retries={"max_attempts": 0}))
    client.meta.events.register("before-call.sts", lambda params, **_: params["body"].update(case.parameters))
    return client.assume_role_with_web_identity()


@pytest.mark.parametrize("vector", sts_cases())
def test_the_answer_over_http_is_awss(aws: LocalAws, vector: dict[str, Any]) -> None:
    case = build(vector, issuer=aws.issuer.url, now=aws.clock.stop())
    aws.start(case.observed)
    prepare(aws, case)
    wanted = case.expect
    if "granted" not in wanted:
        with pytest.raises(ClientError) as caught:
            ask(aws, case)
        answer = caught.value.response
        assert answer["Error"]["Code"] == wanted["code"]
        assert answer["Error"]["Message"] == wanted["message"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == wanted["status"]
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"]
        return
    answer, wanted = ask(aws, case), wanted["granted"]
    assert answer["Audience"] == wanted["audience"]
    assert answer["SubjectFromWebIdentityToken"] == wanted["subject"]
    assert answer["PackedPolicySize"] == wanted["packed_policy_size"]
    assert answer.get("SourceIdentity") == wanted["source_identity"]
    assert answer["Provider"] == wanted.get("provider", case.provider_arn)
    assert (
        answer["AssumedRoleUser"]["Arn"]
        == f"{ROLE_ARN.replace(':iam:', ':sts:').split(':role/')[0]}:assumed-role/deploy/ci-1"
    )
    lasts = answer["Credentials"]["Expiration"] - aws.clock()
    assert wanted["duration_seconds"] - 1 <= lasts.total_seconds() <= wanted["duration_seconds"]


def test_a_parameter_that_comes_twice_is_no_question(ready: LocalAws) -> None:
    given = {"RoleArn": ready.role_arn(), "RoleSessionName": "job", "WebIdentityToken": ready.token()}
    form = urlencode({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **given})
    assert ready.raw("POST", "/", form.encode(), FORM).status == 200
    twice = ready.raw("POST", "/", f"{form}&RoleSessionName=other".encode(), FORM)
    assert twice.status == 400
    assert re.search(b"<Code>MalformedQueryString</Code>", twice.body)
