"""A local AWS that holds what a case says, and is asked for the case's role over its socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.fetching import Limits
from daypass.localaws.app import Front, LocalAwsConfig, build
from daypass.testing.conformance.cases import ROLE_NAME, ROLE_PATH
from support.laboratory.laboratory import ACCOUNT

if TYPE_CHECKING:
    import pytest

    from support.laboratory.laboratory import Laboratory, Specimen
    from support.local_aws import Stage

NO_THUMBPRINT: Final = "0" * 40
"""Nobody's. Given so that IAM does not ask the issuers, most of which do not answer well."""


class Sts:
    """One server for all cases; each has an account that holds nothing else."""

    def __init__(self, stage: Stage, port: int, laboratory: Laboratory) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._stage = stage
        self._laboratory = laboratory
        self._session = boto3.Session(ACCOUNT, "test", region_name="us-east-1")

    def prepare(self, specimen: Specimen) -> None:
        """Another local AWS, with the case's providers and role, at the case's time."""
        if isinstance(self._stage.app, Front):
            self._stage.app.instance.close()
        config = LocalAwsConfig(
            trust=(self._laboratory.ca_file,),
            connect_to=specimen.connect_to,
            limits=Limits(total_seconds=self._laboratory.budget),
        )
        self._stage.app = build(config, lambda: specimen.now)
        iam = self._client("iam")
        for url, client_ids in specimen.providers:
            thumbprint = specimen.vector.get("thumbprint", NO_THUMBPRINT)
            iam.create_open_id_connect_provider(Url=url, ClientIDList=list(client_ids), ThumbprintList=[thumbprint])
        if specimen.case.trust_policy is not None:
            iam.create_role(RoleName=ROLE_NAME, Path=ROLE_PATH, AssumeRolePolicyDocument=specimen.case.trust_policy)
        iam.close()

    def as_administrator(self, patch: pytest.MonkeyPatch) -> None:
        """Let AWS's own tools in this process find this server, and the account's administrator."""
        for name, value in self.environment().items():
            patch.setenv(name, value)

    def environment(self) -> dict[str, str]:
        """What AWS's own tools read."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def answer(self, specimen: Specimen) -> Any:
        """`granted`, or code, status and message."""
        sts = self._client("sts", signature_version=UNSIGNED)
        try:
            sts.assume_role_with_web_identity(**specimen.case.parameters)
        except ClientError as fault:
            answer = fault.response
            return {
                "code": answer["Error"]["Code"],
                "status": answer["ResponseMetadata"]["HTTPStatusCode"],
                "message": answer["Error"]["Message"],
            }
        finally:
            sts.close()
        return "granted"

    def _client(self, service: str, **config: Any) -> Any:
        return self._session.client(
            service, endpoint_url=self.url, config=Config(retries={"max_attempts": 0}, **config)
        )
