"""What CloudFormation reads elsewhere, with the caller's rights: templates in S3, parameters of Systems Manager.

Both are requests like the caller's own: judged, and answered by the services behind.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from daypass.errors import TemplateMalformed
from daypass.localaws.faults import AwsError
from daypass.localaws.wire import Reply, WireRequest
from daypass.names import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    Ask = Callable[[str, WireRequest], Awaitable[Reply | AwsError]]

_MAX_TEMPLATE_BYTES: Final = 1024 * 1024
_IN_HOST: Final = re.compile(r"(?P<bucket>.+)\.s3(?:[.-][a-z0-9-]+)?\.(?:[a-z0-9-]+\.)?amazonaws\.com")
_IN_PATH: Final = re.compile(r"s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")
# Any absolute path that cannot climb, as clients write it.
_PATH: Final = re.compile(r"/[A-Za-z0-9._~$&'()*+,=:@!/%-]+")
_S3_ERROR: Final = (
    "S3 error: {}\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
)


class Reading:
    """Reads with the caller's rights.

    Args:
        ask: has a request to a service (`s3`, `ssm`) judged and answered.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def template(self, url: str) -> str | AwsError:
        """The template at the URL of an S3 object: AWS's hosts, and this server's, all mean the local S3."""
        path = _object(url)
        if path is None:
            return AwsError("ValidationError", 400, "TemplateURL must be a supported URL.")
        answer = await self._ask("s3", WireRequest("GET", path, "", (("host", "localhost"),), b""))
        if isinstance(answer, AwsError):
            said = "Access Denied" if answer.code == "AccessDenied" else answer.message
            message = _S3_ERROR.format(said)
            return AwsError("ValidationError", 400, message, answer.detail, authorization=answer.authorization)
        if answer.status != 200:
            return AwsError("ValidationError", 400, _S3_ERROR.format(_message(answer.body)))
        if len(answer.body) > _MAX_TEMPLATE_BYTES:
            return AwsError("ValidationError", 400, "Template may not exceed 1000000 bytes in size.")
        try:
            return answer.body.decode()
        except UnicodeDecodeError:
            return AwsError("ValidationError", 400, "Template format error: unsupported structure.")

    async def stored(self, names: Iterable[str]) -> dict[str, str] | AwsError:
        """The values of parameters that Systems Manager keeps, by name.

        Raises:
            TemplateMalformed: with CloudFormation's text, when one of them is not there.
        """
        wanted = sorted(set(names))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), 10):  # GetParameters takes ten
            body = json.dumps({"Names": wanted[start : start + 10]}).encode()
            headers = (
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "AmazonSSM.GetParameters"),
                ("host", "localhost"),
            )
            answer = await self._ask("ssm", WireRequest("POST", "/", "", headers, body))
            if isinstance(answer, AwsError):
                return replace(answer, code="ValidationError" if answer.http_status < 500 else answer.code)
            told = json.loads(answer.body) if answer.status == 200 else {}
            found |= {str(each["Name"]): str(each["Value"]) for each in told.get("Parameters", ())}
        if absent := [name for name in wanted if name not in found]:
            told = f"Unable to fetch parameters [{','.join(absent)}] from parameter store for this account."
            raise TemplateMalformed(told)
        return found


def _object(url: str) -> str | None:
    """Bucket and key of a URL, as the path under which the local S3 has them; None for any other URL."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.query or not _PATH.fullmatch(parts.path):
        return None
    if in_host := _IN_HOST.fullmatch(host):
        path = f"/{in_host['bucket']}{parts.path}"
    elif _IN_PATH.fullmatch(host) or is_loopback_host(host):
        path = parts.path
    else:
        return None
    return path if re.fullmatch(r"/[a-z0-9.-]+/.+", path) else None


def _message(body: bytes) -> str:
    try:
        found = ET.fromstring(body).findtext("Message")  # noqa: S314 - what moto has just written
    except ET.ParseError:
        found = None
    return found or "the object cannot be read"
