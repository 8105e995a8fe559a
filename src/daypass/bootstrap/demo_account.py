"""What `daypass up` finds in its account: a provider, a role that trusts one project's workspaces, and two secrets.

The role may read one of them.

Made through the local AWS's own front with signed requests, as anybody would make it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from daypass.names import ProviderArn

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.names import IssuerUrl

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
ROLE: Final = "demo-workspace"
CONNECTION_STRING_NAME: Final = "database_connection_string"
CONNECTION_STRING: Final = "postgresql://shop:not-a-real-password@db.example.com/shop"
NOT_FOR_THE_ROLE: Final = "payments_signing_key"
AUDIENCE: Final = "sts.amazonaws.com"


def furnish(endpoint: str, authority: Path, *, issuer: IssuerUrl, subjects: str) -> str:
    """Make provider, role and secrets in an empty local AWS; the role's ARN.

    Args:
        endpoint: the local AWS's URL.
        authority: PEM file of the authority that signed its certificate.
        issuer: whose tokens the role is for.
        subjects: a StringLike pattern of the `sub` that may enter.
    """
    iam = _client("iam", endpoint, authority)
    iam.create_open_id_connect_provider(Url=str(issuer), ClientIDList=[AUDIENCE])
    provider = ProviderArn("aws", ACCOUNT, issuer.without_scheme)
    trust_policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": str(provider)},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{issuer.without_scheme}:aud": AUDIENCE},
                    "StringLike": {f"{issuer.without_scheme}:sub": subjects},
                },
            }
        ],
    }
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust_policy))["Role"]
    secrets = _client("secretsmanager", endpoint, authority)
    secret = secrets.create_secret(Name=CONNECTION_STRING_NAME, SecretString=CONNECTION_STRING)
    secrets.create_secret(Name=NOT_FOR_THE_ROLE, SecretString="not-for-the-demo-role")
    permissions = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret["ARN"]}],
    }
    iam.put_role_policy(RoleName=ROLE, PolicyName="read-the-secret", PolicyDocument=json.dumps(permissions))
    return str(role["Arn"])


def _client(service: str, endpoint: str, authority: Path) -> Any:
    """A botocore client that sees nothing of the person's own AWS settings."""
    from botocore.config import Config
    from botocore.session import Session

    session = Session()
    for name, value in (("config_file", os.devnull), ("credentials_file", os.devnull), ("profile", None)):
        session.set_config_variable(name, value)
    return session.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        verify=str(authority),
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the administrator of every local AWS
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
