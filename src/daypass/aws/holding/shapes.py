"""A session in the forms in which AWS's tools take credentials.

Sources: AWS CLI user guide, Sourcing credentials with an external process, and Environment variables; AWS SDKs and
Tools reference guide, Container credential provider.
"""

from __future__ import annotations

import json
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daypass.aws.holding.age import Reading
    from daypass.aws.holding.cache import Held


def process_json(held: Held, at: Reading) -> str:
    """What a `credential_process` prints, Version 1. Clients come back before `Expiration`, by their own clock."""
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": held.access_key_id,
            "SecretAccessKey": held.secret_access_key.reveal(),
            "SessionToken": held.session_token.reveal(),
            "Expiration": utc(held.expires_here(at)),
            "AccountId": held.account,
        }
    )


def container_json(held: Held, at: Reading) -> str:
    """What a container credentials endpoint answers."""
    return json.dumps(
        {
            "AccessKeyId": held.access_key_id,
            "SecretAccessKey": held.secret_access_key.reveal(),
            "Token": held.session_token.reveal(),
            "Expiration": utc(held.expires_here(at)),
            "AccountId": held.account,
            "RoleArn": held.role_arn,
        }
    )


def variables(held: Held, at: Reading, region: str | None) -> dict[str, str]:
    """The environment variables that every SDK reads; nothing reads AWS_CREDENTIAL_EXPIRATION but people and scripts.

    `region` is set for boto3 (AWS_DEFAULT_REGION) and all others (AWS_REGION), when it is named.
    """
    found = {
        "AWS_ACCESS_KEY_ID": held.access_key_id,
        "AWS_SECRET_ACCESS_KEY": held.secret_access_key.reveal(),
        "AWS_SESSION_TOKEN": held.session_token.reveal(),
        "AWS_CREDENTIAL_EXPIRATION": utc(held.expires_here(at)),
    }
    return found if region is None else {**found, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def utc(seconds: float) -> str:
    """A moment in seconds since 1970 as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
