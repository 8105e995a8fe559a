"""What IAM says of a role and of the provider of a token, asked with whatever credentials AWS's own tools would find.

Only for explanations: nothing here decides. Loads botocore, so it is imported after a refusal, and never before.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from daypass.aws.endpoint import IAM_REGIONS

if TYPE_CHECKING:
    from daypass.aws.credentials import Credentials
    from daypass.names import ProviderArn, RoleArn

# A token's file of AWS_WEB_IDENTITY_TOKEN_FILE is opened by botocore itself, and may not be there.
FAULTS: Final = (BotoCoreError, ClientError, OSError)
"""What asking AWS ends in when it does not go well."""
READING: Final = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})


class RoleRead(NamedTuple):
    """What was found out.

    Attributes:
        policy: the trust policy's text; None when it could not be read.
        absent: IAM says that there is no such role.
        max_duration_seconds: of the role; None when it could not be read.
        client_ids: of the token's provider; None when they could not be read.
        provider_absent: IAM says that there is no such provider.
        unread: why the role could not be read, in a word or two; None when it could.
    """

    policy: str | None = None
    absent: bool = False
    max_duration_seconds: int | None = None
    client_ids: tuple[str, ...] | None = None
    provider_absent: bool = False
    unread: str | None = None


def read_role(role: RoleArn, provider: ProviderArn | None, *, credentials: Credentials | None = None) -> RoleRead:
    """Read it, with `credentials`, or else with those of botocore's chain. Never raises for what IAM or AWS says.

    Args:
        role: which one.
        provider: whose client IDs are wanted, too.
        credentials: a session's.
    """
    given = (
        {}
        if credentials is None
        else {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key.reveal(),
            "aws_session_token": credentials.session_token.reveal(),
        }
    )
    try:
        session = botocore.session.Session()
        if not given and session.get_credentials() is None:
            return RoleRead(unread="there are no AWS credentials here to read it with")
        client: Any = session.create_client("iam", region_name=IAM_REGIONS.get(role.partition), config=READING, **given)
    except FAULTS as error:
        return RoleRead(unread=why_not(error))
    try:
        return _read(client, role, provider)
    finally:
        client.close()


def _read(client: Any, role: RoleArn, provider: ProviderArn | None) -> RoleRead:
    client_ids, provider_absent = None, False
    if provider is not None:
        try:
            found = client.get_open_id_connect_provider(OpenIDConnectProviderArn=str(provider))
            client_ids = tuple(found["ClientIDList"])
        except FAULTS as error:
            provider_absent = is_absent(error)
    try:
        found = client.get_role(RoleName=role.name)["Role"]
    except FAULTS as error:
        # Also "absent" when these credentials are of another account, where the name says nothing.
        return RoleRead(
            absent=is_absent(error) and not provider_absent,
            client_ids=client_ids,
            provider_absent=provider_absent,
            unread=why_not(error),
        )
    if found["Arn"] != str(role):
        return RoleRead(unread=f"the credentials here are of another account; they see {found['Arn']}")
    return RoleRead(
        policy=json.dumps(found["AssumeRolePolicyDocument"], indent=2),
        max_duration_seconds=found.get("MaxSessionDuration"),
        client_ids=client_ids,
        provider_absent=provider_absent,
    )


def is_absent(error: Exception) -> bool:
    """Whether IAM said that there is no such thing."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "NoSuchEntity"


def why_not(error: Exception) -> str:
    """Why IAM gave no answer, in a word or two."""
    if isinstance(error, ClientError):
        return f"IAM said {error.response.get('Error', {}).get('Code', 'no')}"
    return f"IAM could not be asked ({type(error).__name__})"
