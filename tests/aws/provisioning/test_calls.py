"""AWS's errors in our tree: what is no, what is not known, and which permission is missing."""

from __future__ import annotations

import pytest

from daypass.aws.provisioning.calls import ask, pages
from daypass.cli.main import status_of
from daypass.errors import (
    AlreadyExists,
    AwsCredentialsUnusable,
    AwsPermissionMissing,
    AwsQuotaReached,
    AwsRefused,
    AwsUnavailable,
    ChangedMeanwhile,
    DaypassError,
    IssuerUnreachable,
    NotFound,
)
from support.memory_iam import MemoryIam


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("AccessDenied", AwsPermissionMissing, 1),
        ("LimitExceeded", AwsQuotaReached, 1),
        ("MalformedPolicyDocument", AwsRefused, 1),
        ("UnmodifiableEntity", AwsRefused, 1),
        ("Throttling", AwsUnavailable, 3),
        ("ServiceFailure", AwsUnavailable, 3),
        ("ExpiredToken", AwsCredentialsUnusable, 3),
        ("InvalidClientTokenId", AwsCredentialsUnusable, 3),
        ("OpenIdIdpCommunicationError", IssuerUnreachable, 3),
        ("NoSuchEntity", NotFound, 2),
        ("EntityAlreadyExists", AlreadyExists, 2),
        ("ConcurrentModification", ChangedMeanwhile, 2),
        ("DeleteConflict", ChangedMeanwhile, 2),
    ],
)
def test_each_code_has_its_class(code: str, kind: type[DaypassError], status: int) -> None:
    iam = MemoryIam()
    iam.fail("GetRole", code)
    with pytest.raises(kind) as refused:
        ask(iam, "GetRole", RoleName="deploy")
    assert type(refused.value) is kind
    assert status_of(refused.value) == status
    assert refused.value.facts["aws_code"] == code
    assert "`deploy`" in refused.value.message or kind is AwsCredentialsUnusable


def test_the_missing_permission_is_named_with_its_resource() -> None:
    iam = MemoryIam()
    iam.fail("AddClientIDToOpenIDConnectProvider", "AccessDenied", message="User: x is not authorized")
    with pytest.raises(AwsPermissionMissing) as refused:
        ask(iam, "AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn="arn:p", ClientID="a")
    assert refused.value.facts["action"] == "iam:AddClientIDToOpenIDConnectProvider"
    assert refused.value.facts["resource"] == "arn:p"
    assert "User: x is not authorized" in str(refused.value.advice)


def test_lists_are_read_to_the_end() -> None:
    iam = MemoryIam()
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
    )
    for number in range(7):
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=trust)
    assert len([*pages(iam, "ListRoles", "Roles", MaxItems=2)]) == 7
    assert iam.asked.count("ListRoles") == 4
