"""The endpoint under test: IAM and STS in AWS's wire form, without an SDK between."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from xml.etree import ElementTree as ET

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from daypass.errors import ServiceUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_VERSIONS: Final = {"iam": "2010-05-08", "sts": "2011-06-15"}
_FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came. Its body may hold credentials."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def text(self, name: str) -> str:
        """The text of the first element of this name, in any namespace; empty when there is none."""
        try:
            root = ET.fromstring(self.body)  # noqa: S314 - of the endpoint under test
        except ET.ParseError:
            return ""
        return next((each.text or "" for each in root.iter() if each.tag.rpartition("}")[2] == name), "")


def administrator() -> Credentials:
    """The credentials of the environment (AWS_ACCESS_KEY_ID and the rest), else the local AWS's own: test, test."""
    return Credentials(
        os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        os.environ.get("AWS_SESSION_TOKEN"),
    )


class Endpoint:
    """One endpoint; a context manager that closes its connections.

    Args:
        name: what reports call it.
        url: where STS is asked.
        iam_url: where IAM is asked; `url` when None.
        credentials: of an administrator.
        tls: for an HTTPS endpoint with a private authority.
    """

    def __init__(
        self,
        name: str,
        url: str,
        credentials: Credentials,
        *,
        iam_url: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self._urls = {"sts": url, "iam": iam_url or url}
        self._credentials = credentials
        self._region = os.environ.get("AWS_REGION", "us-east-1")
        if tls is None and not any(each.startswith("https:") for each in self._urls.values()):
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not used; reading the system's authorities takes long
        self._client = httpx.Client(trust_env=False, timeout=_SECONDS, verify=True if tls is None else tls)
        self.account = ""

    def __enter__(self) -> Self:
        """Find out the account.

        Raises:
            ServiceUnreachable: when it does not say who asks.
        """
        answer = self.call("sts", "GetCallerIdentity", {})
        self.account = answer.text("Account")
        if not self.account:
            self._client.close()
            raise ServiceUnreachable(
                f"`{self.url}` answers {answer.status} {answer.text('Code')} to GetCallerIdentity",
                advice="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an administrator's.",
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._client.close()

    def call(
        self, service: str, action: str, parameters: Mapping[str, str], credentials: Credentials | None = None
    ) -> Answer:
        """A signed call; of the administrator when no credentials are given.

        Raises:
            ServiceUnreachable: when no answer comes.
        """
        form = {"Action": action, "Version": _VERSIONS[service], **parameters}
        region = "us-east-1" if service == "iam" else self._region
        request = AWSRequest("POST", self._url(service), {"Content-Type": _FORM}, _encoded(form))
        SigV4Auth(credentials or self._credentials, service, region).add_auth(request)
        return self._send(service, request.data, dict(request.headers))

    def assume(self, parameters: Mapping[str, str]) -> Answer:
        """AssumeRoleWithWebIdentity, unsigned, with these parameters whatever they are.

        Raises:
            ServiceUnreachable: when no answer comes.
        """
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": _VERSIONS["sts"], **parameters}
        return self._send("sts", _encoded(form), {"Content-Type": _FORM})

    def _url(self, service: str) -> str:
        return self._urls[service].rstrip("/") + "/"

    def _send(self, service: str, body: bytes, headers: Mapping[str, Any]) -> Answer:
        try:
            answer = self._client.post(self._url(service), content=body, headers=dict(headers))
        except httpx.HTTPError as error:
            raise ServiceUnreachable(f"`{self._urls[service]}` does not answer: {type(error).__name__}") from None
        return Answer(answer.status_code, dict(answer.headers), answer.content)


def _encoded(form: Mapping[str, str]) -> bytes:
    return str(httpx.QueryParams(dict(form))).encode("ascii")
