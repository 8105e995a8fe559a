"""A local AWS on a real socket, an issuer beside it, and unmodified boto3 clients."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.sts.observed import Observed
    from support.https_issuer import HttpsIssuer

ACCOUNT = "111122223333"


class Clock:
    """The real time, moved as a test likes."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.stopped: datetime | None = None

    def stop(self) -> datetime:
        """Stand still, at a whole second."""
        self.stopped = datetime.now(UTC).replace(microsecond=0)
        return self.stopped

    def __call__(self) -> datetime:
        return (self.stopped or datetime.now(UTC)) + self.ahead


@dataclass
class Raw:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class LocalAws:
    """A local AWS that listens. `start` makes it another one, empty, with these choices."""

    port: int
    clock: Clock
    issuer: HttpsIssuer
    start: Callable[[Observed], None]
    clients: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, credentials: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """A boto3 client; as the account's administrator, or with what STS gave."""
        given = credentials or {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test"}
        options = {"region_name": "us-east-1", "endpoint_url": self.url, **options}
        client = boto3.client(
            service,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=options.pop("config", Config(retries={"max_attempts": 0})),
            **options,
        )
        self.clients.append(client)
        return client

    def raw(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Raw:
        """A request without any client's help."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, dict(headers or {}))
            answer = connection.getresponse()
            return Raw(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    @property
    def provider_arn(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.issuer.url.removeprefix('https://')}"

    def role_arn(self, name: str = "deploy") -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def policy(self, subject: str = "workspace:one") -> str:
        condition = {"StringEquals": {f"{self.issuer.url.removeprefix('https://')}:sub": subject}}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def prepare(self) -> None:
        """A provider and the role `deploy`."""
        iam = self.client("iam")
        iam.create_open_id_connect_provider(Url=self.issuer.url, ClientIDList=["sts.amazonaws.com"])
        iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=self.policy())

    def prepare_open(self) -> None:
        """The issuer's provider, and the role `open` for every token of it, with tags and source identity."""
        self.client("iam").create_open_id_connect_provider(Url=self.issuer.url, ClientIDList=["sts.amazonaws.com"])
        document = json.loads(self.policy())
        statement = document["Statement"][0]
        del statement["Condition"]
        statement["Action"] = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
        self.client("iam").create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(document))

    def permit(self, *statements: dict[str, Any], name: str = "permissions", role: str = "deploy") -> None:
        """An inline policy of a role."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    def token(self, **claims: Any) -> str:
        return self.issuer.token(now=self.clock().timestamp(), **claims)

    def assume(self, **arguments: Any) -> Any:
        given = {
            "RoleArn": self.role_arn(),
            "RoleSessionName": "job-1",
            "WebIdentityToken": self.token(),
            **arguments,
        }
        return self.client("sts").assume_role_with_web_identity(**given)


class Stage:
    """Where each test's own local AWS stands, so that one server serves them all."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)
        else:
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})


async def end(app: Any) -> None:
    """Tell an application that it ends."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    async def send(message: dict[str, str]) -> None:
        assert message["type"].endswith(".complete")

    await app({"type": "lifespan"}, receive, send)
